"""`sandbox probe`: the migration guide's table, each cell from what was seen."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json, print_table

SHOWN = {"ok": ("ok", "green"), "failed": ("FAILED", "red"), "claimed": ("claimed", "yellow"), "no": ("no", None)}


@click.command("probe")
@click.argument("workers", nargs=-1)
@as_json
@session.common
def command(options: session.Options, workers: tuple[str, ...], as_json: bool) -> None:
    """Drive each worker once through the handshake protocol and say, cell by cell, what was seen.

    WORKERS are names or URLs; none means all. Exit 1 where a cell failed.

    Example: sandbox probe bitware_feed_fetcher
    """

    async def work() -> list[dict[str, Any]]:
        async with session.client(options, load=True) as api:
            return list((await api.call("POST", "/api/probe", json_body={"workers": list(workers)}))["results"])

    results = session.run(work())
    if as_json:
        print_json(results)
    else:
        columns = list(results[0]["cells"]) if results else []
        print_table(["Worker", *columns], [[r["worker"], *map(_word, r["cells"].values())] for r in results])
        for result in results:
            for column, cell in result["cells"].items():
                if cell["state"] in ("failed", "claimed") and cell["why"]:
                    click.echo(f"{result['worker']}, {column}: {cell['why']}")
    if any(result["failed"] for result in results):
        raise click.exceptions.Exit(1)


def _word(cell: dict[str, str]) -> str:
    if cell["state"] == "not checked":
        return f"not checked ({cell['why']})" if cell["why"] else "not checked"
    word, colour = SHOWN[cell["state"]]
    return f"[{colour}]{word}[/]" if colour else word
