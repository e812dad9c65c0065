"""The SQL of a namespace's file, and the changes that run on its writer's thread.

Small values lie in their entry; larger ones in pieces under a version number, so that they are read and written a
piece at a time and replaced in one step.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from sandbox.storage import Connection

INLINE_BYTES = 256 * 1024
PIECE_BYTES = 256 * 1024

# Keys are BLOBs: SQLite compares those byte by byte, which is KV's order. The value is the last column, so that a
# listing does not read it.
MIGRATIONS = (
    """
    CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        key BLOB NOT NULL UNIQUE,
        expiration INTEGER,
        metadata TEXT,
        version INTEGER,
        size INTEGER NOT NULL,
        value BLOB
    );
    CREATE INDEX entries_by_expiration ON entries (expiration) WHERE expiration IS NOT NULL;
    CREATE INDEX entries_by_version ON entries (version) WHERE version IS NOT NULL;
    CREATE TABLE pieces (
        version INTEGER NOT NULL,
        number INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (version, number)
    );
    """,
)

LOOKUP = "SELECT value, version, size, expiration, metadata FROM entries WHERE key = ?"
READ_PIECE = "SELECT data FROM pieces WHERE version = ? AND number = ?"
_VERSION_OF = "SELECT version FROM entries WHERE key = ? AND version IS NOT NULL"
_PUT = """
    INSERT INTO entries (key, expiration, metadata, version, size, value) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET expiration = excluded.expiration, metadata = excluded.metadata,
        version = excluded.version, size = excluded.size, value = excluded.value
"""
_SWEEP = """
    DELETE FROM entries WHERE id IN (SELECT id FROM entries WHERE expiration <= ? LIMIT ?) RETURNING version
"""


@dataclass(frozen=True, slots=True)
class Put:
    """Set an entry: `value` inline, or None with the `version` and `size` of pieces written before."""

    key: bytes
    value: bytes | None
    expiration: int | None
    metadata: str | None
    version: int | None = None
    size: int = 0

    def run(self, connection: Connection) -> tuple[int, list[int]]:
        old = connection.execute(_VERSION_OF, (self.key,)).fetchall()
        size = self.size if self.value is None else len(self.value)
        connection.execute(_PUT, (self.key, self.expiration, self.metadata, self.version, size, self.value))
        return 1, [version for (version,) in old]


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an entry."""

    key: bytes

    def run(self, connection: Connection) -> tuple[int, list[int]]:
        gone = connection.execute("DELETE FROM entries WHERE key = ? RETURNING version", (self.key,)).fetchall()
        return len(gone), [version for (version,) in gone if version is not None]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Remove up to `limit` entries that are over at `now`."""

    now: int
    limit: int

    def run(self, connection: Connection) -> tuple[int, list[int]]:
        gone = connection.execute(_SWEEP, (self.now, self.limit)).fetchall()
        return len(gone), [version for (version,) in gone if version is not None]


Change = Put | Delete | Sweep


def apply(
    connection: Connection, change: Change, garbage: Collection[int], sweep: Sweep | None
) -> tuple[int, list[int]]:
    """Run a change. Returns how many entries it touched and the versions nothing points to any more."""
    retired: list[int] = []
    if garbage:
        connection.executemany("DELETE FROM pieces WHERE version = ?", [(version,) for version in garbage])
    if sweep is not None:
        retired += sweep.run(connection)[1]
    count, replaced = change.run(connection)
    return count, retired + replaced


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of a large value."""

    version: int
    number: int
    data: bytes

    def __call__(self, connection: Connection) -> None:
        connection.execute("INSERT INTO pieces VALUES (?, ?, ?)", (self.version, self.number, self.data))


def collect_garbage(connection: Connection) -> int:
    """Drop pieces that no entry points to (a put that a crash cut off). Returns the next free version."""
    connection.execute(
        "DELETE FROM pieces WHERE version NOT IN (SELECT version FROM entries WHERE version IS NOT NULL)"
    )
    return int(connection.execute("SELECT coalesce(max(version), 0) + 1 FROM pieces").fetchone()[0])


def listing(prefix: bytes, after: bytes, now: int, limit: int) -> tuple[str, list[Any]]:
    """A SELECT of key, expiration and metadata of the keys with a prefix, after a key, alive at `now`."""
    where: list[str]
    parameters: list[Any]
    if after >= prefix:  # one lower bound, which the index can use
        where, parameters = ["key > ?"], [after]
    else:
        where, parameters = ["key >= ?"], [prefix]
    if prefix:
        where.append("key < ?")
        parameters.append(prefix[:-1] + bytes([prefix[-1] + 1]))  # no byte of UTF-8 is 0xFF
    where.append("(expiration IS NULL OR expiration > ?)")
    parameters.append(now)
    sql = f"SELECT key, expiration, metadata FROM entries WHERE {' AND '.join(where)} ORDER BY key LIMIT ?"  # noqa: S608 (no value is in the text)
    return sql, [*parameters, limit]
