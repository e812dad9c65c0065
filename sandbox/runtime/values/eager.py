"""Tasks whose first step runs at once, as a JavaScript async function's does.

Python 3.12 has them (`eager_start`). On 3.11 a task asks its loop to schedule the first step: that request is caught and
carried out on the spot. Either way it is a real task from the first line on, so that what asks for the current task
(`asyncio.timeout`, anyio) sees its own and not the caller's.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.tasks import _enter_task, _leave_task  # public in all but name
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

if sys.version_info >= (3, 12):

    def start_now(coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task for `coro` that has taken its first step; it may be done already."""
        return asyncio.Task(coro, loop=asyncio.get_running_loop(), eager_start=True)

else:

    def start_now(coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """A task for `coro` that has taken its first step; it may be done already."""
        loop = asyncio.get_running_loop()
        context = copy_context()
        steps: list[Callable[..., object]] = []

        def catch(step: Callable[..., object], *_: object, context: Context | None = None) -> None:
            steps.append(step)

        loop.call_soon = catch  # type: ignore[assignment, method-assign]
        try:
            task = asyncio.Task(coro, loop=loop, context=context)
        finally:
            del loop.call_soon
        caller = asyncio.current_task(loop)
        if caller is None:
            context.run(steps[0])
            return task
        _leave_task(loop, caller)
        try:
            context.run(steps[0])
        finally:
            _enter_task(loop, caller)
        return task
