"""`/api/checkpoints/{packet_id}`: what a worker saves to go on from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.orchestrator.api.call import BadField, Call, field, ok, only

if TYPE_CHECKING:
    from sandbox.runtime.web import Response

MAX_SEQ = 2**53 - 1
MAX_PACKET_ID = 512


async def read(call: Call) -> Response:
    """{packet_id, seq, data}; 404 where there is none."""
    packet_id = call.values["packet_id"]
    return ok({"packet_id": packet_id, **call.orchestrator.checkpoints.get(call.worker(), packet_id)})


async def put(call: Call) -> Response:
    """{seq, data}: seq above the stored one (409), data at most 1 MiB of JSON (413)."""
    worker, packet_id = call.worker(), call.values["packet_id"]
    if len(packet_id) > MAX_PACKET_ID:
        raise BadField(f"packet_id: expected at most {MAX_PACKET_ID} characters")
    body = await call.object()
    only(body, "seq", "data")
    seq = field(body, "seq", int, required=True)
    if not 0 <= seq <= MAX_SEQ:
        raise BadField(f"seq: expected a whole number from 0 to {MAX_SEQ}, got {seq}")
    await call.orchestrator.checkpoints.put(worker, packet_id, seq, body.get("data"))
    return ok({"packet_id": packet_id, "seq": seq})


async def delete(call: Call) -> Response:
    packet_id = call.values["packet_id"]
    deleted = await call.orchestrator.checkpoints.delete(call.worker(), packet_id)
    return ok({"packet_id": packet_id, "deleted": deleted})
