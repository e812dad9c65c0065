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

    async def work() -> dict[str, Any]:
        async with session.client(options, load=True) as api:
            return await api.call("POST", "/api/probe", json_body={"workers": list(workers)})

    answer = session.run(work())
    results = answer["results"]
    if as_json:
        print_json(results)
    else:
        if results:
            columns = ["Worker", *results[0]["cells"]]
            print_table(columns, [[r["worker"], *map(_word, r["cells"].values())] for r in results])
        else:
            click.echo("no worker says in its /health that it speaks the protocol; name one to probe it all the same")
        for result in results:
            for column, cell in result["cells"].items():
                if cell["state"] in ("failed", "claimed") and cell["why"]:
                    click.echo(f"{result['worker']}, {column}: {cell['why']}")
        if results and answer["skipped"]:
            click.echo(f"not probed, for they do not claim the protocol: {', '.join(answer['skipped'])}")
    if any(result["failed"] for result in results):
        raise click.exceptions.Exit(1)


def _word(cell: dict[str, str]) -> str:
    if cell["state"] == "not checked":
        return f"not checked ({cell['why']})" if cell["why"] else "not checked"
    word, colour = SHOWN[cell["state"]]
    return f"[{colour}]{word}[/]" if colour else word
