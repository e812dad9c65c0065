"""`sandbox clock show`, `advance`, `set` and `reset`: the sandbox's clock."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json


@click.group("clock", invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> None:
    """The one clock: KV expiry, retries, cron triggers, and what workers read as the time.

    It stays moved across restarts, until it is reset.

    Example: sandbox clock advance 25h
    """
    if context.invoked_subcommand is None:
        context.invoke(show)


@command.command()
@as_json
@session.common
def show(options: session.Options, as_json: bool) -> None:
    """What time it is, and how far from the machine's.

    Example: sandbox clock show
    """
    _print(_ask(options, "GET"), as_json)


@command.command()
@click.argument("by")
@as_json
@session.common
def advance(options: session.Options, by: str, as_json: bool) -> None:
    """Move the clock on BY seconds, or by pieces such as 25h, "1d 30m" and 90s. What came due meanwhile happens now.

    Example: sandbox clock advance 25h
    """
    _print(_ask(options, "POST", {"advance": float(by) if by.isdecimal() else by}), as_json)


@command.command("set")
@click.argument("moment", metavar="TIME")
@as_json
@session.common
def set_(options: session.Options, moment: str, as_json: bool) -> None:
    """Set the clock to TIME: ISO 8601 (UTC where it names no zone), or milliseconds since the epoch.

    Example: sandbox clock set 2026-12-24T18:00:00Z
    """
    _print(_ask(options, "POST", {"set": moment}), as_json)


@command.command()
@as_json
@session.common
def reset(options: session.Options, as_json: bool) -> None:
    """The machine's time again.

    Example: sandbox clock reset
    """
    _print(_ask(options, "POST", {"reset": True}), as_json)


def _ask(options: session.Options, method: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            return dict(await api.call(method, "/api/clock", json_body=body))

    answer = session.run(work())
    answer.pop("success", None)
    return answer


def _print(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json({"now": answer["now"], "offset_s": answer["offset_s"]})
    else:
        click.echo(answer["told"])
