"""`sandbox executions list`, `show`, `cancel`, `rerun`, `export` and `import`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.summary import print_execution
from sandbox.cli.tables import as_json, duration, print_json, print_table, size
from sandbox.client import Client
from sandbox.errors import Conflict, UserError


@click.group("executions")
def command() -> None:
    """What ran.

    Example: sandbox executions list --status failed
    """


@command.command("list")
@click.option("--status", help="Only these: running, completed, failed, cancelled, ...")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--cursor", help="Where the page before ended.")
@as_json
@session.common
def list_(options: session.Options, status: str | None, limit: int, cursor: str | None, as_json: bool) -> None:
    """Executions, newest first.

    Example: sandbox executions list --status failed
    """

    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            query = {"status": status, "limit": limit, "cursor": cursor}
            return await api.call("GET", "/api/executions", query=query)

    page = session.run(work())
    if as_json:
        print_json({"executions": page["executions"], "cursor": page["cursor"]})
        return
    rows = [
        [e["execution_id"], e["pipeline"] or e["worker"], _state(e), e["created_at"], duration(e.get("duration_ms"))]
        for e in page["executions"]
    ]
    if not rows:
        click.echo(f"None is {status}." if status else "Nothing ran yet. Start with: sandbox run PIPELINE")
        return
    print_table(["Execution", "What", "State", "Created", "Took"], rows, right=[4])
    if page["cursor"]:
        chosen = f" --status {status}" if status else ""
        click.echo(f"more: sandbox executions list{chosen} --limit {limit} --cursor {page['cursor']}")


@command.command()
@click.argument("execution_id")
@as_json
@session.common
def show(options: session.Options, execution_id: str, as_json: bool) -> None:
    """One execution: its stages with times, bytes and errors.

    Example: sandbox executions show exec_2cbdbc423926f8ad
    """

    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            return dict((await api.call("GET", f"/api/executions/{quote(execution_id, safe='')}"))["execution"])

    execution = session.run(work())
    if as_json:
        print_json(execution)
    else:
        print_execution(execution)


@command.command()
@click.argument("execution_id")
@session.common
def cancel(options: session.Options, execution_id: str) -> None:
    """Stop an execution; the worker that is at it is told so.

    Example: sandbox executions cancel exec_2cbdbc423926f8ad
    """

    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            return await api.call("POST", f"/api/executions/{quote(execution_id, safe='')}/cancel")

    answer = session.run(work())
    click.echo(f"{answer['execution_id']}: {answer['state']}")


@command.command()
@click.argument("execution_id")
@click.option("--from", "from_stage", metavar="STAGE", help="Only this stage, and those that follow from it.")
@click.option("-p", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter in place of the one it had.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where results go [out/<execution>].")
@as_json
@session.common
def rerun(
    options: session.Options,
    execution_id: str,
    from_stage: str | None,
    parameters: tuple[str, ...],
    out: Path | None,
    as_json: bool,
) -> None:
    """Run an execution once more, as a new one: on the input it had, through the code, the KV and the network of today.

    With --from the outputs of stages that do not follow from STAGE are taken over.

    Example: sandbox executions rerun exec_2cbdbc423926f8ad --from classify
    """
    from sandbox.cli.run import follow, parameter  # its progress bars are heavy, and the other commands show none

    body = {"from": from_stage, "parameters": dict(map(parameter, parameters))}

    async def begin(api: Client) -> str:
        path = f"/api/executions/{quote(execution_id, safe='')}/rerun"
        return str((await api.call("POST", path, json_body=body))["execution_id"])

    follow(options, begin, quiet=as_json, out=out)


@command.command()
@click.argument("execution_id")
@click.argument("file")
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@session.common
def export(options: session.Options, execution_id: str, file: str, force: bool) -> None:
    """Write an execution into one FILE ("-": standard output), with all that is needed to replay it in another sandbox.
    Secrets stay here.

    Example: sandbox executions export exec_2cbdbc423926f8ad bug.zip
    """

    async def work() -> bytes:
        async with session.client(options) as api:
            return (await api.fetch("GET", f"/api/executions/{quote(execution_id, safe='')}/export"))[1]

    there = Conflict(f"{file} is there already", hint="choose another name, or replace it with --force")
    if file != "-" and not force and Path(file).exists():
        raise there
    content = session.run(work())
    try:
        with click.open_file(file, "wb" if force or file == "-" else "xb") as target:
            target.write(content)
    except FileExistsError:
        raise there from None
    except OSError as error:
        raise UserError(f"{file}: {error.strerror}", code="file") from None
    click.echo(f"{file}: {size(len(content))}; import it with: sandbox executions import {file}", err=True)


@command.command("import")
@click.argument("file", type=click.File("rb"))
@session.common
def import_(options: session.Options, file: Any) -> None:
    """Take in an execution from a FILE that `export` wrote. It is listed here as imported, and can be replayed.

    Example: sandbox executions import bug.zip
    """
    content = file.read()

    async def work() -> str:
        async with session.client(options) as api:
            return str((await api.call("POST", "/api/executions/import", body=content))["execution_id"])

    execution_id = session.run(work())
    click.echo(f"imported {execution_id}\nrun it again: sandbox replay {execution_id}")


def _state(execution: dict[str, Any]) -> str:
    return f"{execution['state']}, imported" if execution.get("imported_at") else str(execution["state"])
