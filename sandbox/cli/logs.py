"""`sandbox logs`: what happened, line by line, while a sandbox is up and afterwards."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from sandbox.cli import session
from sandbox.cli.console import COLOURS, LEVELS, told
from sandbox.client import Client
from sandbox.errors import UsageError
from sandbox.events import Event

PAGE = 500
FOLLOW_EVERY_S = 0.5
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_ABOUT = frozenset({"seq", "kind", "at", "time", "trace_id", "span_id", "parent_id", "stage", "packet_id"})


@click.command("logs")
@click.option("-f", "--follow", is_flag=True, help="Go on with what happens from now on.")
@click.option("--worker", help="Of this worker alone.")
@click.option(
    "--level", type=click.Choice(list(LEVELS)), default="info", show_default=True, help="The least that is shown."
)
@click.option("--since", metavar="AGO", help="Not older than this: 90s, 10m, 2h, 1d, or a time (2026-11-25T19:00).")
@click.option("--trace", "trace_id", metavar="ID", help="Of this trace (32 digits, or a request's id such as r42).")
@click.option("--execution", "execution_id", metavar="ID", help="Of this execution.")
@click.option("--grep", metavar="TEXT", help="Lines with this text.")
@click.option("-n", "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object for each.")
@session.common
def command(
    options: session.Options,
    follow: bool,
    worker: str | None,
    level: str,
    since: str | None,
    trace_id: str | None,
    execution_id: str | None,
    grep: str | None,
    limit: int,
    as_json: bool,
) -> None:
    """What workers printed and what happened to them, out of the event log; the newest at the end.

    At --level debug also each request, each call between workers and each outbound call.

    \b
    Example: sandbox logs -f --worker feed_fetcher
             sandbox logs --level debug --trace r42
             sandbox logs --since 10m --grep timeout
    """
    query = {"worker": worker, "execution": execution_id, "since": None if since is None else moment(since)}
    if LEVELS[level] > LEVELS["debug"]:
        query["loud"] = "1"
    lines = Lines(level, grep, as_json)
    if follow and session.running(options) is None:
        raise UsageError("nothing is up, so there is nothing to follow", hint="without -f it shows what was recorded")

    async def work() -> None:
        async with session.client(options) as api:
            query["trace"] = await trace_of(api, trace_id)
            last = await _past(api, query, lines, limit)
            while follow:
                await asyncio.sleep(FOLLOW_EVERY_S)
                answer = await api.call("GET", "/api/logs", query={**query, "after": last, "limit": PAGE})
                for event in answer["events"]:
                    lines.show(event)
                last = answer["events"][-1]["seq"] if answer["more"] else answer["last"]

    session.run(work())


async def _past(api: Client, query: Mapping[str, Any], lines: Lines, limit: int) -> int:
    """Show the newest `limit` lines that fit; returns the number of the newest event there is."""
    found: list[dict[str, Any]] = []
    cursor: int | None = None
    last = None
    while len(found) < limit:
        answer = await api.call("GET", "/api/logs", query={**query, "cursor": cursor, "limit": PAGE})
        last = answer["last"] if last is None else last
        found = [event for event in answer["events"] if lines.fits(event)] + found
        if not answer["more"]:
            break
        cursor = answer["events"][0]["seq"]
    for event in found[-limit:]:
        lines.show(event)
    return int(last or 0)


class Lines:
    """Events as lines: `level` is the least that is shown, `grep` a text they must hold."""

    def __init__(self, level: str, grep: str | None, as_json: bool) -> None:
        self._least = LEVELS[level]
        self._grep = grep
        self._as_json = as_json

    def fits(self, event: Mapping[str, Any]) -> bool:
        level, text = line_of(event)
        if text is None or LEVELS.get(level, 20) < self._least:
            return False
        return self._grep is None or self._grep in click.unstyle(text)

    def show(self, event: Mapping[str, Any]) -> None:
        if not self.fits(event):
            return
        level, text = line_of(event)
        assert text is not None
        if self._as_json:
            click.echo(json.dumps({**event, "level": level}, ensure_ascii=False))
            return
        colour = COLOURS.get(level)
        at = click.style(clock_time(event["at"]), dim=True)
        click.echo(f"{at} {click.style(text, fg=colour) if colour else text}")


def line_of(event: Mapping[str, Any]) -> tuple[str, str | None]:
    """Level and text of an event, as the console of `sandbox up` says it; and of those that it keeps to itself."""
    kind = event["kind"]
    fields = {key: value for key, value in event.items() if key not in _ABOUT or (key == "stage" and kind == "stage")}
    if kind == "request":
        level, text = told(Event(kind, 0.0, fields))
        return level, f"{event['worker'] or 'sandbox'} {event['id']} {text}"
    if kind == "call":
        where = f"{event['worker'] or 'orchestrator'} -> {event['to']}"
        what = f".{event['method']}()" if event["via"] == "rpc" else f" {event.get('method', event['via'])}"
        what += f" {event['url']}" if "url" in event else ""
        end = f": {event['error']}" if "error" in event else f" {event['status']}" if "status" in event else ""
        return "debug", f"{where}{what}{end} {event['ms']:.1f} ms"
    if kind in ("kv.put", "kv.delete"):
        return "debug", f"{event['worker'] or 'sandbox'} {kind} {event['namespace']} {event['key']}"
    if kind == "outbound":
        level, text = told(Event(kind, 0.0, fields))
        return level, text if "error" not in event or event["by"] == "refused" else f"{text} ({event['error']})"
    return told(Event(kind, 0.0, fields))


async def trace_of(api: Client, given: str | None) -> str | None:
    """A trace's id; that of a request by its own id."""
    if given is None or re.fullmatch(r"[0-9a-f]{32}", given):
        return given
    answer = await api.call("GET", f"/api/requests/{given}")
    return str(answer["request"]["trace_id"])


def clock_time(at: str) -> str:
    """`19:51:31.801`, by this machine's time zone."""
    moment = datetime.fromisoformat(at).astimezone()
    return moment.strftime("%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def moment(given: str) -> float:
    """What `since` of the API takes: `10m` ago as negative seconds, by the sandbox's clock; a time by ISO 8601 (local
    where it names no zone) as seconds since the epoch."""
    ago = re.fullmatch(r"(\d+)\s*([smhd])", given)
    if ago is not None:
        return -float(int(ago[1]) * _UNITS[ago[2]])
    try:
        return datetime.fromisoformat(given).timestamp()
    except ValueError:
        raise UsageError(
            f"--since {given}: neither an age nor a time", hint="as in 10m, 2h, 2026-11-25T19:00"
        ) from None
