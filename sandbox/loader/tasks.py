"""Tasks that a worker begins: while it is imported, and past the response of what began them.

On Cloudflare an invocation ends with its response, its streamed body and what `waitUntil` was given; what else is still
at work then is dropped.
"""

from __future__ import annotations

import asyncio
import sys
import weakref
from collections.abc import Callable
from contextvars import copy_context
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

from sandbox.runtime.context import GLOBAL_SCOPE, ExecutionContext, Usage, WorkerContext, current_worker, usage
from sandbox.runtime.place import given_from, worker_line
from sandbox.runtime.values import JsException
from sandbox.runtime.web import ReadableStream, Response

if TYPE_CHECKING:
    from sandbox.loader.generation import Generation

# Whose tasks are none of the worker's own: they are waited for by who began them.
_NOT_ITS_OWN = ("sandbox.", "workers.", "asgi", "_pyodide")
# Not that of `sandbox.testing`: there a forgotten task fails its test by name, and so is left for it to find.
_FACTORIES = ("sandbox.runtime.tasks",)
_MANY = 64


class _Watch:
    """A task factory, over the one that was there before."""

    def __init__(self, before: Callable[..., Any] | None) -> None:
        self.users = 1
        self.before = before

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, /, **options: Any) -> Any:
        worker, make = current_worker.get(), self.before
        watched = worker is not None and worker.checks is not None
        place = worker_line(_creator(sys._getframe(1)), _NOT_ITS_OWN) if watched else None
        if worker is not None and place is not None and worker.importing:
            _at_import(worker, coro, place)
        if place is not None and options.get("context") is None:
            # What it does later is told at this place: its own frames may be a library's alone.
            options["context"] = copy_context()
            options["context"].run(given_from.set, place)
        task = asyncio.Task(coro, loop=loop, **options) if make is None else make(loop, coro, **options)
        if place is not None:
            _note(task, place)
        return task


def _creator(frame: FrameType | None) -> FrameType | None:
    """The frame behind task factories of ours that were set over this one."""
    while frame is not None and frame.f_globals.get("__name__") in _FACTORIES:
        frame = frame.f_back
    return frame


def install_task_watch(loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
    """Note the tasks that worker code begins on `loop`, until what is returned is called."""
    there = loop.get_task_factory()
    if isinstance(there, _Watch):
        watch = there
        watch.users += 1
    else:
        watch = _Watch(there)
        loop.set_task_factory(watch)

    def undo() -> None:
        watch.users -= 1
        if not watch.users and loop.get_task_factory() is cast(Any, watch):
            loop.set_task_factory(watch.before)

    return undo


def _at_import(worker: WorkerContext, coro: Any, place: str) -> None:
    """Raises JsException where what fails on Cloudflare fails here."""
    text = "a task is begun while the module is imported"
    if worker.checks is not None and worker.checks.found("import-io", text, place):
        coro.close()
        raise JsException("Error", GLOBAL_SCOPE)


def _note(task: asyncio.Task[Any], place: str) -> None:
    used = usage()
    if used is not None:
        tasks = used.tasks = used.tasks or []
        if len(tasks) >= _MANY:
            tasks[:] = [entry for entry in tasks if (known := entry[0]()) is not None and not known.done()]
        tasks.append((weakref.ref(task), place))


def hold_for_body(generation: Generation, response: Response, ctx: ExecutionContext) -> None:
    """A body that is still being made is code of the generation at work: hold it until the body has ended or was dropped
    unread, and so long the tasks of its event may run."""
    body, context, lease = response._body, generation.context, generation.lease()
    used = ctx._usage = ctx._usage or Usage()
    used.streaming = True

    def end() -> None:
        used.streaming = False
        end_tasks(ctx, context)
        lease.release()

    if isinstance(body, ReadableStream):
        body._when_made(end)
    try:
        ending = weakref.finalize(body, end)
    except TypeError:  # an object without weak references
        ending = weakref.finalize(response, end)
    ending.atexit = False


def end_tasks(ctx: ExecutionContext, worker: WorkerContext) -> None:
    """Tell of what an invocation that has ended left at work, and cancel it."""
    used = ctx._usage
    if used is None or not used.tasks or used.streaming or ctx.pending:
        return
    tasks, used.tasks = used.tasks, None
    for known, place in tasks:
        task = known()
        # One that its maker has cancelled needs a turn of the loop to end, and that is all.
        if task is not None and not task.done() and not task.cancelling():
            if worker.checks is not None:
                worker.checks.found("unawaited-task", "nothing keeps this task past the response", place)
            # In its next turn: what it does without waiting it did on Cloudflare as well.
            task.get_loop().call_soon(task.cancel)
