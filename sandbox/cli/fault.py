"""`sandbox fault add`, `list` and `remove`: faults on purpose, in the sandbox that is up."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json, print_table
from sandbox.config.faults import KINDS, POINTS
from sandbox.errors import UsageError

_HOW = ("ms", "jitter_ms", "status", "bytes_per_second", "after_bytes", "probability", "times")


@click.group("fault")
def command() -> None:
    """Faults on purpose: latency, an error status, a lost connection, a slow body, KV's 429.

    They last as long as the sandbox that is up; [[faults]] in sandbox.toml takes the same fields.

    Example: sandbox fault add status --worker feed_fetcher --status 503 --header "Retry-After: 2"
    """


@command.command()
@click.argument("kind", type=click.Choice([kind.replace("_", "-") for kind in KINDS]))
@click.option("--at", type=click.Choice(POINTS), help="Where it stands, if the other options do not say it.")
@click.option("--worker", help="Whose requests or steps; the caller for outbound, service and KV. May hold *.")
@click.option("--route", help="A path (/classify*), or an address for outbound calls (https://feeds.test/*).")
@click.option("--binding", help="A service or KV binding by its name, or a KV namespace's id.")
@click.option("--key", help="A KV key; may hold *.")
@click.option("--ms", type=int, help="latency: milliseconds.")
@click.option("--jitter-ms", type=int, help="latency: up to so many milliseconds more.")
@click.option("--status", type=int, help="status: the answer's.")
@click.option("--body", help="status: the answer's body.")
@click.option("--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="status: a header of the answer.")
@click.option("--bytes-per-second", type=int, help="slow-body: how fast it arrives.")
@click.option("--after-bytes", type=int, help="truncate: how much of the body arrives.")
@click.option("--probability", type=float, help="How likely it strikes, from 0 to 1 [1].")
@click.option("--seed", type=int, help="Repeats its chance; a new one where none is given.")
@click.option("--times", type=int, help="Strike so often and no more.")
@as_json
@session.common
def add(options: session.Options, kind: str, headers: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Put a fault in force.

    \b
    Example: sandbox fault add latency --worker feed_fetcher --ms 500 --jitter-ms 200
             sandbox fault add drop --at process --worker feed_fetcher --times 1
             sandbox fault add kv-429 --binding RESULT_CACHE --probability 0.3 --seed 7
    """
    fields = {"kind": kind, **{name: value for name, value in given.items() if value is not None}}
    if headers:
        fields["headers"] = dict(map(_header, headers))

    async def work() -> dict[str, Any]:
        async with session.up_client(options) as api:
            return dict((await api.call("POST", "/api/faults", json_body=fields))["fault"])

    fault = session.run(work())
    if as_json:
        print_json(fault)
    else:
        click.echo(f"{fault['id']}: {_what(fault)}, {_where(fault)}\nlift it: sandbox fault remove {fault['id']}")


@command.command("list")
@as_json
@session.common
def list_(options: session.Options, as_json: bool) -> None:
    """The faults in force, and how often each was met and struck.

    Example: sandbox fault list
    """

    async def work() -> list[dict[str, Any]]:
        async with session.up_client(options) as api:
            return list((await api.call("GET", "/api/faults"))["faults"])

    faults = session.run(work())
    if as_json:
        print_json(faults)
        return
    if not faults:
        click.echo("No fault is in force. Add one with: sandbox fault add KIND")
        return
    print_table(
        ["Fault", "What", "Where", "From", "Seed", "Seen", "Injected"],
        [[f["id"], _what(f), _where(f), f["origin"], _seed(f), str(f["seen"]), str(f["injected"])] for f in faults],
        right=[5, 6],
    )


@command.command()
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("--all", "all_", is_flag=True, help="Lift every fault.")
@session.common
def remove(options: session.Options, ids: tuple[str, ...], all_: bool) -> None:
    """Lift faults. Those of sandbox.toml come back when that is read again.

    Example: sandbox fault remove f1
    """
    if bool(ids) == all_:
        raise UsageError("name the faults, or say --all", hint="`sandbox fault list` shows them")

    async def work() -> list[str]:
        async with session.up_client(options) as api:
            if all_:
                return [f"{(await api.call('DELETE', '/api/faults'))['removed']} removed"]
            for id_ in ids:
                await api.call("DELETE", f"/api/faults/{quote(id_, safe='')}")
            return [f"{id_} removed" for id_ in ids]

    for line in session.run(work()):
        click.echo(line)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"--header {text}: expected NAME: VALUE")
    return name.strip(), value.strip()


def _what(fault: dict[str, Any]) -> str:
    """`latency ms=500 times=1`."""
    return " ".join([fault["kind"], *(f"{name}={fault[name]:g}" for name in _HOW if name in fault)])


def _seed(fault: dict[str, Any]) -> str:
    """Only where chance has a part in it."""
    return str(fault["seed"]) if "probability" in fault or "jitter_ms" in fault else ""


def _where(fault: dict[str, Any]) -> str:
    """`process feed_fetcher`."""
    points = fault["points"]
    at = fault.get("at") or ("kv" if len(points) == 4 else "binding" if len(points) > 1 else points[0])
    narrowed = [fault[name] for name in ("worker", "route", "binding", "key") if name in fault]
    return " ".join([at, *narrowed])
