"""`--debugpy`: an editor attaches by the debug adapter protocol and stops in worker code.

Worker modules run under their real paths, so breakpoints are found by file and line, in every generation. While debugpy
holds a thread, everything stands still as it does for pdb: `PyDB.do_wait_suspend` is where each of its stops waits.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from sandbox.errors import UserError
from sandbox.loader import debugger

HOST = "127.0.0.1"


def listen(port: int) -> int:
    """Wait for an editor on 127.0.0.1; returns the port, which is chosen where it is 0.

    Raises UserError where debugpy is not installed or the port is taken. debugpy listens once in a process and for its life.
    """
    # Said by debugpy on standard error for every interpreter with frozen standard modules, and of no concern for workers.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        import debugpy  # heavy, and in an extra of its own
    except ImportError as error:
        raise UserError(
            "--debugpy needs the package debugpy, which is not installed",
            hint=f"{sys.executable} -m pip install debugpy   (or the extra: workers-sandbox[debug])",
            code="no_debugpy",
        ) from error
    _check_free(port)
    debugpy.configure(subProcess=False)
    try:
        _, chosen = debugpy.listen((HOST, port))
    except RuntimeError as error:
        raise UserError(f"debugpy cannot listen on port {port}: {error}", code="no_debugpy") from error

    import pydevd  # debugpy's own, which it puts on the path when it listens

    _stand_still_in(pydevd.PyDB)

    def stop(frame: FrameType) -> bool:
        if not debugpy.is_client_connected():
            return False
        pydevd.settrace(suspend=True, trace_only_current_thread=True, patch_multiprocessing=False, stop_at_frame=frame)
        return True

    debugger.attached = stop
    return int(chosen)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message, hint = f"port {port} (--debugpy) is taken", "name another one, or 0 for any that is free"
            raise UserError(message, hint=hint, code="port_in_use") from error


def _stand_still_in(pydb: Any) -> None:
    real: Callable[..., Any] = pydb.do_wait_suspend

    def do_wait_suspend(self: Any, thread: Any, frame: FrameType, *args: Any, **kwargs: Any) -> Any:
        place = debugger.place_of(frame, attached=True)
        if place.worker is None and threading.current_thread() is not threading.main_thread():
            return real(self, thread, frame, *args, **kwargs)  # a library's thread, held because another one stopped
        with debugger.standing_still(place):
            return real(self, thread, frame, *args, **kwargs)

    pydb.do_wait_suspend = do_wait_suspend
