"""The in-process fan-out of events: `emit` is an `Emit`, and costs next to nothing while nobody listens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock

logger = logging.getLogger("sandbox.events")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened. `at` is seconds since the epoch by the sandbox's clock.

    Kinds and their fields: `request` (worker, method, url, status, ms, stale), `log` (worker, level, text),
    `reload` (worker, generation, ms), `reload.failed` (worker, error, stale), `exception` (worker, text), `outbound` (worker, url, status, by),
    `cassette` (file, error),
    `scheduled` (worker, cron, scheduled_time, outcome, no_retry, ms, skipped; see `sandbox.app.crons`), `kv.put` / `kv.delete` (namespace, key), `execution` (execution_id, state), `stage` (execution_id, stage, state, ...),
    `clock` (now, offset_s, told), `fault` (id, fault, point, worker, where, text, ms), `held` and `continued`
    (see `sandbox.intercept.held`), `progress` (execution_id, stage, packet_id, percent, message),
    `loop.busy` (worker, ms, lasting, file, line, function, calling), `loop.ended` and `loop.stuck` (the same without
    lasting, with limit_ms).
    """

    kind: str
    at: float
    fields: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


class Bus:
    """Listeners get every event of the kinds they asked for, in order, on the loop's thread. A listener's own
    exception is logged and does not reach the emitter."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._listeners: dict[str, list[Listener]] = {}
        self._for_all: list[Listener] = []
        self.recorder: Listener | None = None
        """Gets every event, too, and counts as nobody: `wanted` is about who shows them."""
        self._at_once: list[Listener] = []

    def subscribe(self, listener: Listener, *kinds: str) -> Callable[[], None]:
        """Call `listener` for events of `kinds` (of all kinds where none is named). Returns what unsubscribes."""
        if not kinds:
            self._for_all.append(listener)
        for kind in kinds:
            self._listeners.setdefault(kind, []).append(listener)

        def unsubscribe() -> None:
            for group in (self._for_all, *(self._listeners.get(kind, []) for kind in kinds)):
                with suppress(ValueError):
                    group.remove(listener)

        return unsubscribe

    def subscribe_at_once(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for what `emit_at_once` says, in the thread that says it: for a console, which has to tell
        that the loop is blocked while it is. Returns what unsubscribes."""
        self._at_once.append(listener)
        return lambda: self._at_once.remove(listener)

    def wanted(self, kind: str) -> bool:
        """Whether anybody listens for `kind`: what a worker prints goes to the terminal where nobody does."""
        return bool(self._for_all) or bool(self._listeners.get(kind))

    def emit(self, kind: str, /, **fields: Any) -> None:
        targets = [*self._listeners.get(kind, ()), *self._for_all]
        if self.recorder is not None and kind != "request":  # those it is told whole, by the host
            targets.append(self.recorder)
        if not targets:
            return
        _tell(targets, Event(kind, self._clock.now(), fields))

    def emit_at_once(self, loop: asyncio.AbstractEventLoop, kind: str, /, **fields: Any) -> None:
        """Emit from another thread: at once to those who asked for that, to all others when `loop` gets to it."""
        event = Event(kind, self._clock.now(), fields)
        _tell(self._at_once, event)
        loop.call_soon_threadsafe(self._pass_on, event)

    def _pass_on(self, event: Event) -> None:
        listeners = [*self._listeners.get(event.kind, ()), *self._for_all]
        if self.recorder is not None:
            listeners.append(self.recorder)
        _tell([listener for listener in listeners if listener not in self._at_once], event)


def _tell(listeners: list[Listener], event: Event) -> None:
    for listener in listeners:
        try:
            listener(event)
        except Exception:
            logger.exception("a listener of %r events failed", event.kind)
