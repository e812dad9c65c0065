"""Says that the sandbox that is up stands still, and where: its debugger's prompt is in another terminal.

While the prompt is open that process answers nothing, so this is read from its state folder.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from sandbox.loader.standstill import StandingTime
from sandbox.storage import StateFolder

LOOK_EVERY_S = 0.25


@asynccontextmanager
async def told(state: Path, say: Callable[[str], None] | None = None) -> AsyncIterator[Look]:
    """While entered, `say` (by default: a line on standard error) is given a line when a prompt opens in the sandbox
    that holds the state folder, and one when it goes on. This process's own deadlines stand still in between."""
    loop, ended = asyncio.get_running_loop(), threading.Event()
    look = Look(StateFolder(state), say or (lambda text: click.echo(text, err=True)), StandingTime(loop))

    def look_again() -> None:  # in a thread: the loop's own timers stand still
        while not ended.wait(LOOK_EVERY_S):
            loop.call_soon_threadsafe(look.once)

    look.once()
    thread = threading.Thread(target=look_again, name="stopped", daemon=True)
    thread.start()
    try:
        yield look
    finally:
        ended.set()
        thread.join()
        look.once()


class Look:
    """What was said so far."""

    def __init__(self, folder: StateFolder, say: Callable[[str], None], pause: Callable[[bool], None]) -> None:
        self._folder = folder
        self._say = say
        self._pause = pause
        self._known: dict[str, Any] | None = None

    def once(self) -> None:
        """Say what is new."""
        holder = self._folder.holder() or {}
        stopped, known = holder.get("stopped"), self._known
        if stopped == known:
            return
        self._known = stopped
        if known is not None:
            self._pause(False)
            self._say(f"{_who(known)} goes on")
        if stopped is not None:
            self._pause(True)
            held = "the editor attached to" if stopped["attached"] else "the terminal of"
            where = f"{stopped['place']} in {held} `sandbox up` (pid {holder['pid']})"
            self._say(f"{_who(stopped)} is stopped at {where}")


def _who(stopped: dict[str, Any]) -> str:
    return str(stopped.get("worker") or "the sandbox")
