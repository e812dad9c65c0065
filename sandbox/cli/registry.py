"""`sandbox registry list` and `sandbox registry apply`."""

from __future__ import annotations

from typing import Any, TextIO

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json, print_table


@click.group("registry")
def command() -> None:
    """The worker registry: the table of the migration guide.

    Example: sandbox registry apply registration.sql
    """


@command.command("list")
@as_json
@session.common
def list_(options: session.Options, as_json: bool) -> None:
    """What is registered.

    Example: sandbox registry list
    """

    async def work() -> list[dict[str, Any]]:
        async with session.client(options) as api:
            return list((await api.call("GET", "/api/registry"))["workers"])

    rows = session.run(work())
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("The registry is empty. Fill it with: sandbox registry apply FILE.sql")
        return
    columns = [
        "worker_name",
        "worker_url",
        "status",
        "protocol_version",
        "supports_handshake",
        "max_concurrent_executions",
    ]
    print_table(columns, [[str(row.get(column)) for column in columns] for row in rows])


@command.command()
@click.argument("file", type=click.File("r", encoding="utf-8"))
@session.common
def apply(options: session.Options, file: TextIO) -> None:
    """Run the guide's INSERT statements, as often as you like ("-" reads standard input).

    Example: sandbox registry apply registration.sql
    """
    text = file.read()

    async def work() -> list[str]:
        async with session.client(options) as api:
            answer = await api.call("POST", "/api/registry", body=text.encode(), headers={"content-type": "text/plain"})
            return list(answer["applied"])

    click.echo(f"registered: {', '.join(session.run(work()))}")
