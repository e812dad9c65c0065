"""Tasks of workers that use `run_sync`: they can wait so too, as Pyodide's loop lets them.

The SDK's ASGI adapter runs the application in a task, so a synchronous handler of FastAPI depends on it.
"""

from __future__ import annotations

import asyncio
import inspect
import weakref
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.runtime.context import current_invocation
from sandbox.runtime.switching import Switching

_work: weakref.WeakKeyDictionary[asyncio.Future[Any], Any] = weakref.WeakKeyDictionary()


def work_of(task: asyncio.Task[Any]) -> Any:
    """The coroutine that a task was created for."""
    return _work.get(task) or task.get_coro()


def on_own_stack(handler: Callable[..., Any], *arguments: Any) -> Awaitable[Any]:
    """Call a worker's handler on a stack that `run_sync` can leave, and the tasks it creates, too."""
    give_stacks()
    return Switching.drive(lambda: handler(*arguments))


def give_stacks() -> None:
    """Run tasks that such workers create on the running loop on stacks of their own (idempotent)."""
    loop = asyncio.get_running_loop()
    before = loop.get_task_factory()
    if getattr(before, "gives_stacks", False):
        return

    def factory(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> Any:
        given = _with_own_stack(work) if inspect.iscoroutine(work) else work
        task = asyncio.Task(given, loop=loop, **options) if before is None else before(loop, given, **options)
        if given is not work:
            _work[task] = work
            task.add_done_callback(lambda _: work.close())  # where it was cancelled before it began
        return task

    factory.gives_stacks = True  # type: ignore[attr-defined]
    loop.set_task_factory(factory)


def _with_own_stack(work: Any) -> Any:
    invocation = current_invocation.get()
    if invocation is None or not invocation.worker.switches or Switching.drives(work):
        return work
    driven: Any = Switching.finish(work)
    driven.__name__, driven.__qualname__ = work.__name__, work.__qualname__  # leaked tasks are told by it
    return driven
