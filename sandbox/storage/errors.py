"""What can go wrong with stored state, as errors a person can act on."""

from __future__ import annotations

import sqlite3

from sandbox.errors import Conflict, SandboxError, UserError

PRIMARY_CODE = 0xFF  # the low byte of an extended SQLite result code is the primary one
FULL_CODES = {sqlite3.SQLITE_FULL}
FULL_EXTENDED_CODES = {sqlite3.SQLITE_IOERR_SHMSIZE}  # the shared-memory file beside a WAL could not grow


class StorageFull(SandboxError):
    """The disk (or the file's page limit) is full. The write did not happen; what was stored before is intact."""

    code = "storage_full"
    status = 507

    def __init__(self, path: object) -> None:
        super().__init__(
            f"No space left to write to {path}.",
            hint="Free some disk space; nothing stored so far is lost and writing resumes by itself.",
        )


class StorageClosed(SandboxError):
    """The database was closed before the operation began (the sandbox is stopping)."""

    code = "storage_closed"
    status = 503


class StorageNewer(UserError):
    """The file was written by a newer version of the sandbox, whose layout this one does not know."""

    code = "storage_newer"
    status = 500


class StateFolderBusy(Conflict):
    """Another sandbox holds the state folder; `holder` is what it left there (`pid`, `address`, `started_at`, ...)."""

    code = "state_in_use"

    def __init__(self, message: str, *, holder: dict[str, object], hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.holder = holder


class StateFolderRefused(UserError):
    """The state folder, or something in it, is not what it should be: a symbolic link, a file, another user's."""

    code = "state_refused"


def translate(error: BaseException, path: object) -> BaseException:
    """`StorageFull` for SQLite's "disk full" results, any other exception as it is."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and (code & PRIMARY_CODE in FULL_CODES or code in FULL_EXTENDED_CODES):
        full = StorageFull(path)
        full.__cause__ = error
        return full
    return error
