"""A test's clock: it stands still until the test moves it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

from sandbox.clock import FakeClock, duration
from sandbox.testing.errors import Misuse

T = TypeVar("T")
LOOK_EVERY_S = 0.005


class TestClock(FakeClock):
    """Begins at the machine's time and stands still. KV expiry, `js.Date`, retry delays and deadlines follow it."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__(time.time())

    def advance(self, by: float | str | timedelta) -> None:
        """Move on by seconds, a text such as "25h", "90s" or "1d 30m", or a timedelta.

        Whoever slept until then goes on with the next `await`. Raises Misuse for what is no time, or goes back.
        """
        super().advance(seconds_in(by))

    async def move_while(self, work: Awaitable[T]) -> T:
        """The result of `work`. Whenever nothing happens and somebody sleeps by the clock, it moves to where the first
        sleep ends: the delay before a retry, and a fault's latency, cost a test no time and need nobody to `advance`.

        A deadline of something at work is never passed so: a worker that is slow by the machine's time is not late.
        """
        __tracebackhide__ = True
        task = asyncio.ensure_future(work)
        try:
            while not task.done():
                await asyncio.wait({task}, timeout=LOOK_EVERY_S)
                if not task.done():
                    self.skip_to_sleeper()
            return task.result()
        finally:
            task.cancel()


def seconds_in(text: float | str | timedelta) -> float:
    """The seconds of a number, a timedelta, or a text of pieces such as "1h 30m"."""
    if isinstance(text, timedelta):
        seconds = text.total_seconds()
    elif isinstance(text, str):
        try:
            seconds = duration(text)
        except ValueError as error:
            hint = 'write seconds, or pieces such as "25h", "1d 30m", "250ms"'
            raise Misuse(str(error), hint=hint) from None
    else:
        seconds = float(text)
    if seconds < 0:
        raise Misuse(f"the clock of a test goes forward only, not by {text!r}")
    return seconds
