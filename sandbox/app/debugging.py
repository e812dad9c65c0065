"""A debugger in the process: who pauses for it, and where others read that the sandbox stands still."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from sandbox.loader.attach import listen
from sandbox.loader.debugger import install_debugger, stopped_at, when_paused
from sandbox.loader.post_mortem import install_post_mortem
from sandbox.loader.standstill import StandingTime
from sandbox.storage import StateFolder


class Debugging:
    """Makes `breakpoint()` usable while a sandbox runs.

    What the sandbox leaves in its state folder says where a prompt is open (`stopped`: worker, place, since): the
    process answers nothing meanwhile, so that nobody could ask it.
    """

    def __init__(self) -> None:
        self._post_mortem = False
        self.port: int | None = None
        self._folder: StateFolder | None = None
        self._left: dict[str, Any] = {}

    def install(self, *, post_mortem: bool, debugpy: int | None) -> list[Callable[[], None]]:
        """Called on the loop. With `post_mortem` unhandled exceptions of workers stop too, on the port `debugpy` an
        editor may attach. Returns what undoes it. Raises UserError, see `listen`."""
        self._post_mortem = post_mortem
        if debugpy is not None:
            self.port = listen(debugpy)
        undo = [
            install_debugger(),
            when_paused(StandingTime(asyncio.get_running_loop())),
            when_paused(self._note),
        ]
        return [*undo, install_post_mortem()] if post_mortem else undo

    def leave(self, folder: StateFolder, **info: Any) -> None:
        """Leave in the state folder what others need to reach us; taken up again at each stop."""
        self._folder, self._left = folder, {**info, "pdb": self._post_mortem}
        folder.lock(self._left)

    def let_go(self) -> None:
        """The state folder is about to be released."""
        self._folder = None

    def _note(self, paused: bool) -> None:
        stop = stopped_at()
        if self._folder is None or stop is None:
            return
        stopped = {"worker": stop.worker, "place": stop.place, "attached": stop.attached, "since": time.time()}
        self._folder.lock({**self._left, "stopped": stopped if paused else None})
