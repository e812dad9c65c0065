"""The values the orchestrator holds: bytes pinned by content, named by references, served while their time lasts."""

from __future__ import annotations

import asyncio
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.clock import Clock
from sandbox.config.models import fold
from sandbox.errors import Conflict
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.references import TIME_TO_LIVE, RefExpired, Stored, mint, sha256, unknown_reference
from sandbox.orchestrator.steps import Step
from sandbox.storage import Connection, Database

ORCHESTRATOR = ""
"""The producer of what we build ourselves."""


OFF_LOOP_FROM = 1024 * 1024
"""Bytes from which hashing and checking is done on a thread."""


async def examined(body: bytes) -> tuple[str, bool]:
    """The sha256 of `body`, and whether it is JSON."""
    if len(body) < OFF_LOOP_FROM:
        return sha256(body), codec.is_json(body)
    return await asyncio.to_thread(lambda: (sha256(body), codec.is_json(body)))


def keep(step: Step, body: bytes, digest: str, **about: Any) -> Stored:
    """Pin `body` under a new reference, inside a transaction.

    `about`: producer (folded), own_id (None: minted), origin, is_json, execution_id, stage, expires_at. The producer's
    own id is kept where nobody has it yet: two workers that number their results by the millisecond do meet.
    """
    ref_id = about["own_id"] or mint()
    if step.run(Q.reference_taken, ref_id=ref_id):
        ref_id = mint()
    step.run(Q.keep_content, sha256=digest, size_bytes=len(body), body=body)
    row = {**about, "own_id": about["own_id"] or ref_id}
    step.run(Q.insert_reference, ref_id=ref_id, sha256=digest, size_bytes=len(body), **row)
    return Stored(ref_id, digest, len(body), about["is_json"], about["expires_at"])


class ReferenceStore:
    """Reads and writes references by hand; what a run produces is kept by the journal in its own transactions."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def get(self, ref_id: str) -> Stored | None:
        return _stored(self._database.query(Q.reference, {"ref_id": ref_id}))

    async def body(self, stored: Stored) -> bytes:
        """The pinned bytes, whatever the time (for building inputs; who may read them is the caller's affair)."""
        key = {"sha256": stored.sha256}
        if stored.size_bytes <= 4096:  # a hop to a thread costs more than a small read
            return bytes(self._database.query(Q.content_body, key)[0][0])
        return bytes(
            await self._database.read(lambda connection: connection.execute(Q.content_body, key).fetchone()[0])
        )

    async def read_as(self, worker: str, ref_id: str) -> tuple[Stored, bytes, str | None]:
        """What `GET /api/data` serves to `worker`: the reference, its bytes, and the live packet it is the input of.

        Readable are inputs of the worker's live packets, what it produced itself, and what was planted by hand for
        trying a worker out. Anything else raises the same `NotFound`; past `expires_at` it raises `RefExpired`.
        """
        key = {"worker": fold(worker), "ref_id": ref_id}
        packet_id: str | None = None
        rows = self._database.query(Q.reference_as_input, key)
        if rows:
            packet_id = rows[0][5]
        else:
            rows = self._database.query(Q.reference_of_producer, key) or self._database.query(Q.reference_planted, key)
        stored = _stored(rows)
        if stored is None:
            raise unknown_reference()
        self.check_fresh(stored)
        return stored, await self.body(stored), packet_id

    def check_fresh(self, stored: Stored) -> None:
        if stored.expires_at <= self._clock.now():
            raise RefExpired(
                f"reference {stored.ref_id} has expired",
                hint="references live for 24 hours unless their producer says otherwise; run the stage again",
            )

    async def count_fetch(self, packet_id: str, size: int) -> None:
        values = {"packet_id": packet_id, "size": size}
        await self._database.write(lambda connection: connection.execute(Q.count_fetch, values))

    async def upload(self, worker: str, body: bytes, own_id: str | None) -> Stored:
        """Keep what a worker sends with `POST /api/data`, for 24 hours. Raises `BadJson`."""
        digest, json = await examined(body)
        if not json:
            codec.loads(body)  # says what is wrong
        return await self._keep(body, digest, json, producer=fold(worker), own_id=own_id, origin="uploaded")

    def uploaded(self, worker: str, ref_id: str) -> Stored | None:
        return _stored(self._database.query(Q.reference_uploaded, {"worker": fold(worker), "ref_id": ref_id}))

    async def plant(self, ref_id: str | None, body: bytes) -> Stored:
        """Keep a value by hand under an id of one's own (24 hours, any worker may read it); again replaces it.

        Raises `Conflict` where a worker or a run has that id.
        """
        digest, json = await examined(body)
        if ref_id is None:
            return await self._keep(body, digest, json, producer=ORCHESTRATOR, own_id=None, origin="planted")
        now = self._clock.now()
        row = {"ref_id": ref_id, "sha256": digest, "size_bytes": len(body), "body": body, "is_json": json}

        def write(connection: Connection) -> None:
            connection.execute(Q.keep_content, row)
            planted = connection.execute(Q.replant_reference, {**row, "now": now, "expires_at": now + TIME_TO_LIVE})
            if planted.rowcount == 0:  # raised in here, so that the content goes back with it
                raise Conflict(f"reference {ref_id} exists and was not planted by hand", hint="choose another id")

        await self._database.write(write)
        return Stored(ref_id, digest, len(body), json, now + TIME_TO_LIVE)

    def page(self, limit: int) -> list[dict[str, Any]]:
        return [codec.loads(row[0]) for row in self._database.query(Q.references_page, {"limit": limit})]

    def shown(self, ref_id: str) -> dict[str, Any] | None:
        rows = self._database.query(Q.reference_shown, {"ref_id": ref_id})
        return codec.loads(rows[0][0]) if rows else None

    async def _keep(self, body: bytes, digest: str, json: bool, **about: Any) -> Stored:
        now = self._clock.now()

        def write(connection: Connection) -> Stored:
            step = Step(connection, "", now)
            free: dict[str, Any] = {"execution_id": None, "stage": None, "expires_at": now + TIME_TO_LIVE}
            return keep(step, body, digest, is_json=json, **free, **about)

        return await self._database.write(write)


def _stored(rows: list[tuple[Any, ...]]) -> Stored | None:
    if not rows:
        return None
    ref_id, digest, size, json, expires_at = rows[0][:5]
    return Stored(ref_id, digest, size, bool(json), expires_at)
