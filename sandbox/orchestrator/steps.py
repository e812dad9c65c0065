"""One transaction of the journal under way: its statements, its guard and the events that become true with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.orchestrator.queries import Q
from sandbox.storage import Connection


class Late(Exception):
    """The state is not the expected one any more (cancelled, superseded, another boot): nothing is changed."""


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """An entry of an execution's event log. `seq` rises by one; `at` in seconds since the epoch."""

    execution_id: str
    seq: int
    at: float
    kind: str
    data: dict[str, Any]


class Step:
    """Runs on the writer's thread. A function that gets one may run twice (the storage says when), so it must do
    nothing else."""

    def __init__(self, connection: Connection, boot_id: str, now: float) -> None:
        self._connection = connection
        self._always = {"boot_id": boot_id, "now": now}
        self.now = now
        self.events: list[JournalEvent] = []

    def run(self, sql: str, **values: Any) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, {**self._always, **values}).fetchall()

    def change(self, sql: str, **values: Any) -> bool:
        """Whether a row was changed."""
        return self._connection.execute(sql, {**self._always, **values}).rowcount > 0

    def expect(self, sql: str, **values: Any) -> None:
        """A guarded UPDATE; raises `Late` where it changes no row."""
        if not self.change(sql, **values):
            raise Late

    def expect_row(self, sql: str, **values: Any) -> tuple[Any, ...]:
        """A guarded UPDATE ... RETURNING; raises `Late` where it changes no row."""
        rows = self.run(sql, **values)
        if not rows:
            raise Late
        return rows[0]

    def event(self, execution_id: str, kind: str, **data: Any) -> None:
        """Append to the execution's log; it is published after the commit."""
        seq = self.run(Q.next_event, execution_id=execution_id)[0][0]
        self.run(Q.insert_event, execution_id=execution_id, seq=seq, kind=kind, data=codec.dumps(data).decode())
        self.events.append(JournalEvent(execution_id, seq, self.now, kind, data))
