"""One SQLite file: group commit, isolation of failures, damage, disk full, modes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from sandbox.storage import (
    Connection,
    Database,
    IntegrityError,
    OperationalError,
    StateFolderRefused,
    StorageClosed,
    StorageFull,
    StorageNewer,
)
from sandbox.storage.group_commit import GroupCommit, Operation

SCHEMA = "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT NOT NULL);"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "t.sqlite", migrations=[SCHEMA])
    yield opened
    await opened.close()


def insert(key: str, value: str = "v") -> Callable[[Connection], str]:
    def fn(connection: Connection) -> str:
        connection.execute("INSERT INTO t VALUES (?, ?)", (key, value))
        return key

    return fn


def keys(database: Database) -> list[str]:
    return [row[0] for row in database.query("SELECT k FROM t ORDER BY k")]


async def test_a_write_is_read_back_by_both_readers(database: Database) -> None:
    assert await database.write(insert("a")) == "a"
    assert keys(database) == ["a"]
    assert await database.read(lambda c: c.execute("SELECT v FROM t").fetchall()) == [("v",)]


async def test_a_failing_write_undoes_only_itself(database: Database) -> None:
    def half(connection: Connection) -> None:
        connection.execute("INSERT INTO t VALUES ('half', 'v')")
        raise LookupError("no")

    results = await asyncio.gather(
        *(database.write(insert(f"k{n}")) for n in range(10)),
        database.write(half),
        database.write(insert("k3")),
        *(database.write(insert(f"l{n}")) for n in range(10)),
        return_exceptions=True,
    )
    assert [type(result) for result in results if not isinstance(result, str)] == [LookupError, IntegrityError]
    assert keys(database) == sorted([f"k{n}" for n in range(10)] + [f"l{n}" for n in range(10)])


async def test_queued_writes_share_transactions_and_keep_their_order(database: Database) -> None:
    seen: list[int] = []
    commits_before = commits(database)
    await asyncio.gather(*(database.write(lambda c, n=n: seen.append(n)) for n in range(1000)))  # type: ignore[misc]
    assert seen == list(range(1000))
    await database.write(insert("x"))
    assert commits(database) > commits_before

    transactions: list[str] = []
    await database.write(lambda c: c.set_trace_callback(transactions.append))
    await asyncio.gather(*(database.write(insert(str(n))) for n in range(600)))
    await database.write(lambda c: c.set_trace_callback(None))
    begun = [sql for sql in transactions if sql.startswith("BEGIN")]
    assert len(begun) < 20


def commits(database: Database) -> int:
    return int(database.query("PRAGMA data_version")[0][0])


async def test_a_statement_that_loses_the_whole_transaction_fails_alone(database: Database) -> None:
    def lose(connection: Connection) -> None:
        connection.execute("INSERT OR ROLLBACK INTO t VALUES ('a', 'v')")  # SQLite ends the transaction by itself

    await database.write(insert("a"))
    results = await asyncio.gather(
        database.write(insert("b")), database.write(insert("c")), database.write(lose), database.write(insert("d")),
        return_exceptions=True,
    )  # fmt: skip
    assert isinstance(results.pop(2), IntegrityError)
    assert results == ["b", "c", "d"]
    assert keys(database) == ["a", "b", "c", "d"]


async def test_a_cancelled_writer_does_not_hurt_the_others(database: Database) -> None:
    tasks = [asyncio.ensure_future(database.write(insert(str(n)))) for n in range(50)]
    await asyncio.sleep(0)
    tasks[7].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [n for n, result in enumerate(results) if isinstance(result, BaseException)] == [7]
    assert set(keys(database)) >= {str(n) for n in range(50) if n != 7}


def test_writes_from_several_loops(tmp_path: Path) -> None:
    database = asyncio.run(Database.open(tmp_path / "t.sqlite", migrations=[SCHEMA]))
    for n in range(5):
        asyncio.run(database.write(insert(str(n))))
    assert keys(database) == ["0", "1", "2", "3", "4"]
    asyncio.run(database.close())


def test_a_loop_that_closes_in_the_middle_takes_nothing_down(tmp_path: Path) -> None:
    database = asyncio.run(Database.open(tmp_path / "t.sqlite", migrations=[SCHEMA]))
    release = threading.Event()

    async def leave() -> None:
        """Go away while both threads are at work for this loop."""
        await database.read(lambda c: None)
        waiting = [
            asyncio.ensure_future(database.write(lambda c: release.wait(30) and insert("late")(c))),
            asyncio.ensure_future(database.read(lambda c: release.wait(30))),
        ]
        await asyncio.sleep(0)  # both are on their way
        for task in waiting:
            task.cancel()

    asyncio.run(leave())
    release.set()
    assert asyncio.run(database.write(insert("next"))) == "next"
    assert asyncio.run(database.read(lambda c: c.execute("SELECT k FROM t ORDER BY k").fetchall())) == [
        ("late",),
        ("next",),
    ]
    asyncio.run(database.close())


async def test_reading_connections_cannot_write(database: Database) -> None:
    with pytest.raises(OperationalError, match="readonly"):
        database.query("INSERT INTO t VALUES ('a', 'b')")
    with pytest.raises(OperationalError, match="readonly"):
        await database.read(lambda c: c.execute("INSERT INTO t VALUES ('a', 'b')"))
    assert keys(database) == []


async def test_a_read_sees_one_state(database: Database) -> None:
    await database.write(insert("a"))
    loop = asyncio.get_running_loop()
    begun = asyncio.Event()
    go_on: list[bool] = []

    def slow(connection: Connection) -> tuple[int, int]:
        first = connection.execute("SELECT count(*) FROM t").fetchone()[0]
        loop.call_soon_threadsafe(begun.set)
        while not go_on:
            pass
        return first, connection.execute("SELECT count(*) FROM t").fetchone()[0]

    reading = asyncio.ensure_future(database.read(slow))
    await begun.wait()
    await database.write(insert("b"))
    go_on.append(True)
    assert await reading == (1, 1)
    assert keys(database) == ["a", "b"]


async def test_files_are_private_and_gone_into_one_after_close(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    database = await Database.open(path, migrations=[SCHEMA])
    await database.write(insert("a"))
    present = sorted(file.name for file in tmp_path.iterdir())
    assert present == ["t.sqlite", "t.sqlite-shm", "t.sqlite-wal"]
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}
    await database.close()
    await database.close()
    assert [file.name for file in tmp_path.iterdir()] == ["t.sqlite"]
    with pytest.raises(StorageClosed):
        await database.write(insert("b"))
    with pytest.raises(StorageClosed):
        await database.read(lambda c: None)


async def test_close_finishes_what_was_queued(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "t.sqlite", migrations=[SCHEMA])
    tasks = [asyncio.ensure_future(database.write(insert(str(n)))) for n in range(300)]
    await asyncio.sleep(0)
    await database.close()
    assert len(await asyncio.gather(*tasks)) == 300


async def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_bytes(b"")
    (tmp_path / "t.sqlite").symlink_to(target)
    with pytest.raises(StateFolderRefused, match="symbolic link"):
        await Database.open(tmp_path / "t.sqlite", migrations=[SCHEMA])
    assert target.read_bytes() == b""


async def test_migrations_run_once_and_in_order(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    first = await Database.open(path, migrations=[SCHEMA])
    await first.write(insert("a"))
    await first.close()
    second = await Database.open(path, migrations=[SCHEMA, "ALTER TABLE t ADD COLUMN extra TEXT DEFAULT 'e';"])
    assert second.query("SELECT k, extra FROM t") == [("a", "e")]
    await second.close()
    with pytest.raises(StorageNewer, match="newer version"):
        await Database.open(path, migrations=[SCHEMA])


async def test_a_failing_migration_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    await (await Database.open(path, migrations=[SCHEMA])).close()
    with pytest.raises(OperationalError):
        await Database.open(path, migrations=[SCHEMA, "CREATE TABLE u (x); SELEC 1;"])
    again = await Database.open(path, migrations=[SCHEMA, "CREATE TABLE u (x);"])
    assert again.query("SELECT name FROM sqlite_schema WHERE name = 'u'") == [("u",)]
    await again.close()


@pytest.mark.parametrize("damage", ["not a database at all, clearly" * 200, "middle"])
async def test_a_damaged_file_is_put_aside_loudly(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "t.sqlite"
    database = await Database.open(path, migrations=[SCHEMA])
    for n in range(50):
        await database.write(insert(str(n), "x" * 1000))
    await database.close()
    content = bytearray(path.read_bytes())
    if damage == "middle":
        content[4096 : 4096 * 6] = random.Random(1).randbytes(4096 * 5)
    else:
        content = bytearray(damage.encode())
    path.write_bytes(content)
    Path(f"{path}-wal").write_bytes(b"left over")

    reopened = await Database.open(path, migrations=[SCHEMA])
    assert reopened.damage is not None
    assert reopened.damage.aside.read_bytes() == bytes(content)
    assert ".corrupt-" in reopened.damage.aside.name
    aside_wal = list(tmp_path.glob("t.sqlite-wal.corrupt-*"))
    assert len(aside_wal) <= 1  # SQLite itself discards a log that belongs to no database
    assert "put aside" in caplog.text
    assert keys(reopened) == []
    await reopened.write(insert("new"))
    await reopened.close()
    sound = await Database.open(path, migrations=[SCHEMA])
    assert sound.damage is None
    assert keys(sound) == ["new"]
    await sound.close()


async def test_disk_full_refuses_loses_nothing_and_resumes(database: Database) -> None:
    rng = random.Random(7)
    stored: dict[str, str] = {}
    refused = 0

    def limit(pages: int) -> Callable[[Connection], None]:
        return lambda c: c.execute(f"PRAGMA max_page_count = {pages}") and None

    for moment in range(50):
        pages = database.query("PRAGMA page_count")[0][0]
        await database.write(limit(pages + rng.randrange(3)))
        batch = {f"{moment}:{n}": "x" * rng.randrange(1, 6000) for n in range(rng.randrange(1, 12))}
        results = await asyncio.gather(
            *(database.write(insert(key, value)) for key, value in batch.items()), return_exceptions=True
        )
        for key, result in zip(batch, results, strict=True):
            if isinstance(result, StorageFull):
                refused += 1
                assert result.status == 507
            else:
                assert result == key
                stored[key] = batch[key]
        assert dict(database.query("SELECT k, v FROM t")) == stored
        await database.write(limit(1_000_000))
        await database.write(insert(f"after:{moment}"))
        stored[f"after:{moment}"] = "v"
    assert refused > 20
    assert database.query("PRAGMA integrity_check") == [("ok",)]


async def test_only_the_writer_checkpoints(tmp_path: Path) -> None:
    """The versions of SQLite with the WAL-reset defect need two connections that checkpoint."""
    path = tmp_path / "t.sqlite"
    database = await Database.open(path, migrations=[SCHEMA])
    await database.read(lambda c: None)
    await database.write(insert("a", "x" * 100_000))
    with pytest.raises(sqlite3.OperationalError):
        database.query("PRAGMA wal_checkpoint(PASSIVE)")
    await database.close()


async def test_nothing_is_read_after_the_end(tmp_path: Path) -> None:
    opened = await Database.open(tmp_path / "t.sqlite", migrations=[SCHEMA])
    await opened.close()
    with pytest.raises(StorageClosed):
        opened.query("SELECT 1")


async def test_a_caller_who_goes_away_is_told_all_the_same(database: Database) -> None:
    told: list[tuple[object, BaseException | None]] = []
    over = asyncio.Event()

    def settled(value: object, error: BaseException | None) -> None:
        told.append((value, error))
        over.set()

    writing = asyncio.ensure_future(database.write(insert("a"), settled=settled))
    await asyncio.sleep(0)
    writing.cancel()
    await over.wait()
    assert told == [("a", None)] and writing.cancelled()
    assert database.query("SELECT k FROM t") == [("a",)]


async def test_a_rollback_that_fails_does_not_stop_the_writes_after_it() -> None:
    class Broken:
        """A connection whose disk is gone for a moment."""

        in_transaction = True
        broken = True

        def execute(self, sql: str, *_: object) -> None:
            if self.broken and sql != "BEGIN IMMEDIATE":
                raise sqlite3.OperationalError("disk I/O error")

    connection = Broken()
    queue = GroupCommit(Path("t.sqlite"), connection)  # type: ignore[arg-type]
    loop = asyncio.get_running_loop()

    async def write() -> None:
        operation = Operation(lambda opened: None, loop.create_future(), loop)
        if queue.add(operation):
            thread = threading.Thread(target=lambda: suppressed(queue.drain))
            thread.start()
        await asyncio.wait_for(operation.future, 5)

    def suppressed(fn: Callable[[], None]) -> None:
        with contextlib.suppress(sqlite3.Error):  # the thread's end is not what is tested
            fn()

    with pytest.raises(OperationalError, match="disk I/O"):
        await write()
    connection.broken = False
    await write()
