"""The watchdog of a sandbox: over its loop and its workers, heard on its bus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sandbox.events import Bus
from sandbox.loader.registry import WorkerRegistry
from sandbox.loader.watchdog import Watchdog


def watch_loop(workers: WorkerRegistry, events: Bus) -> Callable[[], None]:
    """Tell who keeps the running loop busy, and end what keeps it for longer than its limit. Returns what stops it."""
    loop = asyncio.get_running_loop()

    def tell(kind: str, /, **fields: object) -> None:
        events.emit_at_once(loop, kind, **fields)

    watchdog = Watchdog(lambda name: workers.config(name) if workers.has(name) else None, tell)
    watchdog.start()
    return watchdog.stop
