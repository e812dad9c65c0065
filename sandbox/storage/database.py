"""One SQLite file: a single writer on its own thread, readers that cannot write."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import aiosqlite

from sandbox.storage.errors import StorageClosed
from sandbox.storage.files import Damage, Synchronous, open_reader, open_writer
from sandbox.storage.group_commit import GroupCommit, Operation

T = TypeVar("T")
Parameters = Sequence[Any] | Mapping[str, Any]

logger = logging.getLogger("sandbox.storage")


class Database:
    """A file in WAL mode. `write` answers after the commit, `query` reads at once on the calling thread, `read` reads
    on a thread of its own. All see what was committed before they began, so a write that was awaited is read back.

    Methods may be awaited on any event loop of the thread that opened the database.
    """

    def __init__(
        self,
        path: Path,
        writer: aiosqlite.Connection,
        connection: sqlite3.Connection,
        damage: Damage | None,
        *,
        checkpoint: bool = True,
    ) -> None:
        self.path = path
        self.damage = damage
        """The file that lay here before and was put aside, where `open` found it damaged."""
        self._writer = writer
        self._checkpoint = checkpoint
        self._commits = GroupCommit(path, connection)
        self._reader = open_reader(path)
        self._slow_reader: aiosqlite.Connection | None = None
        self._closed = False

    @classmethod
    async def open(cls, path: Path, *, migrations: Sequence[str], synchronous: Synchronous = "NORMAL") -> Database:
        """Open or make the file (mode 0600), check it (`PRAGMA quick_check`) and run the migrations it has not seen.

        With `synchronous="NORMAL"` a killed process loses nothing and a power cut may lose the newest commits;
        `"FULL"` syncs each commit; `"OFF"` never waits for the disk. A damaged file is put aside with its log: `damage` tells, and a warning is logged.
        Raises `StorageNewer`, `StateFolderRefused` (a symbolic link), `OSError`.
        """
        opened: list[tuple[sqlite3.Connection, Damage | None]] = []

        def connect() -> sqlite3.Connection:
            opened.append(open_writer(path, migrations, synchronous))
            return opened[0][0]

        writer = await _start(connect)
        connection, damage = opened[0]
        if damage is not None:
            logger.warning("%s", damage)
        try:
            return cls(path, writer, connection, damage, checkpoint=synchronous != "OFF")
        except BaseException:
            await writer.close()
            raise

    async def write(
        self, fn: Callable[[sqlite3.Connection], T], *, settled: Callable[[T, BaseException | None], None] | None = None
    ) -> T:
        """Run `fn(connection)` in a transaction on the writer's thread; return its result after the commit.

        Writes that queue up while a commit runs share the next one (256 at most), in order, each in a savepoint:
        where `fn` raises, only its own changes are undone and its exception is raised here. `fn` must not commit, must
        do nothing but use the connection (it may run again after a failed commit) and must not block.
        A caller that is cancelled does not take the write back; `settled(result, error)` is called on the loop when
        the write is over, whether or not the caller still waits. It must not raise.
        Raises `StorageFull` where there is no space, `StorageClosed` after `close`.
        """
        if self._closed:
            raise StorageClosed(f"{self.path.name} is closed.")
        loop = asyncio.get_running_loop()
        operation = Operation(fn, loop.create_future(), loop, settled)
        if self._commits.add(operation):
            _send(self._writer, self._commits.drain)
        return cast("T", await operation.future)

    def query(self, sql: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Rows of a short SELECT, read at once on the calling thread: for small rows found by an index.

        Raises `StorageClosed` after `close`.
        """
        if self._closed:
            raise StorageClosed(f"{self.path.name} is closed.")
        return self._reader.execute(sql, parameters).fetchall()

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn(connection)` with a read-only connection on a thread: for large rows and long scans.

        It sees one state of the database throughout.
        """
        if self._closed:
            raise StorageClosed(f"{self.path.name} is closed.")
        reader = self._slow_reader or await self._open_slow_reader()
        return await _on_thread_of(reader, lambda: _in_snapshot(reader._conn, fn))

    async def close(self) -> None:
        """Finish the queued writes, move the log into the file (unless it is one that never waits for the disk) and
        close. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._reader.close()
        if self._slow_reader is not None:
            await self._slow_reader.close()
        # The writer closes last, so that it is the one that checkpoints and removes the log; queued writes go first.
        if self._checkpoint:
            await _on_thread_of(self._writer, lambda: _checkpoint(self._writer._conn))
        await self._writer.close()

    async def _open_slow_reader(self) -> aiosqlite.Connection:
        reader = await _start(lambda: open_reader(self.path))
        if self._slow_reader is not None or self._closed:  # another call was faster, or the end came
            await reader.close()
            if self._slow_reader is None:
                raise StorageClosed(f"{self.path.name} is closed.")
            return self._slow_reader
        self._slow_reader = reader
        return reader


async def _start(connect: Callable[[], sqlite3.Connection]) -> aiosqlite.Connection:
    """An aiosqlite connection whose thread does not keep a failing process alive (being ended there is no worse for
    the file than a kill, which WAL survives)."""
    failures: list[BaseException] = []

    def connect_or_tell() -> sqlite3.Connection:
        # A connector that raises leaves aiosqlite's thread to end on its own time, maybe after the loop.
        try:
            return connect()
        except BaseException as error:
            failures.append(error)
            return sqlite3.connect(":memory:")

    connection = aiosqlite.Connection(connect_or_tell, iter_chunk_size=64)
    connection._thread.daemon = True
    await connection
    if failures:
        await connection.close()
        raise failures[0]
    return connection


def _send(connection: aiosqlite.Connection, fn: Callable[[], None]) -> None:
    """Run a whole function on the connection's thread; it must not raise.

    aiosqlite has only a private way to do that (hence the upper bound on its version), and its thread ends when the
    future it is to answer belongs to a closed loop. So it gets none: `fn` answers by itself.
    """
    connection._tx.put_nowait((None, fn))


async def _on_thread_of(connection: aiosqlite.Connection, fn: Callable[[], T]) -> T:
    """The result of `fn()`, run on the connection's thread."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.done():  # cancelled
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("T", value))

    def run() -> None:
        value: T | None = None
        failure: BaseException | None = None
        try:
            value = fn()
        except BaseException as error:
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, failure)

    _send(connection, run)
    return await future


def _in_snapshot(connection: sqlite3.Connection, fn: Callable[[sqlite3.Connection], T]) -> T:
    connection.execute("BEGIN")
    try:
        return fn(connection)
    finally:
        connection.execute("ROLLBACK")


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
