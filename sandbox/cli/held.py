"""A held message as text: what it is, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

LINES, WIDTH = 40, 200
"""How much of a message the console shows: lines, and characters of each."""


def headline(held: Mapping[str, Any]) -> str:
    """`held h1 process:feed_fetcher, packet_..., exec_... stage fetch`."""
    about = [held["packet_id"], f"{held['execution_id']} stage {held['stage']}" if held["execution_id"] else None]
    return ", ".join([f"held {held['id']} {held['point']}:{held['worker']}", *(part for part in about if part)])


def input_line(shown: Mapping[str, Any], most: int | None) -> str:
    """The beginning of a message's input, at most so many characters."""
    text = shown["preview"]
    cut = not shown["complete"] or (most is not None and len(text) > most)
    return f"its input, {shown['size_bytes']} bytes: {text[:most]}{' ...' if cut else ''}"


def held_text(held: Mapping[str, Any]) -> str:
    """A held message with what to do about it; long ones cut."""
    lines = json.dumps(held["message"], indent=2, ensure_ascii=False).splitlines()
    if len(lines) > LINES:
        lines = [*lines[:LINES], f"... {len(lines) - LINES} lines more: sandbox continue {held['id']} --show"]
    lines = [line if len(line) <= WIDTH else line[:WIDTH] + " ..." for line in lines]
    if held["input"] is not None:
        lines.append(input_line(held["input"], WIDTH))
    id_ = held["id"]
    ways = f"go on: sandbox continue {id_}   change it: sandbox continue {id_} --edit   lose it: sandbox continue {id_} --fail"
    return "\n".join([headline(held), *lines, ways])
