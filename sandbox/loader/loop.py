"""The event loop of the sandbox's own process: it does not end because worker code says so."""

from __future__ import annotations

import asyncio
import sys
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING or sys.platform != "win32":
    Base = asyncio.SelectorEventLoop
else:
    Base = asyncio.ProactorEventLoop


class WorkersLoop(Base):
    """asyncio lets SystemExit and KeyboardInterrupt of any task or callback end `run_forever`. From worker code they end
    what raised them, as every other exception does, and are told by the loop's exception handler."""

    def run_forever(self) -> None:
        while True:
            try:
                super().run_forever()
                return
            except (SystemExit, KeyboardInterrupt) as error:
                if not _from_a_worker(error):
                    raise
                message = f"a worker raised {type(error).__name__} outside of an event"
                self.call_exception_handler({"message": message, "exception": error})


def _from_a_worker(error: BaseException) -> bool:
    from sandbox.loader.imports import worker_of  # not at the top: the loop is made before anything is loaded

    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    if frames and frames[-1].f_globals.get("__name__") == "asyncio.runners":
        return False  # Ctrl-C, which hit worker code
    return any(worker_of(frame.f_globals.get("__name__")) for frame in frames)
