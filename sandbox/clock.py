"""The one clock. KV expiry, retry backoff, cron, deadlines and `js.Date` read it, so moving it moves all of them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import re
import time
from datetime import UTC, datetime
from enum import IntEnum
from typing import Protocol

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhd])\s*")


class Clock(Protocol):
    """Wall time in seconds since the UNIX epoch, plus waiting by that time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when `now()` has moved on by `seconds`."""
        ...

    async def deadline(self, seconds: float) -> None:
        """As `sleep`, for whoever limits how long something at work may take."""
        ...

    async def interval(self, seconds: float) -> None:
        """As `sleep`, for whoever looks in now and then while something is at work."""
        ...


class SystemClock:
    """The machine's clock plus an offset (seconds) that `sandbox clock` moves."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset
        self._sleepers: set[asyncio.Future[None]] = set()

    def now(self) -> float:
        return time.time() + self.offset

    def move(self, offset: float) -> None:
        """Set the offset. Who sleeps goes on where its time has come; where the clock moves back, nobody sleeps longer
        by the machine's time than it asked for."""
        self.offset = offset
        for sleeper in self._sleepers:
            _wake(sleeper)

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        until, at_last = self.now() + seconds, loop.time() + seconds
        while (left := min(until - self.now(), at_last - loop.time())) > 0:
            moved = loop.create_future()
            timer = loop.call_later(left, _wake, moved)
            self._sleepers.add(moved)
            try:
                await moved
            finally:
                timer.cancel()
                self._sleepers.discard(moved)

    async def deadline(self, seconds: float) -> None:
        await self.sleep(seconds)

    async def interval(self, seconds: float) -> None:
        await self.sleep(seconds)


class _Waits(IntEnum):
    """Why somebody sleeps: to go on, to cut something at work short, or to look in on it."""

    SLEEP = 0
    DEADLINE = 1
    INTERVAL = 2


class FakeClock:
    """A clock that stands still until `advance` moves it; sleepers wake in the order of their deadlines.

    Deadlines and intervals also end by the machine's time: what hangs under a clock that nobody moves must end too.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, _Waits, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        await self._wait(seconds, _Waits.SLEEP)

    async def deadline(self, seconds: float) -> None:
        await self._wait(seconds, _Waits.DEADLINE)

    async def interval(self, seconds: float) -> None:
        await self._wait(seconds, _Waits.INTERVAL)

    async def _wait(self, seconds: float, why: _Waits) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        wake = loop.create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), why, wake))
        timer = None if why is _Waits.SLEEP else loop.call_later(seconds, _wake, wake)
        try:
            await wake
        finally:
            if timer is not None:
                timer.cancel()

    def advance(self, seconds: float) -> None:
        """Move on by `seconds` (may be negative) and wake every sleeper whose time has come."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            _wake(heapq.heappop(self._sleepers)[-1])

    def skip_to_sleeper(self) -> bool:
        """Move to where the first `sleep` ends, unless a deadline of something at work comes before. True where it
        moved."""
        self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[-1].done()]
        heapq.heapify(self._sleepers)
        first = min((sleeper for sleeper in self._sleepers if sleeper[2] is not _Waits.INTERVAL), default=None)
        if first is None or first[2] is _Waits.DEADLINE:
            return False
        FakeClock.advance(self, max(0.0, first[0] - self._now))
        return True


def _wake(wake: asyncio.Future[None]) -> None:
    if not wake.done():
        wake.set_result(None)


def duration(text: str) -> float:
    """The seconds of a text of pieces such as "1h 30m", "25h", "250ms". Raises ValueError for what is no such text."""
    pieces = _PIECE.findall(text)
    if not pieces or _PIECE.sub("", text).strip():
        raise ValueError(f"{text!r} is no time")
    return float(sum(float(number) * _UNITS[unit] for number, unit in pieces))


def iso(seconds: float) -> str:
    """`2026-11-23T18:43:15.250Z`, as JavaScript's `toISOString` writes it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
