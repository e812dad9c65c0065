"""Worker code has no threads on Cloudflare: what frameworks send to a thread runs in line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sandbox.runtime.context import current_worker


def patch_anyio() -> None:
    """Let `anyio.to_thread.run_sync` call its function in line while a worker is running, as the SDK does there.

    Does nothing before `anyio` was imported; doing it twice changes nothing; code of the host keeps its threads.
    """
    if "anyio" not in sys.modules:
        return
    from anyio import to_thread  # only where a worker has brought anyio in

    original = to_thread.run_sync
    if getattr(original, "_in_line_for_workers", False):
        return

    async def run_sync(func: Callable[..., Any], *args: Any, **options: Any) -> Any:
        if current_worker.get() is None:
            return await original(func, *args, **options)
        return func(*args)

    run_sync._in_line_for_workers = True  # type: ignore[attr-defined]
    to_thread.run_sync = run_sync  # type: ignore[assignment]


class _InLine(ThreadPoolExecutor):
    """Does a worker's work when it is handed over, as `run_in_executor` of Pyodide's loop does."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if current_worker.get() is None:
            return super().submit(fn, *args, **kwargs)
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def patch_asgiref() -> None:
    """Let `sync_to_async`, by which Django runs synchronous views, call them in line while a worker is running.

    Does nothing before `asgiref.sync` was imported; doing it twice changes nothing; code of the host keeps its threads.
    """
    module: Any = sys.modules.get("asgiref.sync")
    if module is None or module.ThreadPoolExecutor is _InLine:
        return
    module.ThreadPoolExecutor = _InLine
    module.SyncToAsync.single_thread_executor = _InLine(max_workers=1)
