"""Where two outputs differ: by path where both are JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, zip_longest
from typing import Any

import sandbox.orchestrator.codec as codec

SHOWN = 20
"""How many differences are listed."""
_WIDTH = 120
_ABSENT: Any = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """`path` is `$.articles[3].title`; `was` and `now` are JSON text, shortened, or None where there is nothing."""

    path: str
    was: str | None
    now: str | None

    def as_json(self) -> dict[str, Any]:
        return {"path": self.path, "was": self.was, "now": self.now}


def differences(was: bytes, now: bytes, most: int = SHOWN) -> tuple[list[Difference], bool]:
    """The first `most` differences, and whether there are more. Objects in another order of keys do not differ."""
    if was == now:
        return [], False
    try:
        found = _compared("$", codec.loads(was), codec.loads(now))
    except codec.BadJson:
        found = iter([Difference("$", f"{len(was)} bytes", f"{len(now)} bytes")])
    listed = list(islice(found, most + 1))
    return listed[:most], len(listed) > most


def _compared(path: str, was: Any, now: Any) -> Iterator[Difference]:
    if isinstance(was, dict) and isinstance(now, dict):
        for key in [*was, *(key for key in now if key not in was)]:
            inner = f"{path}.{key}" if key.isidentifier() else f"{path}[{codec.dumps(key).decode()}]"
            yield from _compared(inner, was.get(key, _ABSENT), now.get(key, _ABSENT))
    elif isinstance(was, list) and isinstance(now, list):
        yield from _lists(path, was, now)
    elif type(was) is not type(now) or was != now:
        yield Difference(path, _shown(was), _shown(now))


def _lists(path: str, was: list[Any], now: list[Any]) -> Iterator[Difference]:
    """What is equal at both ends is left out, so that one item more does not make all that follow differ."""
    head = 0
    while head < min(len(was), len(now)) and was[head] == now[head]:
        head += 1
    tail = 0
    while tail < min(len(was), len(now)) - head and was[-1 - tail] == now[-1 - tail]:
        tail += 1
    pairs = zip_longest(was[head : len(was) - tail], now[head : len(now) - tail], fillvalue=_ABSENT)
    for at, (before, after) in enumerate(pairs, start=head):
        yield from _compared(f"{path}[{at}]", before, after)


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    text = codec.dumps(value).decode(errors="replace")
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"
