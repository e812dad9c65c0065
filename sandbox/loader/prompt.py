"""Pdb for worker code: it stays in the worker and in the request it was opened for.

Code of the sandbox, the SDK and the standard library is not stepped into, `n` and `s` over an `await` wait for the same
request to go on, and leaving the handler goes on as `c` does. Loaded when the first prompt opens.
"""

from __future__ import annotations

import bdb
import dis
import functools
import pdb
import sys
import threading
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from types import FrameType, TracebackType
from typing import Any

from sandbox.loader.debugger import is_worker_frame
from sandbox.loader.tracebacks import is_machinery
from sandbox.runtime.context import Invocation, current_invocation

QUIT = "the request was ended in the debugger (q)"
_SUSPENDABLE = CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR


class _Active(threading.local):
    """The session whose trace function a thread has, and whose request a person looked at last."""

    prompt: Prompt | None = None
    shown: Invocation | None = None


_active = _Active()


class Prompt(pdb.Pdb):
    """One session, from a `breakpoint()` until `c` or `q`."""

    def __init__(self) -> None:
        # Ctrl-C belongs to the sandbox, which stops cleanly; pdb would take the signal's handler over on `continue`.
        super().__init__(nosigint=True)
        self.commands_given = 0
        self._everywhere = False
        self._invocation: Invocation | None = None
        self._interrupted: Prompt | None = None

    def interaction(self, frame: FrameType | None, traceback: TracebackType | None, *args: Any) -> None:
        now, before = current_invocation.get(), _active.shown
        _active.shown = now
        if before is not None and before is not now and now is not None and now.request is not None:
            self.message(f"(another request: {now.request.method} {now.request.url})")
        super().interaction(frame, traceback, *args)

    def precmd(self, line: str) -> str:
        self.commands_given += 1
        return super().precmd(line)

    def get_stack(self, f: FrameType | None, t: TracebackType | None) -> tuple[list[tuple[FrameType, int]], int]:
        """What called the worker is left out; of an exception the innermost frame of a worker is chosen."""
        stack, at = super().get_stack(f, t)
        own = [number for number, (frame, _) in enumerate(stack) if is_worker_frame(frame)]
        if not own:
            return stack, at
        if t is not None:
            at = own[-1]
        first = min(own[0], at)
        return stack[first:], at - first

    # -- tracing -----------------------------------------------------------------------------------------------------

    def set_trace(self, frame: FrameType | None = None, *args: Any, **kwargs: Any) -> None:
        frame = frame or sys._getframe(1)
        self._everywhere = _not_to_step_into(frame.f_code.co_filename)  # who stops in there means to look at it
        other, self._invocation = _active.prompt, current_invocation.get()
        while other is not None and (other is self or other._invocation is self._invocation):
            other = other._interrupted
        # Another request steps over an `await` meanwhile: its turn comes again when this session ends.
        self._interrupted = other
        _active.prompt = self
        super().set_trace(frame, *args, **kwargs)

    def stop_here(self, frame: FrameType) -> bool:
        if not self._everywhere and _not_to_step_into(frame.f_code.co_filename):
            return False
        return bool(super().stop_here(frame))

    def set_continue(self) -> None:
        super().set_continue()
        if not self.breaks:
            self._give_back()

    def set_quit(self) -> None:
        super().set_quit()
        self._give_back()

    def _give_back(self) -> None:
        if _active.prompt is self:
            _active.prompt = self._interrupted
            if self._interrupted is None:
                _active.shown = None
            else:
                sys.settrace(self._interrupted.trace_dispatch)
        self._interrupted = None

    def trace_dispatch(self, frame: FrameType, event: str, arg: Any) -> Any:
        try:
            return super().trace_dispatch(frame, event, arg)
        except bdb.BdbQuit as quit_:
            if quit_.args:
                raise
            raise bdb.BdbQuit(QUIT) from None

    def dispatch_return(self, frame: FrameType, arg: Any) -> Any:
        if frame.f_code.co_flags & _SUSPENDABLE:
            if _suspends(frame):
                # An `await` that waits is not the end of the function, for which bdb takes it when it steps.
                if self.stopframe is None and self.stop_here(frame):
                    self.set_next(frame)
                return self.trace_dispatch
            if self.stopframe is frame or self.returnframe is frame:
                # And this is the end, which bdb takes for an `await`.
                self.set_step()
        traced = super().dispatch_return(frame, arg)
        if is_worker_frame(frame) and not _called_by_a_worker(frame):
            self.set_continue()
        return traced


@functools.cache
def _not_to_step_into(filename: str) -> bool:
    return is_machinery(filename)


def _suspends(frame: FrameType) -> bool:
    """Whether a coroutine's `return` event is an `await` or `yield` that waits: Python 3.13 is at the RESUME after it then."""
    return frame.f_lasti >= 0 and dis.opname[frame.f_code.co_code[frame.f_lasti]] in ("YIELD_VALUE", "RESUME")


def _called_by_a_worker(frame: FrameType) -> bool:
    caller = frame.f_back
    while caller is not None:
        if is_worker_frame(caller):
            return True
        caller = caller.f_back
    return False
