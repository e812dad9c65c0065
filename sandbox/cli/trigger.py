"""`sandbox trigger`: a worker's `scheduled` handler, now."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json


@click.command("trigger")
@click.argument("worker")
@click.option("--cron", help="What the handler sees as its expression; default: the worker's only one.")
@click.option("--time", "moment", help="Its scheduled time: ISO 8601, or milliseconds since the epoch; default: now.")
@as_json
@session.common
def command(options: session.Options, worker: str, cron: str | None, moment: str | None, as_json: bool) -> None:
    """Call the `scheduled` handler of WORKER, as a cron trigger would. Exit 1 where it fails.

    Example: sandbox trigger newsletter --cron "0 6 * * *" --time 2026-11-26T06:00:00Z
    """
    body = {"worker": worker, "cron": cron, "time": moment}

    async def work() -> dict[str, Any]:
        async with session.client(options, load=True) as api:
            return await api.call("POST", "/api/trigger", json_body=body)

    answer = session.run(work())
    answer.pop("success", None)
    if as_json:
        print_json(answer)
    else:
        shown = f" {answer['cron']}" if answer["cron"] else ""
        click.echo(f"{answer['worker']} scheduled{shown} at {answer['scheduled_time']}: {answer['outcome']}")
        if answer["error"]:
            click.echo(f"error: {answer['error']}", err=True)
    if answer["outcome"] != "ok":
        raise click.exceptions.Exit(1)
