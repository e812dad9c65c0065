"""`breakpoint()` in worker code: pdb on the real terminal, or a plain word about why not.

While a prompt is open everything else stands still: `when_paused` tells whoever draws on the terminal or counts time.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any

from sandbox.loader.imports import ROOT, after_import, owner_of
from sandbox.loader.output import real_stderr, straight_through
from sandbox.runtime.context import WorkerContext, current_worker

if TYPE_CHECKING:
    from pdb import Pdb

    from sandbox.loader.prompt import Prompt

logger = logging.getLogger("sandbox.debugger")

NO_TERMINAL = (
    "breakpoint() skipped: standard input is not a terminal. Run `sandbox up` in one, or attach an editor "
    "(`sandbox up --debugpy 5678`)."
)
IN_BACKGROUND = "breakpoint() skipped: the sandbox runs in the background of its terminal. Bring it back with `fg`."
INTERRUPTED = "c goes on, q ends the request; Ctrl-C again stops the sandbox"


@dataclass(frozen=True, slots=True)
class Stop:
    """Where a debugger holds the process: `place` is `src/entry.py:28`, `worker` None outside of worker code. `attached`
    tells that it is an editor's debugger and not a prompt in the terminal."""

    worker: str | None
    place: str
    attached: bool = False


# Called with True when a prompt opens and False when it closes: progress bars and watchdogs stand still meanwhile.
_pausers: list[Callable[[bool], None]] = []
_undo: list[Callable[[], None]] = []
# One prompt at a time has the terminal: worker code may stop in a thread of its own as well.
_terminal_lock = threading.RLock()
_held: list[Stop] = []
_held_lock = threading.Lock()
attached: Callable[[FrameType], bool] | None = None
"""Stops at a frame where an editor is attached, and says whether; None without `--debugpy`."""


def install_debugger() -> Callable[[], None]:
    """Make `breakpoint()` and `pdb.set_trace()` usable while workers' output is routed. Returns what undoes it."""
    before = sys.breakpointhook
    sys.breakpointhook = _breakpointhook
    after_import("pdb", _adapted_pdb)

    def uninstall() -> None:
        sys.breakpointhook = before
        while _undo:
            _undo.pop()()

    return uninstall


def when_paused(action: Callable[[bool], None]) -> Callable[[], None]:
    """Call `action(True)` when the debugger opens a prompt and `action(False)` when it closes. Returns what stops it.

    It is called in the thread that stopped, usually the loop's, which does nothing else until the prompt closes.
    """
    _pausers.append(action)
    return lambda: _pausers.remove(action)


def stopped_at() -> Stop | None:
    """Where a debugger holds the process now; for the actions of `when_paused`."""
    return _held[0] if _held else None


@contextmanager
def standing_still(stop: Stop) -> Iterator[None]:
    """While entered, everything that asked by `when_paused` pauses, from the first of several stops to the last."""
    with _held_lock:
        _held.append(stop)
        if len(_held) == 1:
            _tell(True)
    try:
        yield
    finally:
        with _held_lock:
            if len(_held) == 1:
                _tell(False)
            _held.remove(stop)


def place_of(frame: FrameType | None, traceback: TracebackType | None = None, *, attached: bool = False) -> Stop:
    """The innermost worker code of a stack, or of a traceback; the frame itself where there is none."""
    found = None
    while traceback is not None:
        if found is None or is_worker_frame(traceback.tb_frame):
            found = (traceback.tb_frame, traceback.tb_lineno)
        traceback = traceback.tb_next
    caller = frame
    while found is None and caller is not None:
        if is_worker_frame(caller):
            found = (caller, caller.f_lineno)
        caller = caller.f_back
    if found is None:
        found = (frame, frame.f_lineno) if frame is not None else None
    if found is None:
        return Stop(None, "nowhere", attached)
    filename = found[0].f_code.co_filename
    owner = owner_of(found[0].f_globals.get("__name__"))
    context = current_worker.get(None)
    worker = owner.worker if owner is not None else context.name if context is not None else None
    if owner is not None and os.path.realpath(filename).startswith(owner.boundary + os.sep):
        filename = os.path.relpath(os.path.realpath(filename), owner.boundary)
    return Stop(worker, f"{filename}:{found[1]}", attached)


def is_worker_frame(frame: FrameType) -> bool:
    """Whether a frame runs a worker's own code, of whatever generation."""
    return str(frame.f_globals.get("__name__", "")).startswith(ROOT + ".")


def terminal_problem() -> str | None:
    """Why no prompt can be opened here; None where one can."""
    stream = sys.stdin
    try:
        if stream is None or not stream.isatty():
            return NO_TERMINAL
    except ValueError:  # closed
        return NO_TERMINAL
    with suppress(OSError):  # a terminal, but not the one that controls us: nothing to be in the background of
        if os.tcgetpgrp(stream.fileno()) != os.getpgrp():
            return IN_BACKGROUND  # reading would stop the whole process
    return None


def _tell(paused: bool) -> None:
    for pause in list(_pausers):
        try:
            pause(paused)
        except Exception:
            logger.exception("something could not be %s for the debugger", "paused" if paused else "resumed")


def _breakpointhook(*args: Any, **kwargs: Any) -> Any:
    if os.environ.get("PYTHONBREAKPOINT"):
        return sys.__breakpointhook__(*args, **kwargs)
    frame = sys._getframe(1)
    return None if attached is not None and attached(frame) else _stop_at(frame, **kwargs)


def _set_trace(*, header: str | None = None, **kwargs: Any) -> None:
    _stop_at(sys._getframe(1), header=header, **kwargs)


def _stop_at(frame: FrameType, header: str | None = None, **kwargs: Any) -> None:
    problem = terminal_problem()
    if problem is not None:
        _refuse(current_worker.get(None), f"{frame.f_code.co_filename}:{frame.f_lineno}: {problem}")
        return
    prompt = make_prompt()
    if header is not None:
        prompt.message(header)
    prompt.set_trace(frame, **kwargs)


def _refuse(context: WorkerContext | None, text: str) -> None:
    if context is None:
        real_stderr().write(text + "\n")
    else:
        context.emit("log", worker=context.name, level="warning", text=text)


def make_prompt() -> Prompt:
    """A session of pdb that is not open yet."""
    _adapted_pdb()
    from sandbox.loader.prompt import Prompt  # not at the top: it imports pdb, see `_adapted_pdb`

    return Prompt()


def _adapted_pdb() -> Any:
    """The pdb module, its prompts kept out of the workers' output."""
    import pdb  # not at the top: 10 ms at the start of every sandbox, for what few sessions use

    if _undo:
        return pdb
    real_interaction, real_message, real_set_trace = pdb.Pdb.interaction, pdb.Pdb.message, pdb.set_trace

    def interaction(self: Pdb, frame: FrameType | None, trace: Any, *args: Any, **kwargs: Any) -> None:
        # Here and not in the hook: every stop of a session comes through, also after `next` and on post-mortems.
        traceback = trace.__traceback__ if isinstance(trace, BaseException) else trace
        with _terminal_lock, standing_still(place_of(frame, traceback)), straight_through(), _interrupts(self):
            real_interaction(self, frame, trace, *args, **kwargs)

    def message(self: Pdb, text: str) -> None:
        with straight_through():  # `--Return--` is said before the prompt opens
            real_message(self, text)

    def undo() -> None:
        pdb.Pdb.interaction = real_interaction  # type: ignore[method-assign]
        pdb.Pdb.message = real_message  # type: ignore[method-assign]
        pdb.set_trace = real_set_trace

    pdb.Pdb.interaction = interaction  # type: ignore[method-assign, assignment]
    pdb.Pdb.message = message  # type: ignore[method-assign, assignment]
    pdb.set_trace = _set_trace
    _undo.append(undo)
    return pdb


@contextmanager
def _interrupts(prompt: Pdb) -> Iterator[None]:
    """While entered, Ctrl-C takes back the line or ends the command that runs, as in any pdb. A second one in a row (and
    SIGTERM) leaves the prompt as `q` does, and is then what it is without a prompt: the sandbox stops."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    asked_at: int | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal asked_at
        commands = getattr(prompt, "commands_given", 0)
        if number == signal.SIGINT and asked_at != commands:
            asked_at = commands
            if getattr(prompt, "allow_kbdint", False):
                prompt.message("\n" + INTERRUPTED)
                raise KeyboardInterrupt
            return
        for each, action in before.items():
            signal.signal(each, action)
        action = before[signal.Signals(number)]
        if callable(action):
            action(number, frame)
        from bdb import BdbQuit  # loaded with pdb

        prompt.set_quit()
        raise BdbQuit("the sandbox was stopped while the debugger held the request")

    try:
        for number, action in before.items():
            if action is not None and action is not signal.SIG_IGN and action is not signal.SIG_DFL:
                signal.signal(number, handle)
        yield
    finally:
        for number, action in before.items():
            if signal.getsignal(number) is handle:
                signal.signal(number, action)
