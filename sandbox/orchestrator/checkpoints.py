"""What a worker saves to go on from: `{seq, data}`, at most 1 MiB, seq rising.

In a run a checkpoint belongs to (execution, stage, input hash, code hash), so that a retry with a new packet gets it
and a run of other code over other data does not. Stored by hand, without a run, it belongs to the packet id alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.clock import Clock
from sandbox.config.models import fold
from sandbox.errors import Conflict, NotFound, UserError
from sandbox.orchestrator.queries import Q
from sandbox.storage import Connection, Database

MAX_CHECKPOINT = 1024 * 1024


class CheckpointTooLarge(UserError):
    code = "checkpoint_too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a packet's checkpoint lies. `live` is False once the packet is over (by hand it never is)."""

    key: str
    execution_id: str | None
    stage: str | None
    live: bool


def scope_of(execution_id: str, stage: str, input_hash: str, code_hash: str) -> str:
    return f"run/{execution_id}/{stage}/{input_hash}/{code_hash}"


class Checkpoints:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def for_stage(self, execution_id: str, stage: str, input_hash: str, code_hash: str) -> dict[str, Any] | None:
        """What `/api/process` carries as `checkpoint`: {seq, data}, or None."""
        return self._read(scope_of(execution_id, stage, input_hash, code_hash))

    def get(self, worker: str, packet_id: str) -> dict[str, Any]:
        """{seq, data}; raises `NotFound`, also for another worker's packet."""
        found = self._read(self._scope(worker, packet_id).key)
        if found is None:
            raise _nothing()
        return found

    async def put(self, worker: str, packet_id: str, seq: int, data: Any) -> None:
        """Store it. Raises `Conflict` where seq does not rise or the packet is over, `CheckpointTooLarge` over 1 MiB."""
        text = codec.dumps(data)
        if len(text) > MAX_CHECKPOINT:
            raise CheckpointTooLarge(
                f"data: {len(text)} bytes, and a checkpoint takes {MAX_CHECKPOINT} at most",
                hint="keep cursors in the checkpoint and bulk data in KV",
            )
        scope = self._scope(worker, packet_id)
        if not scope.live:
            raise Conflict(
                f"packet {packet_id} is over", code="packet_over", hint="its checkpoint is not needed any more"
            )
        row = {
            "scope": scope.key,
            "execution_id": scope.execution_id,
            "stage": scope.stage,
            "worker": fold(worker),
            "packet_id": packet_id,
            "seq": seq,
            "data": text.decode(),
            "now": self._clock.now(),
        }

        def write(connection: Connection) -> tuple[int, str, str] | None:
            if connection.execute(Q.put_checkpoint, row).rowcount > 0:
                return None
            kept: tuple[int, str, str] = connection.execute(Q.checkpoint, row).fetchone()
            return kept

        kept = await self._database.write(write)
        # the same again is a repeated request whose answer was lost
        if kept is not None and kept != (seq, row["data"], packet_id):
            raise Conflict(
                f"seq: {seq} is not above {kept[0]}, which is stored",
                code="checkpoint_seq",
                hint="seq must rise; DELETE the checkpoint to begin again",
            )

    async def delete(self, worker: str, packet_id: str) -> bool:
        values = {"scope": self._scope(worker, packet_id).key}
        return await self._database.write(
            lambda connection: connection.execute(Q.delete_checkpoint, values).rowcount > 0
        )

    def _scope(self, worker: str, packet_id: str) -> Scope:
        rows = self._database.query(Q.packet_scope, {"packet_id": packet_id})
        if not rows:
            return Scope(f"hand/{fold(worker)}/{packet_id}", None, None, True)
        execution_id, stage, input_hash, code_hash, owner, live = rows[0]
        if fold(owner) != fold(worker):
            raise _nothing()
        return Scope(scope_of(execution_id, stage, input_hash, code_hash), execution_id, stage, bool(live))

    def _read(self, key: str) -> dict[str, Any] | None:
        rows = self._database.query(Q.checkpoint, {"scope": key})
        return {"seq": rows[0][0], "data": codec.loads(rows[0][1])} if rows else None


def _nothing() -> NotFound:
    return NotFound("no checkpoint of that packet", hint="it goes when its stage has succeeded")
