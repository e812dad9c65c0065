"""Database files on disk: made private, checked, put aside when damaged, brought to the newest layout."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from sandbox.storage.errors import StateFolderRefused, StorageNewer

Synchronous = Literal["OFF", "NORMAL", "FULL"]

COMPANIONS = ("", "-wal", "-shm")  # the file itself, its write-ahead log, the log's shared index
BUSY_TIMEOUT_S = 5.0
WAL_LIMIT_BYTES = 16 * 1024 * 1024  # a log that grew beyond this is cut back after its checkpoint
DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@dataclass(frozen=True, slots=True)
class Damage:
    """A database file that did not pass its check. `aside` is where it (and its log) now lies; the database that was
    opened in its place is empty."""

    path: Path
    aside: Path
    reason: str

    def __str__(self) -> str:
        return (
            f"{self.path.name} is damaged ({self.reason}). It was put aside as {self.aside.name} and an empty database"
            " took its place. Restore a saved state, or try `sqlite3 FILE .recover` on the file put aside."
        )


def open_private(path: Path) -> None:
    """Make `path` if it is missing, readable and writable by its owner only (SQLite gives -wal and -shm the same
    mode). A symbolic link in its place is refused."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        if path.is_symlink():
            raise StateFolderRefused(
                f"{path} is a symbolic link.", hint="State files are never followed through links; remove it."
            ) from error
        raise
    try:
        os.fchmod(descriptor, 0o600)
    finally:
        os.close(descriptor)


def open_writer(
    path: Path, migrations: Sequence[str], synchronous: Synchronous, *, shrinks: bool = False
) -> tuple[sqlite3.Connection, Damage | None]:
    """The one read-write connection of a file: checked, in WAL mode, at the newest layout. A file that is to shrink
    (`PRAGMA incremental_vacuum`) must be told so when it is made."""
    damage = None
    open_private(path)
    reason = check(path)
    if reason is not None:
        damage = Damage(path, put_aside(path), reason)
        open_private(path)
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        if shrinks:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT_BYTES}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        migrate(connection, path, migrations)
    except BaseException:
        connection.close()
        raise
    return connection, damage


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that cannot write, and so can never be the one that checkpoints the log."""
    location = f"file:{quote(str(path))}?mode=ro"
    connection = sqlite3.connect(location, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.execute("PRAGMA query_only = ON")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def check(path: Path) -> str | None:
    """Why the file cannot be trusted, or None. An empty file is a new one."""
    if path.stat().st_size == 0:
        return None
    try:
        with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)) as connection:
            row = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in DAMAGED:
            return str(error)
        raise
    return None if row == ("ok",) else str(row[0] if row else "no answer").splitlines()[-1]


def put_aside(path: Path) -> Path:
    """Rename the file, its -wal and its -shm to `*.corrupt-TIME`. Returns the file's new place."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    suffix = f".corrupt-{stamp}"
    number = 1
    while any(Path(f"{path}{companion}{suffix}").exists() for companion in COMPANIONS):
        number += 1
        suffix = f".corrupt-{stamp}-{number}"
    for companion in COMPANIONS:
        with suppress(FileNotFoundError):
            Path(f"{path}{companion}").rename(f"{path}{companion}{suffix}")
    return Path(f"{path}{suffix}")


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[str]) -> None:
    """Run the scripts the file has not seen; `PRAGMA user_version` counts those it has. Each is one transaction."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise StorageNewer(
            f"{path} was written by a newer version of the sandbox (layout {version}, this one knows {len(migrations)}).",
            hint="Upgrade the sandbox, or point --persist-to at another folder.",
        )
    for number, script in enumerate(migrations[version:], start=version + 1):
        try:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\n;PRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
