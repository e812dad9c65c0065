"""Says that the sandbox that is up stands still, and where: its debugger's prompt is in another terminal.

While the prompt is open that process answers nothing, so this is read from its state folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import click

from sandbox.storage import StateFolder

LOOK_EVERY_S = 0.25


@asynccontextmanager
async def told(state: Path, say: Callable[[str], None] | None = None) -> AsyncIterator[Look]:
    """While entered, `say` (by default: a line on standard error) is given a line when a prompt opens in the sandbox
    that holds the state folder, and one when it goes on."""
    look = Look(StateFolder(state), say or (lambda text: click.echo(text, err=True)))
    task = asyncio.create_task(look.again_and_again())
    try:
        yield look
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        look.once()


class Look:
    """What was said so far."""

    def __init__(self, folder: StateFolder, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._say = say
        self._known: dict[str, Any] | None = None

    async def again_and_again(self) -> None:
        """Until cancelled."""
        while True:
            self.once()
            await asyncio.sleep(LOOK_EVERY_S)

    def once(self) -> None:
        """Say what is new."""
        holder = self._folder.holder() or {}
        stopped, known = holder.get("stopped"), self._known
        if stopped == known:
            return
        self._known = stopped
        if known is not None:
            self._say(f"{_who(known)} goes on")
        if stopped is not None:
            held = "the editor attached to" if stopped["attached"] else "the terminal of"
            where = f"{stopped['place']} in {held} `sandbox up` (pid {holder['pid']})"
            self._say(f"{_who(stopped)} is stopped at {where}")


def _who(stopped: dict[str, Any]) -> str:
    return str(stopped.get("worker") or "the sandbox")
