"""Ending worker code that does not return: a signal to the main thread, whose handler raises in the worker's frame.

Python runs a signal's handler between two steps of the code that runs, also inside a sleep, a wait for a lock or a
regular expression. It is SIGALRM for the sake of the last: an expression holds the interpreter's lock, so that no other
thread can send anything, but the kernel's timer rings nevertheless.
"""

from __future__ import annotations

import _thread
import asyncio
import signal
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn

from sandbox.errors import LimitExceeded
from sandbox.loader.stack import Point, Stack, read_stack
from sandbox.runtime.context import ExecutionContext, current_invocation

CAN_END = hasattr(signal, "SIGALRM") and hasattr(signal, "pthread_kill")
"""Whether this system has what it takes; Windows has not."""
GRACE_S = 0.25
"""What the worker gets for its clean-up before it is raised again."""
PATIENCE_S = 0.5
"""After this an exception is raised in the library the worker has called, too: it does not return."""
STUBBORN = 10
"""Raised so often in vain, it is raised at other points of the code as well."""
RING_S = 0.5
"""The kernel's timer rings when the watchdog's thread could not run for so long."""


@dataclass(slots=True, eq=False)
class Demand:
    """That the code which `handle` runs must end; `busy_s` is how long it had the loop by `asked`, `limit_s` how long
    it may. `ctx` is the invocation it was raised in, `raised` how often that has happened."""

    handle: weakref.ref[asyncio.Handle]
    busy_s: float
    limit_s: float
    asked: float
    ctx: ExecutionContext | None = None
    raised: int = 0


@dataclass(frozen=True, slots=True)
class Ended:
    """That it was raised: where, and after how long on the loop."""

    point: Point
    busy_s: float
    limit_s: float


class _Signal(int):
    """A signal's number. Reading `again` sends it to this thread. That it is no call is the point: Python would run the
    handler right after a call, in the handler itself, instead of in the code that the exception goes to."""

    again = property(_thread.interrupt_main)


class Ender:
    """Installed in the main thread. `limit_of(worker)` is in seconds; `place_of(point)` is the text of
    a place: `src/entry.py:12 in fetch`."""

    def __init__(self, limit_of: Callable[[str], float], place_of: Callable[[Point], str]) -> None:
        self._limit_of = limit_of
        self._place_of = place_of
        self._thread = threading.main_thread().ident or 0
        self._handling = False
        self._before: Any = None
        self.demand: Demand | None = None
        self.ended: deque[Ended] = deque(maxlen=100)
        self.fed = time.monotonic()

    def install(self) -> None:
        self._before = signal.signal(signal.SIGALRM, self._on_signal)
        self._number = _Signal(signal.SIGALRM)

    def uninstall(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._before)

    def feed(self, now: float) -> None:
        """Say that the watchdog's thread runs: only without that the kernel's timer rings. Any thread may."""
        self.fed = now
        signal.setitimer(signal.ITIMER_REAL, RING_S)

    def send(self) -> None:
        """Have the main thread look at `demand`. Any thread may."""
        signal.pthread_kill(self._thread, signal.SIGALRM)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._handling:
            return
        self._handling = True
        if time.monotonic() - self.fed > RING_S / 2:
            signal.setitimer(signal.ITIMER_REAL, RING_S)  # it rings on, whatever is decided this time
        try:
            error = self._verdict(frame)
        finally:
            self._handling = False
        if error is None:
            return
        try:
            self._raise(error)
        finally:
            del error

    def _raise(self, error: LimitExceeded) -> NoReturn:
        try:
            if self.demand is not None and self.demand.raised > 1:
                # It was swallowed: again in the next step, wherever that is. In an `except` it is outside of its
                # `try`, so that no loop around it goes on.
                self._number.again  # noqa: B018
            raise error
        finally:
            del error

    def _verdict(self, frame: FrameType | None) -> LimitExceeded | None:
        """What to raise here and now."""
        stack = read_stack(frame)
        point = stack.point()
        if stack.handle is None or point is None:
            self._forget()  # the worker's code has ended
            return None
        if _traced():
            return None
        now = time.monotonic()
        if self.demand is not None and self.demand.handle() is not stack.handle:
            self._forget()  # of code that has ended since
        demand = self.demand
        if demand is None:
            starved, limit = now - self.fed, self._limit_of(point.worker)
            if starved < RING_S / 2:
                return None
            if starved < limit:
                signal.setitimer(signal.ITIMER_REAL, limit - starved + 0.01)
                return None
            demand = self.demand = Demand(weakref.ref(stack.handle), starved, limit, now)
        invocation = current_invocation.get()
        ctx = None if invocation is None else invocation.ctx
        if demand.raised and demand.ctx is not ctx:
            # The one that was called has ended, and its caller goes on: that gets its own moment.
            demand.asked, demand.ctx, demand.raised = now, ctx, 0
            return None
        demand.ctx = ctx
        if stack.storing or (stack.delicate and now - demand.asked < PATIENCE_S):
            self._raise_on_return(stack, point, demand)
            return None
        if demand.raised > STUBBORN and demand.raised % 2:
            # Python 3.12 takes an exception at a jump back for one of the line before the jump's target, which may lie
            # in the same `try` again: raise at the beginning of a line instead.
            demand.raised += 1
            self._raise_on_return(stack, point, demand)
            return None
        return self._error(point, demand)

    def _forget(self) -> None:
        self.demand = None
        if getattr(sys.gettrace(), "__module__", None) == __name__:
            sys.settrace(None)

    def _error(self, point: Point, demand: Demand) -> LimitExceeded:
        demand.raised += 1
        busy = time.monotonic() - demand.asked + demand.busy_s
        text = f"{busy:.1f} s on the event loop without a pause; the limit is {demand.limit_s:g} s"
        place = self._place_of(point)
        if demand.ctx is not None:
            demand.ctx._exceeded = (text, place)
        if demand.raised == 1:
            self.ended.append(Ended(point, busy, demand.limit_s))
        return LimitExceeded(text, place)

    def _raise_on_return(self, stack: Stack, point: Point, demand: Demand) -> None:
        """Raise as soon as what the worker has called is back in the worker's own code."""
        assert stack.frame is not None

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            if event == "call":
                return None  # another function: only the worker's frame is followed
            sys.settrace(None)
            frame.f_trace = None
            if self.demand is demand:
                self._raise(self._error(point, demand))
            return None

        trace.__module__ = __name__
        stack.frame.f_trace = trace
        sys.settrace(trace)


def _traced() -> bool:
    """Whether a debugger (or another tracer) follows the main thread: whoever steps through code takes time."""
    tracer = sys.gettrace()
    if tracer is not None and getattr(tracer, "__module__", None) != __name__:
        return True
    monitoring = getattr(sys, "monitoring", None)
    return monitoring is not None and monitoring.get_tool(monitoring.DEBUGGER_ID) is not None
