"""A time limit that can stand still: what waits for a call's answer does not run out of time while the call is held."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sandbox.clock import Clock


class Deadline:
    """Counts by `clock`, and not while it stands still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holds = 0
        self._since = 0.0, 0.0
        self._stood = 0.0
        self._moves = asyncio.Event()
        self._moves.set()

    async def passed(self, seconds: float) -> None:
        """Return when `seconds` have gone by in which it did not stand still."""
        while seconds > 0:
            await self._clock.deadline(seconds)
            await self._moves.wait()
            seconds, self._stood = self._stood, 0.0

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Stand still inside the block; blocks may overlap."""
        if not self._holds:
            self._since = self._clock.now(), time.monotonic()
            self._moves.clear()
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if not self._holds:
                # by whichever went further: a test's clock may stand while the machine's runs, and the other way round
                by_clock, by_machine = self._since
                self._stood += max(self._clock.now() - by_clock, time.monotonic() - by_machine)
                self._moves.set()


current_deadline: ContextVar[Deadline | None] = ContextVar("current_deadline", default=None)
"""The time limit the running code is under; None where it has none."""
