"""The folder that holds all state of a sandbox, and the lock that says who uses it."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.storage.errors import StateFolderBusy, StateFolderRefused

LOCK_NAME = "sandbox.lock"
LOCK_ATTEMPTS = 10  # a look by `holder` takes the lock for an instant, which must not look like a sandbox
LOCK_PAUSE_S = 0.02
MAX_INFO_BYTES = 64 * 1024


class StateFolder:
    """A folder of mode 0700. While a sandbox is up it holds a lock there (`flock`, gone with the process however it
    ends) and leaves in the lock file, as JSON, what others need to reach it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    @classmethod
    def open(cls, path: Path) -> StateFolder:
        """Make the folder where it is missing (git then leaves it out), and keep others out of it. Raises
        `StateFolderRefused`."""
        path = path.expanduser().resolve()
        is_new = not path.exists()
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_new:
                ignored = path / ".gitignore"
                ignored.write_text("# State of the sandbox, not for version control.\n*\n")
                ignored.chmod(0o600)
        except (FileExistsError, NotADirectoryError) as error:
            raise StateFolderRefused(f"The state folder {path} is a file.", hint="Name a folder.") from error
        _make_private(path)
        return cls(path)

    def path_for(self, *parts: str) -> Path:
        """A path inside the folder; the folders on its way are made (0700). No part may lead out of it, be hidden
        behind a symbolic link or hold a separator."""
        here = self.path
        for number, part in enumerate(parts):
            if part in ("", ".", "..") or "/" in part or "\\" in part or "\0" in part:
                raise StateFolderRefused(f"{part!r} is not the name of a file in the state folder.")
            here = here / part
            if here.is_symlink():
                raise StateFolderRefused(
                    f"{here} is a symbolic link.", hint="State is never followed through links; remove it."
                )
            if number < len(parts) - 1:
                here.mkdir(mode=0o700, exist_ok=True)
                _make_private(here)
        return here

    def lock(self, info: Mapping[str, Any]) -> None:
        """Take the folder for this process and leave `info` for others, with `pid` and `started_at` (seconds since
        the epoch, by the machine's clock) added. Called again by the holder, it replaces `info`.

        Raises `StateFolderBusy` where another process holds it.
        """
        if self._lock is None:
            self._lock = self._take()
        text = json.dumps({"pid": os.getpid(), "started_at": time.time(), **info}).encode()
        # Over the old text and never shorter than it, so that who reads meanwhile finds JSON: blanks may follow it.
        os.pwrite(self._lock, text.ljust(os.fstat(self._lock).st_size), 0)
        os.ftruncate(self._lock, len(text))

    def release(self) -> None:
        """Let go of the folder. Idempotent; the end of the process does the same."""
        if self._lock is not None:
            os.ftruncate(self._lock, 0)
            os.close(self._lock)
            self._lock = None

    def holder(self) -> dict[str, Any] | None:
        """What the sandbox that is up left here, or None where none is (the file of a dead one does not count)."""
        try:
            descriptor = self._open_lock_file(os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            if self._lock is None:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    pass
                else:
                    return None
            return _read_info(descriptor)
        finally:
            os.close(descriptor)

    def _take(self) -> int:
        descriptor = self._open_lock_file(os.O_RDWR | os.O_CREAT)
        for attempt in range(LOCK_ATTEMPTS):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if attempt < LOCK_ATTEMPTS - 1:
                    time.sleep(LOCK_PAUSE_S)
            else:
                return descriptor
        info = _read_info(descriptor)
        os.close(descriptor)
        raise StateFolderBusy(
            f"A sandbox is already up for {self.path} (process {info.get('pid', 'unknown')}"
            + (f", {info['address']}" if info.get("address") else "")
            + ").",
            holder=info,
            hint="Stop it, or give this one a state folder of its own with --persist-to.",
        )

    def _open_lock_file(self, flags: int) -> int:
        path = self.path / LOCK_NAME
        try:
            return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if path.is_symlink():
                raise StateFolderRefused(f"{path} is a symbolic link.", hint="Remove it.") from error
            raise


def _make_private(folder: Path) -> None:
    status = folder.stat()
    if not stat.S_ISDIR(status.st_mode):
        raise StateFolderRefused(f"{folder} is not a folder.")
    if status.st_uid != os.geteuid():
        raise StateFolderRefused(
            f"{folder} belongs to another user.", hint="Choose a folder of your own with --persist-to."
        )
    if stat.S_IMODE(status.st_mode) != 0o700:
        folder.chmod(0o700)


def _read_info(descriptor: int) -> dict[str, Any]:
    """The JSON of the holder; empty while it is being written."""
    try:
        info = json.loads(os.pread(descriptor, MAX_INFO_BYTES, 0))
    except ValueError:
        return {}
    return info if isinstance(info, dict) else {}
