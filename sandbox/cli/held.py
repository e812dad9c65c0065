"""A held message as text: what it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LINES, WIDTH = 40, 200
"""How much of a message the console shows: lines, and characters of each."""


def headline(held: Mapping[str, Any]) -> str:
    """`held h1 process:feed_fetcher, packet_..., exec_... stage fetch`."""
    parts = [f"held {held['id']} {held['point']}:{held['worker']}"]
    if held.get("packet_id"):
        parts.append(held["packet_id"])
    if held.get("execution_id"):
        parts.append(held["execution_id"] + (f" stage {held['stage']}" if held.get("stage") else ""))
    return ", ".join(parts)


def input_line(shown: Mapping[str, Any], most: int | None) -> str:
    """The beginning of a message's input, at most so many characters."""
    text = shown["preview"]
    cut = not shown["complete"] or (most is not None and len(text) > most)
    return f"its input, {shown['size_bytes']} bytes: {text[:most]}{' ...' if cut else ''}"


def held_text(event: Mapping[str, Any]) -> str:
    """A `held` event with what to do about the message; long ones cut."""
    id_ = event["id"]
    lines = event["text"].splitlines()
    if len(lines) > LINES or not event["complete"]:
        lines = [*lines[:LINES], f"... all of it: sandbox continue {id_} --show"]
    lines = [line if len(line) <= WIDTH else line[:WIDTH] + " ..." for line in lines]
    if event.get("input") is not None:
        lines.append(input_line(event["input"], WIDTH))
    ways = f"go on: sandbox continue {id_}   change it: sandbox continue {id_} --edit   lose it: sandbox continue {id_} --fail"
    return "\n".join([headline(event), *lines, ways])
