"""How many packets a worker may have at once, first come first served. The limit may change while it runs."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from sandbox.config.models import fold


class Slots:
    """`limit(worker)` is asked at each turn, so a reloaded sandbox.toml counts from the next packet on."""

    def __init__(self, limit: Callable[[str], int]) -> None:
        self._limit = limit
        self._held: dict[str, int] = {}
        self._queues: dict[str, deque[asyncio.Future[None]]] = {}

    def held(self, worker: str) -> int:
        return self._held.get(fold(worker), 0)

    @asynccontextmanager
    async def hold(self, worker: str) -> AsyncIterator[None]:
        key = fold(worker)
        queue = self._queues.setdefault(key, deque())
        if queue or self._held.get(key, 0) >= self._limit(worker):
            turn = asyncio.get_running_loop().create_future()
            queue.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # the slot was handed over while we were cancelled
                    self._release(key, worker)
                else:
                    with suppress(ValueError):  # passed over already, between the cancellation and now
                        queue.remove(turn)
                raise
        else:
            self._held[key] = self._held.get(key, 0) + 1
        try:
            yield
        finally:
            self._release(key, worker)

    def _release(self, key: str, worker: str) -> None:
        self._held[key] -= 1
        queue = self._queues[key]
        while queue and self._held[key] < self._limit(worker):
            turn = queue.popleft()
            if not turn.done():
                self._held[key] += 1  # handed over, so that a newcomer cannot slip in between
                turn.set_result(None)
