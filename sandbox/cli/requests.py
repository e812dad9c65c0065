"""`sandbox requests list` and `show`: every request, what was answered, and what happened on the way."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlsplit

import click

from sandbox.cli import session
from sandbox.cli.logs import clock_time, moment
from sandbox.cli.tables import as_json, duration, print_json, print_table, size
from sandbox.cli.trace_tree import print_body, print_headers, print_tree


@click.group("requests")
def command() -> None:
    """What was asked and answered.

    Example: sandbox requests show last
    """


@command.command("list")
@click.option("--worker", help="To this worker alone.")
@click.option("--status", help="With this status: 404, 5xx, or failed (400 and more, or no answer).")
@click.option("--method", help="With this method.")
@click.option("--grep", metavar="TEXT", help="With this text in the URL.")
@click.option("--since", metavar="AGO", help="Not older than this: 90s, 10m, 2h, 1d, or a time.")
@click.option("--execution", "execution_id", metavar="ID", help="In the trace of this execution.")
@click.option("--all", "own", is_flag=True, help="Also those to the sandbox itself (/api/...).")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--cursor", help="Where the page before ended.")
@as_json
@session.common
def list_(
    options: session.Options,
    worker: str | None,
    status: str | None,
    method: str | None,
    grep: str | None,
    since: str | None,
    execution_id: str | None,
    own: bool,
    limit: int,
    cursor: str | None,
    as_json: bool,
) -> None:
    """Requests that came in over HTTP, newest first.

    Example: sandbox requests list --worker feed_fetcher --status 5xx
    """
    query: dict[str, Any] = {"worker": worker, "status": status, "method": method, "grep": grep, "limit": limit}
    query |= {"cursor": cursor, "execution": execution_id, "all": "1" if own else None}
    query["since"] = None if since is None else moment(since)

    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            return await api.call("GET", "/api/requests", query=query)

    page = session.run(work())
    if as_json:
        print_json({"requests": page["requests"], "cursor": page["cursor"]})
        return
    if not page["requests"]:
        click.echo("No request fits." if any((worker, status, method, grep, since)) else "No request was recorded yet.")
        return
    print_table(
        ["Id", "At", "Worker", "Method", "Path", "Status", "Took", "Size"], map(_row, page["requests"]), right=[5, 6, 7]
    )
    if page["cursor"]:
        click.echo(f"older ones: --cursor {page['cursor']}")


def _row(request: dict[str, Any]) -> list[str]:
    url = urlsplit(request["url"])
    path = (url.path or "/") + (f"?{url.query}" if url.query else "")
    status = str(request["status"]) + ("*" if request["stale"] else "")
    took = f"{request['ms']:.1f} ms" if request["ms"] < 10 else duration(request["ms"])
    name = request["id"] + (f" (of {request['replay_of']})" if request["replay_of"] else "")
    return [
        name,
        clock_time(request["at"]),
        request["worker"] or "-",
        request["method"],
        path if len(path) <= 80 else path[:77] + "...",
        status,
        took,
        size(request["bytes"]),
    ]


@command.command()
@click.argument("request_id", metavar="REQUEST")
@as_json
@session.common
def show(options: session.Options, request_id: str, as_json: bool) -> None:
    """One request: what came in, what went out, and everything of its trace in between.

    REQUEST is the id that the answer's header x-sandbox-request tells, or `last`.

    \b
    Example: sandbox requests show r42
             sandbox requests show last
    """

    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            return await api.call("GET", f"/api/requests/{quote(request_id, safe='')}")

    answer = session.run(work())
    request, events = answer["request"], answer["events"]
    if as_json:
        print_json({"request": request, "events": events})
        return
    print_request(request, events)


def print_request(request: dict[str, Any], events: list[dict[str, Any]]) -> None:
    """For people."""
    serving = f"{request['worker'] or 'the sandbox'}"
    if request["generation"] is not None:
        serving += f", generation {request['generation']}" + (" (stale)" if request["stale"] else "")
    click.echo(click.style(f"{request['id']}  {request['method']} {request['url']}", bold=True))
    click.echo(f"{request['status']} in {request['ms']:.1f} ms, by {serving}, at {request['at']}")
    click.echo(f"trace {request['trace_id']}" + (f", under {request['parent_id']}" if request["parent_id"] else ""))
    if request["replay_of"]:
        click.echo(f"a replay of {request['replay_of']}")
    click.echo("\nRequest")
    print_headers(request["request_headers"])
    print_body(request["request_body"])
    click.echo("\nAnswer")
    print_headers(request["response_headers"])
    print_body(request["response_body"])
    click.echo("\nWhat happened")
    print_tree(request, events)
