"""Cron triggers: `triggers.crons` of every worker, by the sandbox's clock."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.clock import Clock
from sandbox.config.cron import Cron
from sandbox.config.models import WorkerConfig
from sandbox.errors import SandboxError, WorkerExceeded
from sandbox.runtime.protocols import Emit, Invoke
from sandbox.runtime.trace import hop

LOOK_EVERY_S = 1.0
"""How soon a clock that was moved is noticed, in seconds of the machine."""
MOST_AT_ONCE = 100
"""Where the clock was moved over more moments of one expression than this, the newest of them fire."""


class Crons:
    """Calls `scheduled` of a worker at each moment of each of its expressions, once, with that moment.

    Where the clock moves on over several moments, all of them fire, in their order, up to MOST_AT_ONCE of an expression;
    where it moves back, nothing fires a second time until it comes to the moments again. What the handler raises is
    reported as for a request, and does not keep the next moment from firing.

    Events: `scheduled` (worker, cron, scheduled_time, outcome, no_retry, ms, skipped) after each call.
    """

    def __init__(self, invoke: Invoke, clock: Clock, emit: Emit) -> None:
        self._invoke = invoke
        self._clock = clock
        self._emit = emit
        self._crons: dict[tuple[str, str], Cron] = {}
        self._started = False
        self._seen = 0.0
        self._task: asyncio.Task[None] | None = None
        self._running: set[asyncio.Task[None]] = set()

    def configure(self, workers: Mapping[str, WorkerConfig]) -> None:
        """Take up the expressions of these workers in place of those known."""
        self._crons = {(name, text): Cron(text) for name, worker in workers.items() for text in worker.crons}
        self._begin()

    def start(self) -> None:
        """Fire from now on."""
        self._started = True
        self._begin()

    def _begin(self) -> None:
        """Watch the clock where there is something to fire."""
        if self._started and self._crons and (self._task is None or self._task.done()):
            self._seen = self._clock.now()
            self._task = asyncio.get_running_loop().create_task(self._watch(), name="cron triggers")

    async def close(self) -> None:
        """Fire no more; handlers that run are the workers' to end."""
        self._started = False
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def caught_up(self) -> None:
        """Return when what is due by now has been called and has ended."""
        self._fire_due()
        while self._running:
            await asyncio.wait(self._running)
            self._fire_due()

    async def _watch(self) -> None:
        while self._crons:
            self._fire_due()
            now = self._seen
            following = [next(cron.after(now), None) for cron in self._crons.values()]
            wait = min([LOOK_EVERY_S, *(moment - now for moment in following if moment is not None)])
            await self._clock.interval(wait)

    def _fire_due(self) -> None:
        """Fire what has come due since the last look. Where the clock went back, what lies ahead is due once more."""
        if self._task is None:
            return
        seen, self._seen = self._seen, self._clock.now()
        if self._seen > seen:
            self._fire_between(seen, self._seen)

    def _fire_between(self, seen: float, now: float) -> None:
        for (worker, text), cron in self._crons.items():
            due: deque[float] = deque(maxlen=MOST_AT_ONCE)
            count = 0
            for moment in cron.after(seen):
                if moment > now:
                    break
                due.append(moment)
                count += 1
            if due:
                task = asyncio.get_running_loop().create_task(self._fire(worker, text, list(due), count - len(due)))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _fire(self, worker: str, cron: str, moments: list[float], skipped: int) -> None:
        for moment in moments:
            began = time.perf_counter()
            ended = await call_scheduled(self._invoke, worker, moment * 1000, cron)
            self._emit(
                "scheduled",
                worker=worker,
                cron=cron,
                scheduled_time=int(moment * 1000),
                outcome=ended.outcome,
                no_retry=ended.no_retry,
                ms=(time.perf_counter() - began) * 1000,
                skipped=skipped,
            )
            skipped = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a `scheduled` handler ended: `ok`, `exceededCpu`, or `exception` (which is an event of its own).

    `no_retry`: whether it called `controller.noRetry()`. Nobody calls it again here either way. `error` is what it ended
    with; None where it ended well.
    """

    outcome: str
    no_retry: bool
    error: SandboxError | None = None


async def call_scheduled(invoke: Invoke, worker: str, scheduled_time_ms: float, cron: str) -> Ended:
    """Call a worker's `scheduled` handler."""
    called: list[bool] = []
    outcome, failure = "ok", None
    try:
        with hop():
            await invoke.scheduled(
                worker, scheduled_time_ms=scheduled_time_ms, cron=cron, no_retry=lambda: called.append(True)
            )
    except SandboxError as error:
        outcome, failure = "exceededCpu" if isinstance(error, WorkerExceeded) else "exception", error
    return Ended(outcome, bool(called), failure)
