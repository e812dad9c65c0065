"""The one clock. KV expiry, retry backoff, cron, deadlines and `js.Date` read it, so moving it moves all of them."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime
from typing import Protocol


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


class SystemClock:
    """The machine's clock plus an offset (seconds) that `sandbox clock` moves."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def now(self) -> float:
        return time.time() + self.offset

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def deadline(self, seconds: float) -> None:
        await self.sleep(seconds)


class FakeClock:
    """A clock that stands still until `advance` moves it; sleepers wake in the order of their deadlines.

    `deadlines` counts what is at work under a limit. A limit also ends by the machine's time: what hangs under a clock
    that nobody moves must end all the same.
    """

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self.deadlines = 0
        self._now = start
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._now + seconds, next(self._order), wake))
        await wake

    async def deadline(self, seconds: float) -> None:
        self.deadlines += 1
        waits = {asyncio.ensure_future(self.sleep(seconds)), asyncio.ensure_future(asyncio.sleep(seconds))}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.deadlines -= 1
            for wait in waits:
                wait.cancel()

    def jump(self) -> bool:
        """Move to where the first sleeper wakes. False where nobody sleeps."""
        while self._sleepers and self._sleepers[0][2].done():  # cancelled
            heapq.heappop(self._sleepers)
        if self._sleepers:
            FakeClock.advance(self, max(0.0, self._sleepers[0][0] - self._now))
        return bool(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move on by `seconds` (may be negative) and wake every sleeper whose time has come."""
        self._now += seconds
        while self._sleepers and self._sleepers[0][0] <= self._now:
            wake = heapq.heappop(self._sleepers)[2]
            if not wake.done():
                wake.set_result(None)


def iso(seconds: float) -> str:
    """`2026-11-23T18:43:15.250Z`, as JavaScript's `toISOString` writes it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
