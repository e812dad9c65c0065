"""The fan-out of an execution's events to those who watch it. Slow watchers cost memory, never time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True)
class Watched:
    """`seq` is None for progress, which is not kept: who comes later sees where it stands."""

    seq: int | None
    at: float
    kind: str
    data: dict[str, Any]

    @property
    def last(self) -> bool:
        return self.kind == "execution" and self.data.get("state") in ENDED


class Feed:
    def __init__(self) -> None:
        self._queues: dict[str, set[asyncio.Queue[Watched | None]]] = {}

    @contextmanager
    def watch(self, execution_id: str) -> Iterator[asyncio.Queue[Watched | None]]:
        """A queue of what happens from now on; None in it says that the sandbox stops."""
        queue: asyncio.Queue[Watched | None] = asyncio.Queue()
        queues = self._queues.setdefault(execution_id, set())
        queues.add(queue)
        try:
            yield queue
        finally:
            queues.discard(queue)
            if not queues:
                self._queues.pop(execution_id, None)

    def publish(self, execution_id: str, event: Watched) -> None:
        for queue in self._queues.get(execution_id, ()):
            queue.put_nowait(event)

    def close(self) -> None:
        for queues in self._queues.values():
            for queue in queues:
                queue.put_nowait(None)
