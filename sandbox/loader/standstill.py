"""Deadlines stand still while a debugger holds the process.

Every timer of ours, of aiohttp and of worker code (`asyncio.sleep`, `asyncio.timeout`, `setTimeout`) is measured by the
event loop's own clock, so that clock alone has to stop. Wall time (`time.time()`, `Date.now()`, KV expiry) goes on.
"""

from __future__ import annotations

import asyncio
import time


class StandingTime:
    """An action for `when_paused`. The loop is left as it is until the first pause."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._stood = 0.0
        self._since: float | None = None

    def __call__(self, paused: bool) -> None:
        now = time.monotonic()
        if paused:
            self._since = now
            self._loop.time = self._time  # type: ignore[method-assign]
        elif self._since is not None:
            self._stood += now - self._since
            self._since = None

    def _time(self) -> float:
        """Seconds, as `loop.time()`, without those in which a debugger held the process."""
        since = self._since
        return (time.monotonic() if since is None else since) - self._stood
