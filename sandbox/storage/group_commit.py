"""Group commit without a timer: while one commit runs, later writes queue; the next transaction takes them together."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.storage.errors import translate

MAX_BATCH = 256


@dataclass(slots=True)
class Operation:
    """A queued write, and what came of it once its transaction is over."""

    fn: Callable[[sqlite3.Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    settled: Callable[[Any, BaseException | None], None] | None = None
    value: Any = None
    error: BaseException | None = None


class _TransactionLostError(Exception):
    """SQLite rolled the whole transaction back (disk full, I/O error), not only the operation that failed."""


class GroupCommit:
    """The queue in front of a file's read-write connection.

    `add` is called on an event loop's thread, `drain` only on the connection's own. Futures may belong to different
    loops: nothing here lives on a loop. A function may run a second time where SQLite threw its first transaction
    away, so it does nothing but talk to the connection it is given.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._connection = connection
        self._queue: deque[Operation] = deque()
        self._lock = threading.Lock()
        self._draining = False

    def add(self, operation: Operation) -> bool:
        """Queue a write. True when nobody is draining, so that the caller must start a `drain`."""
        with self._lock:
            self._queue.append(operation)
            start = not self._draining
            self._draining = True
        return start

    def drain(self) -> None:
        """Run batches until the queue is empty."""
        while True:
            with self._lock:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), MAX_BATCH))]
                if not batch:
                    self._draining = False
                    return
            try:
                self._run(batch)
            except BaseException as error:  # a ROLLBACK that fails: later writes must not wait for ever
                for operation in batch:
                    operation.error = operation.error or translate(error, self._path)
            _answer(batch)

    def _run(self, batch: list[Operation]) -> None:
        if len(batch) == 1:
            self._run_alone(batch[0])
            return
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            for operation in batch:
                operation.error = translate(error, self._path)
            return
        try:
            for operation in batch:
                self._run_in_savepoint(operation)
            connection.execute("COMMIT")
        except (sqlite3.Error, _TransactionLostError):
            # One of them took the others down with it. Alone, each gets its own answer.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            for operation in batch:
                operation.value = operation.error = None
                self._run_alone(operation)

    def _run_in_savepoint(self, operation: Operation) -> None:
        connection = self._connection
        connection.execute("SAVEPOINT operation")
        try:
            operation.value = operation.fn(connection)
        except BaseException as error:
            if not connection.in_transaction:
                raise _TransactionLostError from error
            connection.execute("ROLLBACK TO operation")
            operation.error = translate(error, self._path)
        connection.execute("RELEASE operation")

    def _run_alone(self, operation: Operation) -> None:
        connection = self._connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            operation.value = operation.fn(connection)
            connection.execute("COMMIT")
        except BaseException as error:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            operation.error = translate(error, self._path)


def _answer(batch: list[Operation]) -> None:
    """Settle the futures, one call into each loop that waits."""
    waiting: dict[asyncio.AbstractEventLoop, list[Operation]] = {}
    for operation in batch:
        waiting.setdefault(operation.loop, []).append(operation)
    for loop, operations in waiting.items():
        with suppress(RuntimeError):  # the loop was closed: nobody waits any more, the writes are done all the same
            loop.call_soon_threadsafe(_settle, operations)


def _settle(operations: list[Operation]) -> None:
    for operation in operations:
        if operation.settled is not None:
            operation.settled(operation.value, operation.error)
        if operation.future.done():  # cancelled
            continue
        if operation.error is not None:
            operation.future.set_exception(operation.error)
        else:
            operation.future.set_result(operation.value)
