"""Changes of files as they happen: by the system's notifications, by polling where there are none."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path

from watchfiles import Change, awatch
from watchfiles._rust_notify import RustNotify, WatchfilesRustInternalError

from sandbox.loader.filesystems import silent_folder
from sandbox.loader.polling import polled
from sandbox.runtime.protocols import Emit

GROUP_MS = 20  # a save is often several events; longer than this an editor does not take between them
STEP_MS = 5
POLL_MS = 300
SELF_TEST_MS = 2000
_OFF = ("false", "disable", "disabled", "0")
LIMIT_HINT = "sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024"

Changes = set[tuple[Change, str]]


class Notices:
    """Tells of changes directly in the folders it is given.

    Polls when WATCHFILES_FORCE_POLLING is set, when a folder lies on a file system without events, when the system's
    watches are used up, and when a file that is written brings no event; each but the first is an event `watch`
    (reason, hint), once. WATCHFILES_FORCE_POLLING=false never polls for the file system's sake; WATCHFILES_POLL_DELAY_MS
    is the time between two looks (300).
    """

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._forced = os.environ.get("WATCHFILES_FORCE_POLLING", "").lower()
        delay = os.environ.get("WATCHFILES_POLL_DELAY_MS", "")
        self._every = (int(delay) if delay.isdecimal() else POLL_MS) / 1000
        self.polling = False
        if self._forced and self._forced not in _OFF:
            self._poll("WATCHFILES_FORCE_POLLING is set")

    async def of(self, folders: Sequence[Path]) -> AsyncGenerator[Changes, None]:
        """Changes in these folders, from the first step on."""
        if not self.polling and not self._forced and (silent := silent_folder(folders)) is not None:
            self._poll(f"{silent[0]} is on a file system ({silent[1]}) that does not tell of changes made elsewhere")
        if not self.polling:
            try:
                async with aclosing(_notified(folders)) as changes_seen:
                    async for changes in changes_seen:
                        yield changes
                return
            except FileNotFoundError:
                return  # a folder went meanwhile: the caller looks which there are now
            except (OSError, WatchfilesRustInternalError) as error:
                self._poll(f"the system gives no more file watches ({_short(error)})", LIMIT_HINT)
        async with aclosing(polled(folders, self._every)) as changes_seen:
            async for changes in changes_seen:
                yield changes

    async def test_events(self, scratch: Path) -> bool:
        """Whether a file written in `scratch` brings an event at all (in some containers none does). Where it does not,
        polling is what comes next."""
        if self.polling or self._forced or await asyncio.to_thread(_brings_event, scratch):
            return True
        self._poll("writing a file brings no event here")
        return False

    def _poll(self, reason: str, hint: str | None = None) -> None:
        self.polling = True
        self._emit("watch", reason=reason, hint=hint, every_ms=round(self._every * 1000))


def _notified(folders: Sequence[Path]) -> AsyncGenerator[Changes, None]:
    return awatch(
        *[folder for folder in folders if os.access(folder, os.R_OK | os.X_OK)],
        watch_filter=None,
        debounce=GROUP_MS,
        step=STEP_MS,
        recursive=False,
        force_polling=False,
        # With True it does not say either when the watches are used up.
        ignore_permission_denied=False,
    )


def _brings_event(scratch: Path) -> bool:
    try:
        with (
            tempfile.TemporaryDirectory(dir=scratch, prefix=".watch-") as folder,
            RustNotify([folder], False, False, 0, False, True) as notify,
        ):
            (Path(folder) / "probe").touch()
            return notify.watch(2, 1, SELF_TEST_MS, None) != "timeout"
    except (OSError, WatchfilesRustInternalError):
        return True  # not what is asked here; where the watches are used up, watching says so


def _short(error: Exception) -> str:
    return str(error).partition(" about [")[0].partition(" (os error")[0].rpartition(": ")[2].rstrip(".")
