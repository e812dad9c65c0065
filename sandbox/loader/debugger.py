"""`breakpoint()` in worker code: pdb on the real terminal, or a plain word about why not."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

from sandbox.loader.imports import after_import
from sandbox.loader.output import real_stderr, straight_through
from sandbox.runtime.context import current_worker

if TYPE_CHECKING:
    from pdb import Pdb

NO_TERMINAL = (
    "breakpoint() skipped: standard input is not a terminal. Run `sandbox up` in one, or attach a debugger "
    "(PYTHONBREAKPOINT=debugpy.breakpoint)."
)
# Called with True when a prompt opens and False when it closes: progress bars and watchdogs stand still meanwhile.
_pausers: list[Callable[[bool], None]] = []
_undo: list[Callable[[], None]] = []


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
    """Call `action(True)` when the debugger opens a prompt and `action(False)` when it closes. Returns what stops it."""
    _pausers.append(action)
    return lambda: _pausers.remove(action)


def _breakpointhook(*args: Any, **kwargs: Any) -> Any:
    if os.environ.get("PYTHONBREAKPOINT"):
        return sys.__breakpointhook__(*args, **kwargs)
    return _stop_at(sys._getframe(1), **kwargs)


def _set_trace(*, header: str | None = None) -> None:
    _stop_at(sys._getframe(1), header=header)


def _stop_at(frame: FrameType, header: str | None = None) -> None:
    if not _terminal():
        context = current_worker.get(None)
        where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if context is None:
            real_stderr().write(f"{where}: {NO_TERMINAL}\n")
        else:
            context.emit("log", worker=context.name, level="warning", text=f"{where}: {NO_TERMINAL}")
        return
    # Ctrl-C belongs to the sandbox, which stops cleanly; pdb would take the signal's handler over on `continue`.
    debugger = _adapted_pdb().Pdb(nosigint=True)
    if header is not None:
        debugger.message(header)
    debugger.set_trace(frame)


def _adapted_pdb() -> Any:
    """The pdb module, its prompts kept out of the workers' output."""
    import pdb  # not at the top: 10 ms at the start of every sandbox, for what few sessions use

    if _undo:
        return pdb
    real_interaction, real_set_trace = pdb.Pdb.interaction, pdb.set_trace

    def interaction(self: Pdb, *args: Any, **kwargs: Any) -> None:
        # Here and not in the hook: every stop of a session comes through, also after `next` and on post-mortems.
        for pause in list(_pausers):
            pause(True)
        try:
            with straight_through():
                real_interaction(self, *args, **kwargs)
        finally:
            for pause in list(_pausers):
                pause(False)

    def undo() -> None:
        pdb.Pdb.interaction = real_interaction  # type: ignore[method-assign]
        pdb.set_trace = real_set_trace

    pdb.Pdb.interaction = interaction  # type: ignore[method-assign]
    pdb.set_trace = _set_trace
    _undo.append(undo)
    return pdb


def _terminal() -> bool:
    stream = sys.stdin
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False
