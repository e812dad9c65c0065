"""Waiting by the one clock."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from sandbox.clock import Clock
from sandbox.runtime.deadline import Deadline, current_deadline

T = TypeVar("T")


class Cut(Exception):
    """The work ended itself as cancelled, without a result."""


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, or TimeoutError once the clock has moved on by `seconds`. Raises `Cut` where the work cancels itself.

    The clock does not count while the work lets its deadline stand still (see `runtime.deadline`).
    The work is cancelled then, but not waited for: worker code may refuse to end, and its late result is discarded.
    """
    deadline = Deadline(clock)
    outer = current_deadline.set(deadline)
    task = asyncio.ensure_future(work)
    current_deadline.reset(outer)
    timer = asyncio.ensure_future(deadline.passed(seconds))
    try:
        await asyncio.wait({task, timer}, return_when=asyncio.FIRST_COMPLETED)
        if task.cancelled():
            # not by us: code that raises CancelledError by itself must not pass for a cancelled execution
            raise Cut("the work was cancelled from within")
        if task.done():
            return task.result()
        raise TimeoutError(f"no answer within {seconds:g} s")
    finally:
        timer.cancel()
        if not task.done():
            task.cancel()
            task.add_done_callback(_seen)


def _seen(task: asyncio.Future[Any]) -> None:
    """Fetch the outcome of work nobody waits for, so that it is not reported as forgotten."""
    if not task.cancelled():
        task.exception()
