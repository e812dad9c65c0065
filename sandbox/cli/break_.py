"""`sandbox break add`, `list` and `remove`: breakpoints for messages, in the sandbox that is up."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, count, print_json, print_table
from sandbox.errors import UsageError


@click.group("break")
def command() -> None:
    """Breakpoints for messages: what passes is held until `sandbox continue`.

    POINT is handshake:WORKER, process:WORKER, acknowledge:WORKER, request:WORKER/PATH, outbound:URL, or kv.get, kv.put,
    kv.delete, kv.list with :KEY. All but the first word may be left out; * stands for anything.

    Example: sandbox break add process:feed_fetcher
    """


@command.command()
@click.argument("points", nargs=-1, required=True, metavar="POINT...")
@session.common
def add(options: session.Options, points: tuple[str, ...]) -> None:
    """Set breakpoints.

    Example: sandbox break add 'kv.put:result:*'
    """

    async def work() -> list[dict[str, Any]]:
        async with session.up_client(options) as api:
            sent = [{"point": point} for point in points]
            return [(await api.call("POST", "/api/breakpoints", json_body=body))["breakpoint"] for body in sent]

    for added in session.run(work()):
        click.echo(f"{added['id']}: {added['point']}")


@command.command("list")
@as_json
@session.common
def list_(options: session.Options, as_json: bool) -> None:
    """The breakpoints, and how many messages each has held.

    Example: sandbox break list
    """

    async def work() -> list[dict[str, Any]]:
        async with session.up_client(options) as api:
            return list((await api.call("GET", "/api/breakpoints"))["breakpoints"])

    found = session.run(work())
    if as_json:
        print_json(found)
    elif not found:
        click.echo("No breakpoint is set. Set one with: sandbox break add POINT")
    else:
        print_table(["Breakpoint", "Point", "Hits"], [[b["id"], b["point"], str(b["hits"])] for b in found], right=[2])


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID or POINT]...")
@click.option("--all", "all_", is_flag=True, help="Remove every breakpoint.")
@session.common
def remove(options: session.Options, ids: tuple[str, ...], all_: bool) -> None:
    """Remove breakpoints. What they hold stays held until `sandbox continue`.

    Example: sandbox break remove b1
    """
    if bool(ids) == all_:
        raise UsageError("name the breakpoints, or say --all", hint="`sandbox break list` shows them")

    async def work() -> tuple[list[str], int]:
        async with session.up_client(options) as api:
            if all_:
                removed = (await api.call("DELETE", "/api/breakpoints"))["removed"]
                told = [f"{removed} removed"]
            else:
                for id_ in ids:
                    await api.call("DELETE", f"/api/breakpoints/{quote(id_, safe='')}")
                told = [f"{id_} removed" for id_ in ids]
            return told, len((await api.call("GET", "/api/held"))["held"])

    told, held = session.run(work())
    for line in told:
        click.echo(line)
    if held:
        click.echo(f"{count(held, 'message')} still held: sandbox continue --list")
