"""`setTimeout` and its like, `queueMicrotask`, `scheduler.wait`."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from sandbox.runtime.context import io_at_import
from sandbox.runtime.values import to_number
from sandbox.runtime.values.promise import as_promise_value

_ids = itertools.count(1)
_timers: dict[int, asyncio.TimerHandle] = {}


def _seconds(delay: Any) -> float:
    number = to_number(delay)
    return max(number, 0) / 1000 if number == number else 0.0


def set_timeout(callback: Any = None, delay: Any = 0, *args: Any) -> int:
    """`setTimeout(callback, ms, ...args)`: the timer's id."""
    io_at_import("setTimeout() is called")
    timer = next(_ids)

    def fire() -> None:
        _timers.pop(timer, None)
        as_promise_value(callback(*args))

    _timers[timer] = asyncio.get_running_loop().call_later(_seconds(delay), fire)
    return timer


def set_interval(callback: Any = None, delay: Any = 0, *args: Any) -> int:
    """`setInterval(callback, ms, ...args)`: the timer's id."""
    io_at_import("setInterval() is called")
    timer = next(_ids)
    loop = asyncio.get_running_loop()

    def fire() -> None:
        _timers[timer] = loop.call_later(_seconds(delay), fire)
        as_promise_value(callback(*args))

    _timers[timer] = loop.call_later(_seconds(delay), fire)
    return timer


def clear_timeout(timer: Any = None, *_: Any) -> None:
    """`clearTimeout(id)` and `clearInterval(id)`."""
    handle = _timers.pop(timer, None) if isinstance(timer, int) else None
    if handle is not None:
        handle.cancel()


def queue_microtask(callback: Any = None, *_: Any) -> None:
    """Call back when the running code has yielded."""
    asyncio.get_running_loop().call_soon(lambda: as_promise_value(callback()))


async def wait(delay: Any = 0) -> None:
    """`scheduler.wait(ms)`."""
    await asyncio.sleep(_seconds(delay))
