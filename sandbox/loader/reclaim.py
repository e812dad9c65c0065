"""Letting go of a generation: everything that would keep its modules alive once nobody runs them."""

from __future__ import annotations

import asyncio
import gc
import inspect
import linecache
import logging
import sys
from collections.abc import Iterator
from contextvars import Context
from typing import Any

from sandbox.loader.imports import Namespace
from sandbox.runtime.tasks import work_of

_HandlerPlace = tuple[logging.Logger, logging.Handler]


def handlers_in_use() -> set[_HandlerPlace]:
    """Each logging handler of the process with the logger it hangs on."""
    return {(logger, handler) for logger in _loggers() for handler in logger.handlers}


def leftover_tasks(namespace: Namespace) -> list[asyncio.Task[Any]]:
    """The tasks of the running loop whose code is the namespace's: those a worker started and never waited for."""
    try:
        tasks = asyncio.all_tasks()
    except RuntimeError:  # no loop is running
        return []
    start = namespace.prefix + "."
    return [task for task in tasks if _runs(task, start)]


def forget(namespace: Namespace, handlers: set[_HandlerPlace]) -> None:
    """Take a namespace out of everything shared: modules, logging handlers it added (`handlers`), caches by class.

    Its module objects are freed by the next garbage collection: their dicts are not cleared, as a callback that some
    library still holds must go on working. Of a namespace that is `kept` nothing is taken.
    """
    if namespace.kept:
        namespace.serve(None)
        return
    namespace.close()
    for logger, handler in handlers:
        logger.removeHandler(handler)
    # typing keeps the arguments of the last Optional[...] and Union[...] it saw, classes of workers among them.
    for clear in getattr(sys.modules.get("typing"), "_cleanups", ()):
        clear()
    start = namespace.prefix + "."
    by_module: dict[str, Any] = getattr(inspect, "_filesbymodname", {})
    for name in [name for name in by_module if name.startswith(start)]:
        del by_module[name]
    for file in namespace.files:
        inspect.modulesbyfile.pop(file, None)
        # An entry of one element asks a module's loader later on; the finished ones hold text and stay useful.
        if len(linecache.cache.get(file, ())) == 1:
            del linecache.cache[file]
        linecache.checkcache(file)


def _loggers() -> Iterator[logging.Logger]:
    yield logging.root
    for logger in logging.Logger.manager.loggerDict.values():
        if isinstance(logger, logging.Logger):
            yield logger


def _runs(task: asyncio.Task[Any], start: str) -> bool:
    """Whether any frame a task is suspended in belongs to a module whose name begins with `start`."""
    awaited = work_of(task)
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None and str(frame.f_globals.get("__name__", "")).startswith(start):
            return True
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
    return False


class Sweeper:
    """Runs the garbage collector a moment after generations were let go: their modules are cycles, and the oldest
    objects are otherwise looked at only now and then. Saves in quick succession cost one collection together."""

    DELAY = 1.0  # seconds

    def __init__(self) -> None:
        self._timer: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        if self._timer is None:  # not put off by each further save: what was let go would pile up
            # In an empty context: the timer must not keep the request alive that happened to end last.
            self._timer = loop.call_later(self.DELAY, self._sweep, context=Context())

    def _sweep(self) -> None:
        self._timer = None
        gc.collect()

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
