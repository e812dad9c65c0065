"""The durable record of executions: one SQLite file with `synchronous=FULL`, written by transitions, read as JSON."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import sandbox.orchestrator.codec as codec
import sandbox.orchestrator.transitions as transitions
from sandbox.clock import Clock
from sandbox.ids import new_id
from sandbox.orchestrator.migrations import MIGRATIONS
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.steps import JournalEvent, Late, Step
from sandbox.storage import Connection, Database, Synchronous

T = TypeVar("T")
Publish = Callable[[JournalEvent], None]

logger = logging.getLogger("sandbox.orchestrator")


class Journal:
    """Use `commit` for every change: it runs a transition, then publishes the events that became true with it."""

    def __init__(self, database: Database, clock: Clock, publish: Publish, *, durable: bool = True) -> None:
        self.database = database
        self.boot_id = new_id("boot")
        self._clock = clock
        self._durable = durable
        self._publish = publish
        self._commits: set[asyncio.Task[Any]] = set()

    @classmethod
    async def open(cls, path: Path, clock: Clock, publish: Publish, synchronous: Synchronous = "FULL") -> Journal:
        database = await Database.open(path, migrations=MIGRATIONS, synchronous=synchronous)
        return cls(database, clock, publish, durable=synchronous != "OFF")

    async def begin(self, retention: float, keep: int) -> list[str]:
        """Begin this boot and forget what is too old; returns the executions that an earlier boot left unfinished (they
        are failed now, code `interrupted`)."""

        def begin(step: Step) -> list[str]:
            left = transitions.begin_boot(step)
            transitions.prune(step, retention, keep)
            return left

        return await self.commit(begin)

    async def close(self) -> None:
        if self._commits:
            await asyncio.gather(*self._commits, return_exceptions=True)
        if self._durable:
            values = {"boot_id": self.boot_id, "now": self._clock.now()}
            await self.database.write(lambda connection: connection.execute(Q.end_boot, values))
        await self.database.close()

    async def commit(self, transition: Callable[[Step], T]) -> T:
        """Run `transition` in one transaction. `Late` comes through: nothing was changed.

        A caller that is cancelled meanwhile does not take the transaction with it: what is committed is published.
        """
        task = asyncio.ensure_future(self._commit(transition))
        self._commits.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    async def settle(self, transition: Callable[[Step], T], what: str) -> T | None:
        """Like `commit`, for results that may come late: those are logged and discarded (None)."""
        try:
            return await self.commit(transition)
        except Late:
            logger.info("late: %s is not wanted any more and was discarded", what)
            return None

    async def _commit(self, transition: Callable[[Step], T]) -> T:
        now = self._clock.now()
        last: list[Step] = []

        def run(connection: Connection) -> T:
            step = Step(connection, self.boot_id, now)
            last[:] = [step]
            return transition(step)

        result = await self.database.write(run)
        for event in last[0].events:
            self._publish(event)
        return result

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._commits.discard(task)
        if not task.cancelled():
            task.exception()  # the caller saw it, unless it was cancelled

    def rows(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self.database.query(sql, values)

    def objects(self, sql: str, **values: Any) -> list[dict[str, Any]]:
        """The rows of a statement that gives one JSON object each."""
        return [codec.loads(row[0]) for row in self.database.query(sql, values)]

    def events_after(self, execution_id: str, seq: int) -> list[JournalEvent]:
        found = self.rows(Q.events_after, execution_id=execution_id, seq=seq)
        return [JournalEvent(execution_id, number, at, kind, codec.loads(data)) for number, at, kind, data in found]
