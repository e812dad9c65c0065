"""Waiting inside of synchronous code, as Pyodide does by switching stacks (JSPI): here by greenlets.

What a worker runs for an event runs on a stack of its own. `run_sync` leaves that stack for the event's task, which
awaits in its place and comes back with what it got. Nothing of this is loaded, and events run as they are, until a
worker is loaded that mentions it.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import copy_context
from functools import partial
from types import FrameType
from typing import Any

HINT = "pip install 'greenlet>=3.1' (the extra sync)"
MENTIONS = (b"run_sync", b"wsgi")
"""What stands in the source of a worker that may wait so: the function itself, or the SDK's adapter that calls it."""


class Switching:
    """`ready` says that greenlets are loaded."""

    ready = False
    for_library = False
    """A library that workers share mentions `run_sync`: whoever is loaded from then on may come to need it."""
    _greenlet: Any = None
    _stack: Any = None

    @classmethod
    def load(cls) -> bool:
        """Whether stacks can be switched from here on. Greenlets may have been installed since it was last asked."""
        if not cls.ready:
            try:
                importlib.invalidate_caches()
                cls._greenlet = importlib.import_module("greenlet")
            except ImportError:
                return False
            cls._stack = types.new_class("EventStack", (cls._greenlet.greenlet,))
            cls.ready = True
        return cls.ready

    @classmethod
    def here(cls) -> Any:
        """The stack that the running code can leave, None where it has none. Code may have made greenlets of its own
        on it."""
        if not cls.ready:
            return None
        found = cls._greenlet.getcurrent()
        while found is not None and not isinstance(found, cls._stack):
            found = found.parent
        return found

    @classmethod
    def left(cls, bottom: FrameType) -> FrameType | None:
        """What an event's stack was entered from, where `bottom` is the outermost frame of one that runs."""
        if bottom.f_code is not _on_stack.__code__:
            return None
        stack = bottom.f_locals.get("stack")
        found: FrameType | None = None if stack is None or stack.parent is None else stack.parent.gr_frame
        return found

    @classmethod
    def wait(cls, stack: Any, awaitable: Awaitable[Any]) -> Any:
        """Leave the stack until `awaitable` is done; its result, or what it raises."""
        return stack.parent.switch(_Wait(awaitable, cls._greenlet.getcurrent()))

    @classmethod
    async def drive(cls, call: Callable[[], Any]) -> Any:
        """The result of `call`, awaited where it is awaitable, on a stack of its own. It sees the context variables of
        here; what it sets stays its own."""
        stack = cls._stack(_on_stack)
        stack.gr_context = copy_context()
        return await _drive(stack, cls._greenlet.getcurrent, call)

    @classmethod
    def drives(cls, coroutine: Coroutine[Any, Any, Any]) -> bool:
        """Whether this coroutine runs on a stack of its own already."""
        return getattr(coroutine, "cr_code", None) is cls.drive.__code__

    @classmethod
    def finish(cls, coroutine: Awaitable[Any]) -> Coroutine[Any, Any, Any]:
        """What a coroutine returns, run on a stack of its own."""
        return cls.drive(lambda: coroutine)


class _Wait:
    """What the code on a stack waits for, and which greenlet goes on then."""

    __slots__ = ("awaitable", "waiter")

    def __init__(self, awaitable: Awaitable[Any], waiter: Any) -> None:
        self.awaitable = awaitable
        self.waiter = waiter


def _on_stack(call: Callable[[], Any]) -> Any:
    stack = Switching.here()
    result = call()
    if not inspect.isawaitable(result):
        return result
    iterator = result.__await__()
    step, given = iterator.send if hasattr(iterator, "send") else lambda _: next(iterator), None
    while True:
        try:
            yielded = step(given)
        except StopIteration as stop:
            return stop.value
        try:
            given, step = stack.parent.switch(yielded), getattr(iterator, "send", lambda _: next(iterator))
        except BaseException as error:
            if not hasattr(iterator, "throw"):
                raise
            given, step = error, iterator.throw


@types.coroutine
def _drive(stack: Any, current: Callable[[], Any], call: Callable[[], Any]) -> Generator[Any, Any, Any]:
    resume: Callable[..., Any] = stack.switch
    given: Any = call
    while True:
        # Whoever runs this step is who the stack is left for: another worker's stack, where that one has called.
        stack.parent = current()
        told = resume(given)
        if stack.dead:
            return told
        waiter = stack
        try:
            if isinstance(told, _Wait):
                waiter = told.waiter
                given = yield from told.awaitable.__await__()
            else:
                given = yield told
            resume = waiter.switch
        except BaseException as error:
            given, resume = error, partial(_throw_into, waiter)


def _throw_into(waiter: Any, error: BaseException) -> Any:
    # With its traceback: by the error alone greenlet begins a new one.
    return waiter.throw(type(error), error, error.__traceback__)


def awaited(awaitable: Any) -> Awaitable[Any]:
    """The awaitable as something that an event's task can await in its place: a coroutine gets a task, which can wait
    so again."""
    if asyncio.isfuture(awaitable) or not inspect.isawaitable(awaitable):
        return awaitable
    task = asyncio.get_running_loop().create_task(Switching.finish(awaitable))
    if inspect.iscoroutine(awaitable):
        task.add_done_callback(lambda _: awaitable.close())  # where it was cancelled before it began
    return task
