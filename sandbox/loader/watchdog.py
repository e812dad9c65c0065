"""The watchdog: tells who keeps the event loop busy, and ends worker code that keeps it for longer than its limit.

A thread looks twenty times a second at what the loop's thread runs. It costs a request nothing: nothing is noted on its
way. What counts is the time of one stretch, from when the loop began to run something until that returns to the loop:
elapsed time and not CPU, for a worker that sleeps keeps everybody waiting as well.
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import threading
import time
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from sandbox.config.models import WorkerConfig
from sandbox.loader.debugger import when_paused
from sandbox.loader.ending import CAN_END, GRACE_S, Demand, Ender
from sandbox.loader.imports import Namespace
from sandbox.loader.stack import Point, Stack, read_stack
from sandbox.loader.tracebacks import short_path
from sandbox.runtime.context import current_invocation

logger = logging.getLogger("sandbox.loader")

TICK_S = 0.05
SLOW_S = 0.25
"""A stretch from here on is told; a shorter limit cannot be told from the machine's own hiccups and counts as this."""
LIMIT_S = 5.0
"""The limit of a worker whose wrangler file has no `[limits] cpu_ms`."""
SAY_S = 1.0
"""A stretch that lasts is told while it lasts."""
STUCK_S = 2.0
"""How long after the limit it is said that the code cannot be stopped."""
IMPORTS_S = 20.0
"""Importing a package that workers share does not count, up to this."""
CPU_MS = 30_000
"""What an invocation may take on Cloudflare's paid plan where the wrangler file sets no limit:
https://developers.cloudflare.com/workers/platform/limits/#cpu-time"""
SLOWER = 4
"""Pyodide is several times slower than CPython: a share of one in so many is told."""
CERTAIN = 3
"""So often it must have been seen: fewer may be chance."""
_IDLE = selectors.DefaultSelector.select.__code__


class Tell(Protocol):
    """Called from the watchdog's thread. `loop.busy` (worker, ms, lasting, file, line, function, calling),
    `loop.ended` and `loop.stuck` (the same without `lasting`, with limit_ms)."""

    def __call__(self, kind: str, /, **fields: object) -> None: ...


@dataclass(slots=True, eq=False)
class _Stretch:
    """What the loop has been running since `began`. `turn` and `load` tell a handle that is run again, and the loading
    of several workers in a row, from one long stretch."""

    handle: weakref.ref[asyncio.Handle]
    turn: int
    load: int
    began: float
    seen: int = 1
    importing_s: float = 0.0
    over: float | None = None
    points: Counter[Point] = field(default_factory=Counter)
    latest: Point | None = None
    told: bool = False
    asked: float | None = None
    stuck: bool = False

    def note(self, point: Point | None) -> None:
        if point is not None:
            self.latest = point
            self.points[point] += 1

    def busy(self, now: float) -> float:
        return now - self.began - min(self.importing_s, IMPORTS_S)

    def mostly(self) -> Point | None:
        """The place it was seen at most often."""
        lines = Counter[tuple[str, str, int]]()
        latest: dict[tuple[str, str, int], Point] = {}
        for point, count in self.points.items():
            key = (point.worker, point.code.co_filename, point.line)
            lines[key] += count
            latest[key] = point
        return latest[lines.most_common(1)[0][0]] if lines else None


class Watchdog:
    """Watches the loop it is started on. `config_of(folded name)` is a worker's configuration, None for an unknown one.

    Off the main thread, and on Windows, it only tells and ends nothing.
    """

    def __init__(self, config_of: Callable[[str], WorkerConfig | None], tell: Tell) -> None:
        self._config_of = config_of
        self._tell = tell
        self._stretch: _Stretch | None = None
        self._turn = 0
        self._last = 0.0
        self._paused = False
        self._stopped = threading.Event()
        self._ender: Ender | None = None

    def start(self) -> None:
        """Watch the running loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        if CAN_END and self._thread == threading.main_thread().ident:
            self._ender = Ender(self._limit, self._place)
            self._ender.install()
            # At once: an expression that begins before the thread has looked once would never let it.
            self._ender.feed(time.monotonic())
        self._unpause = when_paused(self._pause)
        self._watcher = threading.Thread(target=self._watch, name="sandbox watchdog", daemon=True)
        self._watcher.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stopped.set()
        self._watcher.join()
        self._unpause()
        if self._ender is not None:
            self._ender.uninstall()

    # -- in the watchdog's thread ------------------------------------------------------------------------------------

    def _watch(self) -> None:
        while not self._stopped.wait(TICK_S):
            try:
                self._look()
            except Exception:
                logger.exception("the watchdog stumbled")
                self._stretch = None

    def _look(self) -> None:
        now = time.monotonic()
        if self._ender is not None:
            self._ender.feed(now)
        frame = None if self._paused else sys._current_frames().get(self._thread)
        if frame is None or frame.f_code is _IDLE:
            self._close(now)
            return
        stack = read_stack(frame)
        del frame
        stretch = self._stretch
        if stack.debugged:
            self._stretch = None
        elif stack.handle is None:
            self._close(now)
        elif (
            stretch is None
            or stretch.handle() is not stack.handle
            or (stretch.turn, stretch.load) != (self._turn, Namespace.count)
        ):
            self._close(now)
            self._open(stack, now)
            self._count(stack)
        else:
            self._note(stretch, stack, now)
            self._count(stack)
            del stack
            self._judge(stretch, now)
        self._last = now

    def _open(self, stack: Stack, now: float) -> None:
        assert stack.handle is not None
        stretch: _Stretch

        def gone(_: object) -> None:
            stretch.over = time.monotonic()

        stretch = self._stretch = _Stretch(weakref.ref(stack.handle, gone), self._turn, Namespace.count, now)
        stretch.note(stack.point())

    def _note(self, stretch: _Stretch, stack: Stack, now: float) -> None:
        stretch.seen += 1
        if stretch.seen == 2:
            # What watches a socket is one handle for good: this tells whether the loop came round meanwhile.
            self._loop.call_soon_threadsafe(self._came_round)
        stretch.note(stack.point())
        if stack.importing:
            stretch.importing_s += now - self._last

    def _count(self, stack: Stack) -> None:
        """Count what one invocation takes of the processor, over all its stretches: each look stands for a tick."""
        place = stack.place
        if place is None or stack.handle is None or stack.importing:
            return
        invocation = stack.handle._context.get(current_invocation)  # type: ignore[attr-defined]
        if invocation is None or invocation.worker.checks is None:
            return
        invocation.ticks += 1
        config = self._config_of(invocation.worker.name)
        limit_ms = CPU_MS if config is None or config.cpu_ms is None else config.cpu_ms
        took_ms = round(invocation.ticks * TICK_S * 1000)
        if invocation.ticks >= CERTAIN and took_ms >= limit_ms / SLOWER:
            text = (
                f"about {took_ms} ms of processor time in one invocation; of the {limit_ms:,} ms allowed on Cloudflare, "
                f"where Python is several times slower"
            )
            invocation.worker.checks.found("cpu-time", text, place)

    def _came_round(self) -> None:
        self._turn += 1

    def _judge(self, stretch: _Stretch, now: float) -> None:
        busy = stretch.busy(now)
        if busy >= SAY_S and not stretch.told:
            point = stretch.mostly()
            if point is not None:
                stretch.told = True
                self._say("loop.busy", point, busy, lasting=True)
        if self._ender is None or stretch.latest is None:
            return
        limit = self._limit(stretch.latest.worker)
        if busy < limit:
            return
        demand = self._ender.demand
        if demand is None or demand.handle is not stretch.handle:
            # Asked for once already, the worker has ended and a caller of it goes on: that gets a moment, too.
            if stretch.asked is None or now - stretch.asked > GRACE_S:
                stretch.asked = now
                self._ender.demand = Demand(stretch.handle, busy, limit, now)
                self._ender.send()
        elif now - demand.asked > GRACE_S:
            self._ender.send()
        if stretch.asked is not None and now - stretch.asked > STUCK_S and not stretch.stuck:
            stretch.stuck = True
            self._say("loop.stuck", stretch.latest, busy, limit_ms=round(limit * 1000))

    def _close(self, now: float) -> None:
        """The stretch has ended."""
        stretch, self._stretch = self._stretch, None
        if stretch is not None:
            busy = stretch.busy(stretch.over or now)
            point = stretch.mostly()
            if busy >= SLOW_S and point is not None and stretch.asked is None:
                self._say("loop.busy", point, busy, lasting=False)
        while self._ender is not None and self._ender.ended:
            ended = self._ender.ended.popleft()
            self._say("loop.ended", ended.point, ended.busy_s, limit_ms=round(ended.limit_s * 1000))

    def _say(self, kind: str, point: Point, busy_s: float, **more: object) -> None:
        config = self._config_of(point.worker)
        self._tell(
            kind,
            worker=point.worker if config is None else config.name,
            ms=round(busy_s * 1000),
            file=_shown(point, config),
            line=point.line,
            function=point.code.co_name,
            calling=point.calling,
            **more,
        )

    # -- in either ---------------------------------------------------------------------------------------------------

    def _pause(self, paused: bool) -> None:
        self._paused = paused

    def _limit(self, worker: str) -> float:
        """Seconds on the loop that a worker's code may take in one stretch."""
        config = self._config_of(worker)
        return LIMIT_S if config is None or config.cpu_ms is None else max(config.cpu_ms / 1000, SLOW_S)

    def _place(self, point: Point) -> str:
        return f"{_shown(point, self._config_of(point.worker))}:{point.line} in {point.code.co_name}"


def _shown(point: Point, config: WorkerConfig | None) -> str:
    return point.code.co_filename if config is None else short_path(point.code.co_filename, config)
