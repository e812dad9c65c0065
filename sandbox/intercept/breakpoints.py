"""Breakpoints for messages: where they stand, in the words of `--break`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sandbox.config.faults import KV_POINTS
from sandbox.config.names import WorkerNames
from sandbox.config.problems import nearest
from sandbox.errors import NotFound, UserError
from sandbox.intercept.places import Passing, Place

STEPS = ("handshake", "process", "acknowledge")
POINTS = (*STEPS, "request", "outbound", *KV_POINTS)


class BadBreakpoint(UserError):
    """A text that names no place where a message can be held."""

    code = "bad_breakpoint"


def parse(text: str, workers: Iterable[str]) -> Place:
    """`process:WORKER`, `request:WORKER/path*`, `outbound:https://feeds.test/*`, `kv.put:KEY*`; all but the point may be
    left out, and `*` stands for anything. Raises BadBreakpoint."""
    point, _, rest = text.partition(":")
    if point not in POINTS:
        hint = nearest(point, POINTS) or f"points: {', '.join(POINTS)}"
        raise BadBreakpoint(f"{text}: there is no point {point!r} to break at", hint=hint)
    if not rest:
        return Place((point,))
    if point in KV_POINTS:
        return Place((point,), key=rest)
    if point == "outbound":
        if not rest.startswith(("http://", "https://", "*")):
            raise BadBreakpoint(
                f"{text}: {rest} is no address", hint='write it whole, as in "outbound:https://feeds.test/*"'
            )
        return Place((point,), route=rest)
    name, slash, path = rest.partition("/")
    if slash and point != "request":
        raise BadBreakpoint(f"{text}: {point} has no path", hint=f"write {point}:{name}")
    names = WorkerNames(workers)
    if "*" not in name and names.canonical(name) is None:
        raise BadBreakpoint(f"{text}: there is no worker {name!r}", hint=names.hint(name))
    return Place((point,), worker=name, route=f"/{path}" if slash else None)


class Breakpoint:
    """One breakpoint. `hits` counts the messages that it held."""

    def __init__(self, id_: str, text: str, place: Place) -> None:
        self.id = id_
        self.text = text
        self.place = place
        self.hits = 0

    def as_json(self) -> dict[str, Any]:
        return {"id": self.id, "point": self.text, "hits": self.hits}


class Breakpoints:
    """The breakpoints there are. `changed()` is called after each change; `workers()` names the workers there are."""

    def __init__(self, workers: Callable[[], Iterable[str]], changed: Callable[[], None]) -> None:
        self._workers = workers
        self._changed = changed
        self._breakpoints: list[Breakpoint] = []
        self._count = 0

    def __iter__(self) -> Iterator[Breakpoint]:
        return iter(self._breakpoints)

    def __len__(self) -> int:
        return len(self._breakpoints)

    def add(self, text: str) -> Breakpoint:
        """Set a breakpoint, written as for `--break`; one that is there already is given back. Raises BadBreakpoint."""
        place = parse(text, self._workers())
        for known in self._breakpoints:
            if known.text == text:
                return known
        self._count += 1
        added = Breakpoint(f"b{self._count}", text, place)
        self._breakpoints.append(added)
        self._changed()
        return added

    def remove(self, id_: str) -> Breakpoint:
        """Remove one by its id or its text; what it holds stays held. Raises NotFound."""
        for known in self._breakpoints:
            if id_ in (known.id, known.text):
                self._breakpoints.remove(known)
                self._changed()
                return known
        there = ", ".join(known.id for known in self._breakpoints) or "none"
        raise NotFound(f"there is no breakpoint {id_}", code="breakpoint_unknown", hint=f"set: {there}")

    def clear(self) -> int:
        """Remove all; how many there were."""
        count = len(self._breakpoints)
        self._breakpoints.clear()
        self._changed()
        return count

    def stand_at(self, points: Iterable[str]) -> bool:
        """Whether any stands at one of these points."""
        return any(not known.place.points.isdisjoint(points) for known in self._breakpoints)

    def meet(self, passing: Passing) -> Breakpoint | None:
        """The first that means what passes now."""
        return next((known for known in self._breakpoints if known.place.meets(passing)), None)
