"""`sandbox run`: a pipeline, or one worker, with live progress; what it made goes to a folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from sandbox.cli import session, stopped
from sandbox.cli.progress import Watch
from sandbox.cli.summary import print_execution
from sandbox.cli.tables import as_json, print_json
from sandbox.client import Client, over_http
from sandbox.config.models import EGRESS_MODES, fold
from sandbox.config.problems import choices
from sandbox.errors import UsageError, UserError

Begin = Callable[[Client], Awaitable[str]]
"""Starts an execution by the API; returns its id."""


class _Run(click.Command):
    """Says how a parameter is given to who writes it as an option (`--topic rail`) or as an argument (`topic=rail`)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            if error.possibilities or not error.option_name.startswith("--"):
                raise
            shown = error.option_name.removeprefix("--").replace("-", "_")
            raise UsageError(f"no option {error.option_name}", hint=_as_parameter(f"{shown}=VALUE")) from None
        except click.UsageError:
            extra = next((arg for arg in args[1:] if arg.partition("=")[0].isidentifier() and "=" in arg), None)
            if extra is None or args[args.index(extra) - 1] == "-p":
                raise
            raise UsageError(f"unexpected argument {extra}", hint=_as_parameter(extra)) from None


def _as_parameter(assignment: str) -> str:
    return f"a parameter is given as: -p {shlex.quote(assignment)}"


@click.command("run", cls=_Run)
@click.argument("name")
@click.option("-p", "parameters", multiple=True, metavar="KEY=VALUE", help="A parameter; VALUE is JSON, else a string.")
@click.option("--input", "input_file", type=click.File("rb"), help='The input as JSON, "-" reads standard input.')
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Where results go [out/<execution>].")
@click.option("--detach", is_flag=True, help="Return once it has started (needs a sandbox that is up).")
@click.option("--egress", type=click.Choice(EGRESS_MODES), help="What outbound calls may do (needs that none is up).")
@click.option("--pdb", is_flag=True, help="Open pdb at each unhandled exception of a worker.")
@click.option("--allow-stale", is_flag=True, help="Run although a worker's newest code does not load.")
@as_json
@session.common
def command(
    options: session.Options,
    name: str,
    parameters: tuple[str, ...],
    input_file: Any,
    out: Path | None,
    detach: bool,
    egress: str | None,
    allow_stale: bool,
    pdb: bool,
    as_json: bool,
) -> None:
    """Run the pipeline NAME, or drive the worker NAME (handshake, process, acknowledge).

    It runs in the sandbox that is up for this folder, else in one of its own, without a port.

    \b
    Example: sandbox run feed_report -p topic="battery recycling"
             sandbox run bitware_feed_fetcher --input feeds.json
             sandbox run feed_report --egress replay
    """
    body: dict[str, Any] = {"parameters": dict(map(parameter, parameters))}
    if input_file is not None:
        body["input"] = _json_input(input_file)
    if egress is not None:
        if session.running(options) is not None:
            raise UsageError("--egress is for a run without a sandbox that is up; restart that one with `up --egress`")
        options = replace(options, overrides={"egress": egress})
    if pdb:
        session.need_terminal("--pdb")

    async def begin(api: Client) -> str:
        body[await _kind(api, name, allow_stale=allow_stale)] = name
        return str((await api.call("POST", "/api/executions", json_body=body))["execution_id"])

    follow(options, begin, detach=detach, quiet=as_json, out=out, pdb=pdb)


def follow(
    options: session.Options, begin: Begin, *, detach: bool = False, quiet: bool, out: Path | None, pdb: bool = False
) -> None:
    """Begin an execution, show how it goes and what came of it; exit 1 where it does not complete."""
    execution = session.run(_follow(options, begin, detach=detach, quiet=quiet, out=out, pdb=pdb))
    if execution["state"] != "completed" and not detach:
        raise click.exceptions.Exit(1)


async def _follow(
    options: session.Options, begin: Begin, *, detach: bool, quiet: bool, out: Path | None, pdb: bool
) -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        holder = session.running(options)
        watch, look = Watch(quiet), None
        if holder is not None:
            if pdb and not holder.get("pdb"):
                raise UserError(
                    f"the workers run in the sandbox that is up (pid {holder.get('pid')}), which was started without --pdb",
                    hint="start that one with: sandbox up --pdb",
                    code="not_here",
                )
            look = await stack.enter_async_context(stopped.told(options.state(), watch.say))
            send = await stack.enter_async_context(over_http(holder["address"]))
            api = Client(send, holder.get("admin_token"))
        elif detach:
            raise UserError("--detach needs a sandbox that is up", hint="start one with: sandbox up", code="not_up")
        else:
            from sandbox.loader.debugger import when_paused  # loaded with the sandbox, when nothing is up

            stack.callback(when_paused(watch.hold))
            sandbox = await stack.enter_async_context(session.own_sandbox(options, load=True, post_mortem=pdb))
            sandbox.events.subscribe(watch.event, "log", "exception", "cassette")
            sandbox.events.subscribe_at_once(watch.event)
            api = session.local_client(sandbox)
        execution_id = await begin(api)
        if detach:
            if quiet:
                print_json({"execution_id": execution_id})
            else:
                click.echo(f"started {execution_id}\nsee: sandbox executions show {execution_id}")
            return {"state": "running"}
        with watch:
            watch.stages(await _execution(api, execution_id))
            first = True
            async for kind, data in api.events(execution_id):
                if first and holder is not None:
                    # what was held before the stream began
                    query = {"execution_id": execution_id}
                    for held in (await api.call("GET", "/api/held", query=query))["held"]:
                        watch.message_held(held)
                first = False
                watch.update(kind, data)
            if look is not None:
                look.once()
        execution = await _execution(api, execution_id)
        folder = out or Path("out") / execution_id
        written = await _deliver(api, execution, folder)
        if quiet:
            print_json({"execution": execution, "files": [str(path) for path in written]})
        else:
            print_execution(execution)
            for path in written:
                click.echo(f"  {path}")
        return execution


async def _kind(api: Client, name: str, *, allow_stale: bool) -> str:
    """Whether NAME is a pipeline or a worker; refuses what would run on old code."""
    pipelines = {row["name"]: row for row in (await api.call("GET", "/api/pipelines"))["pipelines"]}
    workers = {fold(row["name"]): row for row in (await api.call("GET", "/api/workers"))["workers"]}
    concerned = [stage["worker"] for stage in pipelines[name]["stages"]] if name in pipelines else [name]
    for worker in concerned:
        row = workers.get(fold(worker), {})
        if row.get("error") and (row.get("generation") is None or not allow_stale):
            raise UserError(
                f"the code of {row['name']} does not load: {row['error']}",
                hint="mend it" + ("" if row.get("generation") is None else ", or run the old code with --allow-stale"),
                code="stale_worker",
            )
    if name in pipelines:
        return "pipeline"
    if fold(name) in workers:
        return "worker"
    hint = choices(name, pipelines=pipelines, workers=[row["name"] for row in workers.values()])
    raise UserError(f"there is no pipeline or worker called {name}", hint=hint, code="not_found")


async def _execution(api: Client, execution_id: str) -> dict[str, Any]:
    return dict((await api.call("GET", f"/api/executions/{execution_id}"))["execution"])


async def _deliver(api: Client, execution: dict[str, Any], folder: Path) -> list[Path]:
    """Write what each last stage made; returns the files."""
    needed = {name for stage in execution["stages"] for name in stage["needs"]}
    written: list[Path] = []
    for stage in execution["stages"]:
        reference = stage.get("output_ref")
        if stage["name"] not in needed and reference:
            _, content = await api.fetch("GET", f"/api/references/{reference['ref_id']}", query={"raw": 1})
            written += _write(folder, stage["name"], content)
    return written


def _write(folder: Path, stage: str, content: bytes) -> list[Path]:
    """The output as JSON, and each HTML page in it as a file of its own."""
    output = json.loads(content)
    pages = {key: value for key, value in output.items() if _is_page(value)} if isinstance(output, dict) else {}
    files = {f"{stage}.html" if key == "html" else f"{stage}-{_plain(key)}.html": page for key, page in pages.items()}
    files[f"{stage}.json"] = json.dumps(output, indent=2, ensure_ascii=False)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def _is_page(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip()[:15].lower().startswith(("<!doctype html", "<html"))


def _plain(key: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in key)[:60]


def parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"-p {text}: expected KEY=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _json_input(file: Any) -> Any:
    try:
        return json.loads(file.read())
    except ValueError as error:
        shown = "standard input" if file is sys.stdin.buffer else file.name
        raise UsageError(f"--input: {shown} is not JSON: {error}") from None
