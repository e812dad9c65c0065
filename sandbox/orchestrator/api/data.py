"""`/api/data`: how workers read their inputs and send large outputs. The worker's token decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.clock import iso
from sandbox.orchestrator.api.call import BadField, Call, ok
from sandbox.orchestrator.references import MAX_REF_ID
from sandbox.runtime.exchange import make_response

if TYPE_CHECKING:
    from sandbox.runtime.web import Response


async def read(call: Call) -> Response:
    """The bytes of a reference, as they were stored. 404 for what the worker may not read, 410 once it has expired."""
    worker = call.worker()
    stored, body, packet_id = await call.orchestrator.references.read_as(worker, call.values["ref_id"])
    if packet_id is not None:
        await call.orchestrator.references.count_fetch(packet_id, len(body))
    return make_response(body, headers={"content-type": content_type(stored.is_json), "cache-control": "no-store"})


async def upload(call: Call) -> Response:
    """Keep the body (JSON) for its worker, under `?ref_id=` or a fresh id. The answer can be returned as `output_ref`."""
    worker = call.worker()
    own_id = call.query("ref_id") or None
    check_ref_id(own_id)
    body = await call.body()
    stored = await call.orchestrator.references.upload(worker, body, own_id)
    return ok(
        {
            "ref_id": own_id or stored.ref_id,
            "storage_type": "reference",
            "size_bytes": stored.size_bytes,
            "expires_at": iso(stored.expires_at),
        },
        201,
    )


def content_type(is_json: bool) -> str:
    return "application/json" if is_json else "application/octet-stream"


def check_ref_id(ref_id: str | None) -> None:
    if ref_id is not None and (len(ref_id) > MAX_REF_ID or not ref_id.isprintable()):
        raise BadField(f"ref_id: expected at most {MAX_REF_ID} printable characters")
