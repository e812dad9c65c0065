"""Tasks that workers start: where each was created, and which still run when a test has ended."""

from __future__ import annotations

import asyncio
import os
import sys
import warnings
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.loader.imports import owner_of

SETTLE_TURNS = 10


class LeakedTaskWarning(UserWarning):
    """A worker left a task running that nobody waits for. On Cloudflare it ends with its request, unfinished."""


@dataclass(frozen=True, slots=True)
class Birth:
    """Where worker code created a task."""

    worker: str
    file: str
    line: int
    function: str


class TaskWatch:
    """While open, notes for each task of the running loop which worker's code created it."""

    def __init__(self) -> None:
        self._births: weakref.WeakKeyDictionary[asyncio.Future[Any], Birth] = weakref.WeakKeyDictionary()

    def open(self) -> Callable[[], None]:
        """Begin to note. Returns what ends it."""
        loop = asyncio.get_running_loop()
        before = loop.get_task_factory()

        def factory(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
            task = before(loop, work, **options) if before is not None else asyncio.Task(work, loop=loop, **options)
            birth = _birth()
            if birth is not None:
                self._births[task] = birth
            return task

        loop.set_task_factory(factory)
        return lambda: loop.set_task_factory(before)

    async def leaked(self) -> list[asyncio.Task[Any]]:
        """The tasks that still run, after those that are about to end had their turn."""
        for _ in range(SETTLE_TURNS):
            if not any(task in self._births for task in asyncio.all_tasks()):
                return []
            await asyncio.sleep(0)
        return [task for task in asyncio.all_tasks() if task in self._births]

    def warn(self, task: asyncio.Task[Any]) -> None:
        """Name a leaked task, at the place where it was created."""
        birth = self._births[task]
        work = getattr(task.get_coro(), "__qualname__", "?")
        warnings.warn_explicit(
            f"{birth.worker} left task {task.get_name()!r} ({work}) running, created at "
            f"{os.path.relpath(birth.file)}:{birth.line} in {birth.function}; on Cloudflare it ends with its request: "
            "await it, or give it to waitUntil",
            LeakedTaskWarning,
            birth.file,
            birth.line,
            registry={},
        )


def _birth() -> Birth | None:
    """The innermost frame of worker code, where one is on the stack."""
    frame = sys._getframe(2)
    while frame is not None:
        owner = owner_of(frame.f_globals.get("__name__"))
        if owner is not None:
            code = frame.f_code
            return Birth(owner.worker, code.co_filename, frame.f_lineno, code.co_qualname)
        frame = frame.f_back  # type: ignore[assignment]
    return None
