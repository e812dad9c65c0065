"""`/api/references`: references looked at and planted by hand (no token; the guard lets only our own origin in)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sandbox.orchestrator.codec as codec
from sandbox.clock import iso
from sandbox.errors import NotFound
from sandbox.orchestrator.api.call import Call, field, ok, only
from sandbox.orchestrator.api.data import check_ref_id, content_type
from sandbox.runtime.exchange import make_response

if TYPE_CHECKING:
    from sandbox.orchestrator.references import Stored
    from sandbox.runtime.web import Response

PREVIEW_BYTES = 16 * 1024


async def page(call: Call) -> Response:
    """The newest references, `?limit=` (100)."""
    limit = call.query_int("limit", 100, 1, 1000)
    assert limit is not None
    return ok({"references": [_shown(call, row) for row in call.orchestrator.references.page(limit)]})


async def show(call: Call) -> Response:
    """{reference, preview, truncated}: the first 16 KiB as text. `?raw=1` gives the bytes (410 once expired)."""
    ref_id = call.values["ref_id"]
    references = call.orchestrator.references
    row, stored = references.shown(ref_id), references.get(ref_id)
    if row is None or stored is None:
        raise NotFound(f"no reference {ref_id}", code="ref_not_found", hint="`sandbox ref list` shows them")
    if call.query("raw") is not None:
        references.check_fresh(stored)
        return make_response(await references.body(stored), headers={"content-type": content_type(stored.is_json)})
    body = await references.body(stored)
    preview = body[:PREVIEW_BYTES].decode("utf-8", "replace")
    return ok({"reference": _shown(call, row), "preview": preview, "truncated": len(body) > PREVIEW_BYTES})


async def plant(call: Call) -> Response:
    """The body as it is becomes the value of that id; again replaces it."""
    ref_id = call.values["ref_id"]
    check_ref_id(ref_id)
    return _planted(await call.orchestrator.references.plant(ref_id, await call.body()))


async def plant_anew(call: Call) -> Response:
    """{data, ref_id}: plant a JSON value, under a fresh id where none is given."""
    body = await call.object()
    only(body, "data", "ref_id")
    ref_id = field(body, "ref_id", str)
    check_ref_id(ref_id)
    return _planted(await call.orchestrator.references.plant(ref_id or None, codec.dumps(body.get("data"))))


def _planted(stored: Stored) -> Response:
    about = {"ref_id": stored.ref_id, "storage_type": "reference", "size_bytes": stored.size_bytes}
    return ok({**about, "expires_at": iso(stored.expires_at)}, 201)


def _shown(call: Call, row: dict[str, Any]) -> dict[str, Any]:
    expired = row["expires_at"] <= call.orchestrator.clock.now()
    row["producer"] = row["producer"] or None
    return {
        **row,
        "created_at": iso(row["created_at"]),
        "expires_at": iso(row["expires_at"]),
        "expired": expired,
    }
