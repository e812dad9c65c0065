"""The log's file: segments of some hundred events, with what a search can skip them by beside each; and bodies."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.events.segment import Segment
from sandbox.storage import Connection, Damage, OperationalError, open_reader, open_writer

MIGRATIONS = (
    """
    CREATE TABLE segment (
        first INTEGER PRIMARY KEY,      -- sequence number of its first event
        count INTEGER NOT NULL,
        written REAL NOT NULL,          -- seconds since the epoch by the machine's clock
        at_first REAL NOT NULL,         -- by the sandbox's clock
        at_last REAL NOT NULL,
        request_first INTEGER,
        request_last INTEGER,
        process TEXT NOT NULL,          -- last half of the ids of the traces that begin here
        number_first INTEGER,
        number_last INTEGER,
        kinds TEXT NOT NULL,            -- each of these sets as `|one|two|`
        workers TEXT NOT NULL,
        traces TEXT NOT NULL,
        executions TEXT NOT NULL,
        data BLOB NOT NULL
    );
    CREATE TABLE body (
        sha256 TEXT PRIMARY KEY,
        segment INTEGER NOT NULL,       -- the newest that uses it
        data BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX body_of_segment ON body (segment);
    CREATE INDEX segment_of_request ON segment (request_last) WHERE request_last IS NOT NULL;
    """,
    # What was written before has another layout.
    "DELETE FROM body; DELETE FROM segment;",
)
_INSERT = """
    INSERT INTO segment VALUES (:first, :count, :written, :at_first, :at_last, :request_first, :request_last, :process,
                                :number_first, :number_last, :kinds, :workers, :traces, :executions, :data)
"""
_PRUNE_TO = 0.9
"""What is too large is cut back to this part of the limit, so that not every batch has to."""
_PARTS = 40
"""And in steps of so many parts of the segments."""


def set_text(values: set[str]) -> str:
    return "|" + "|".join(sorted(values)) + "|" if values else ""


class Store:
    """The writing side; used by one thread. `max_bytes` bounds the file, `max_age` (seconds) what is in it."""

    def __init__(self, path: Path, *, max_bytes: int, max_age: float) -> None:
        self._connection, self.damage = open_writer(path, MIGRATIONS, "NORMAL", shrinks=True)
        self._max_bytes = max_bytes
        self._max_age = max_age
        row = self._connection.execute("SELECT first + count FROM segment ORDER BY first DESC LIMIT 1").fetchone()
        self._next: int = row[0] if row else 1

    damage: Damage | None

    def write(self, segments: Sequence[Segment]) -> None:
        """Add segments in one commit, then forget what is too old or too much."""
        connection = self._connection
        now = time.time()
        connection.execute("BEGIN IMMEDIATE")
        try:
            for segment in segments:
                self._add(segment, now)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        self.prune(now)

    def _add(self, segment: Segment, now: float) -> None:
        connection = self._connection
        first, self._next = self._next, self._next + segment.count
        requests, numbers = segment.requests or (None, None), segment.numbers or (None, None)
        row = {
            "first": first,
            "count": segment.count,
            "written": now,
            "at_first": segment.at[0],
            "at_last": segment.at[1],
            "request_first": requests[0],
            "request_last": requests[1],
            "process": segment.process,
            "number_first": numbers[0],
            "number_last": numbers[1],
            "kinds": set_text(segment.kinds),
            "workers": set_text(segment.workers),
            "traces": set_text(segment.traces),
            "executions": set_text(segment.executions),
            "data": segment.data,
        }
        connection.execute(_INSERT, row)
        for sha256, body in segment.bodies.items():
            known = connection.execute("UPDATE body SET segment = ? WHERE sha256 = ?", (first, sha256))
            if not known.rowcount:
                connection.execute("INSERT INTO body VALUES (?, ?, ?)", (sha256, first, zlib.compress(body, 1)))

    def prune(self, now: float) -> None:
        """Forget the oldest segments, and the bodies that no later one uses."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DELETE FROM segment WHERE written < ?", (now - self._max_age,))
            self._forget_bodies()
            if self.used > self._max_bytes:
                at_once = 1 + int(connection.execute("SELECT count(*) FROM segment").fetchone()[0]) // _PARTS
                while self.used > self._max_bytes * _PRUNE_TO:
                    oldest = "SELECT first FROM segment ORDER BY first LIMIT ?"
                    gone = connection.execute(f"DELETE FROM segment WHERE first IN ({oldest})", (at_once,))  # noqa: S608
                    self._forget_bodies()
                    if not gone.rowcount:
                        break
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        if self._pragma("page_count") * self._pragma("page_size") > self._max_bytes:
            connection.executescript("PRAGMA incremental_vacuum")  # `execute` takes one step of it, which is one page

    def _forget_bodies(self) -> None:
        self._connection.execute(
            "DELETE FROM body WHERE segment < (SELECT coalesce(min(first), 9e18) FROM segment)",
        )

    @property
    def used(self) -> int:
        """Bytes of the file that hold something."""
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def close(self) -> None:
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._connection.close()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which segments a search has to look into. `after` and `before` are sequence numbers, both left out themselves;
    `since` and `until` are seconds since the epoch."""

    kinds: tuple[str, ...] = ()
    worker: str | None = None
    trace_id: str | None = None
    number: int | None = None
    execution_id: str | None = None
    request: int | None = None
    after: int | None = None
    before: int | None = None
    since: float | None = None
    until: float | None = None

    def where(self) -> tuple[str, list[Any]]:
        found: list[str] = []
        values: list[Any] = []

        def add(sql: str, *given: Any) -> None:
            found.append(sql)
            values.extend(given)

        if self.kinds:
            add("(" + " OR ".join("instr(kinds, ?)" for _ in self.kinds) + ")", *(f"|{kind}|" for kind in self.kinds))
        if self.worker is not None:
            add("instr(workers, ?)", f"|{self.worker}|")
        if self.trace_id is not None:
            begun = "process = ? AND number_first <= ? AND number_last >= ?"
            add(
                f"(instr(traces, ?) OR ({begun}))",
                f"|{self.trace_id}|",
                self.trace_id[16:],
                self.number,
                self.number,
            )
        if self.execution_id is not None:
            add("instr(executions, ?)", f"|{self.execution_id}|")
        if self.request is not None:
            add("request_first <= ? AND request_last >= ?", self.request, self.request)
        if self.after is not None:
            add("first + count - 1 > ?", self.after)
        if self.before is not None:
            add("first < ?", self.before)
        if self.since is not None:
            add("at_last >= ?", self.since)
        if self.until is not None:
            add("at_first <= ?", self.until)
        return " AND ".join(found) or "1", values


class Reader:
    """The reading side, for the thread that makes it; a file that is not there reads as an empty one."""

    def __init__(self, path: Path) -> None:
        self._connection: Connection | None = open_reader(path) if path.is_file() and path.stat().st_size else None

    def segments(self, wanted: Wanted, *, newest_first: bool) -> Iterator[tuple[int, bytes]]:
        """(sequence number of the first event, data) of each segment that may hold what is wanted."""
        where, values = wanted.where()
        order = "DESC" if newest_first else "ASC"
        # the choice is made of the names above alone, every value is a parameter
        sql = f"SELECT first, data FROM segment WHERE {where} ORDER BY first {order}"  # noqa: S608
        if self._connection is not None:
            yield from self._connection.execute(sql, values)

    def last_request(self) -> int:
        """The highest number that a request in the file has; 0 where there is none."""
        if self._connection is None:
            return 0
        try:
            return int(self._connection.execute("SELECT coalesce(max(request_last), 0) FROM segment").fetchone()[0])
        except OperationalError:  # a file whose tables were not made yet
            return 0

    def last(self) -> int:
        """The sequence number of the newest event; 0 where there is none."""
        if self._connection is None:
            return 0
        row = self._connection.execute("SELECT first + count - 1 FROM segment ORDER BY first DESC LIMIT 1").fetchone()
        return 0 if row is None else int(row[0])

    def body(self, sha256: str) -> bytes | None:
        if self._connection is None:
            return None
        row = self._connection.execute("SELECT data FROM body WHERE sha256 = ?", (sha256,)).fetchone()
        return None if row is None else zlib.decompress(row[0])

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()


def reading(path: Path, work: Callable[[Reader], Any]) -> Any:
    """The result of `work` with a reader of its own."""
    with closing(Reader(path)) as reader:
        return work(reader)
