"""A trace as a tree of its hops, with times; headers and bodies for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import click

from sandbox.cli.logs import line_of
from sandbox.cli.tables import count, size

HOPS = ("request", "call", "outbound")
SHOWN_LINES = 60
DROPPED = {
    "limit": "longer than body_limit: by hash and length alone",
    "secret": "not kept: it is compressed and holds a secret",
}


def print_headers(pairs: Iterable[Sequence[str]]) -> None:
    for name, value in pairs:
        click.echo(f"  {click.style(name, fg='cyan')}: {value}")


def print_body(body: dict[str, Any] | None) -> None:
    """JSON laid out, other text as it is, anything else by its hash."""
    if body is None:
        return
    text = body.get("text")
    if text is None:
        why = DROPPED.get(body.get("dropped", ""), "binary" if "base64" in body else "not kept any more")
        click.echo(f"  ({size(body['size'])}, sha256 {(body['sha256'] or 'unknown')[:16]}: {why})")
        return
    with suppress(ValueError):  # else it is text
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    lines = text.splitlines()
    for line in lines[:SHOWN_LINES]:
        click.echo(f"  {line}")
    if len(lines) > SHOWN_LINES:
        click.echo(f"  ... {count(len(lines) - SHOWN_LINES, 'line')} more; --json shows all")
    if body.get("redacted"):
        click.echo("  (secrets were taken out)")


def print_tree(root: dict[str, Any], events: Sequence[dict[str, Any]]) -> None:
    """`root`, and under it everything of its trace in order. Times count from the root's beginning."""
    everything = [root, *events]
    hops = {event["span_id"] for event in everything if event["kind"] in HOPS and event.get("span_id")}
    under: dict[str | None, list[dict[str, Any]]] = {}
    for event in everything:
        span, parent = event.get("span_id"), event.get("parent_id")
        above = parent if event["kind"] in HOPS else span
        under.setdefault(above if above in hops else None, []).append(event)
    begin = _seconds(root)
    shown: set[int] = set()

    def show(event: dict[str, Any], depth: int) -> None:
        if event["seq"] in shown:
            return
        shown.add(event["seq"])
        _, text = line_of(event)
        lines = (text or event["kind"]).splitlines() or [""]
        if event.get("kv_reads"):
            lines[0] += f", {count(event['kv_reads'], 'KV read')}"
        offset = (_seconds(event) - begin) * 1000
        click.echo(f"{offset:9.1f} ms  {'  ' * depth}{lines[0]}")
        for line in lines[1:]:
            click.echo(f"{'':12}  {'  ' * depth}{line}")
        if event["kind"] in HOPS:
            for child in sorted(under.get(event["span_id"], ()), key=_order):
                show(child, depth + 1)

    for event in sorted(under.get(None, ()), key=_order):
        show(event, 0)


def _seconds(event: dict[str, Any]) -> float:
    return float(event["time"])


def _order(event: dict[str, Any]) -> tuple[float, int]:
    return (_seconds(event), event["seq"])
