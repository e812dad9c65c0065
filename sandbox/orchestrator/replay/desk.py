"""What answers a replayed packet's calls to the orchestrator: its input, and a place for what it sends and saves."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import sandbox.orchestrator.codec as codec
from sandbox.clock import iso
from sandbox.errors import NotFound, SandboxError
from sandbox.orchestrator.api.data import content_type
from sandbox.orchestrator.references import TIME_TO_LIVE, Stored, mint, sha256, unknown_reference
from sandbox.runtime.exchange import json_response, make_response, path_of, query_of, read_bytes
from sandbox.runtime.web import Request, Response


class Desk:
    """The data and checkpoint routes for one packet. Nothing that is put here reaches the journal."""

    def __init__(self, given: Stored, body: bytes, now: float) -> None:
        self._expires_at = now + TIME_TO_LIVE
        self._data: dict[str, tuple[Stored, bytes]] = {given.ref_id: (given, body)}
        self._sent: set[str] = set()
        self._checkpoints: dict[str, dict[str, Any]] = {}

    def checkpoint(self, packet_id: str, checkpoint: dict[str, Any] | None) -> None:
        """Lay out the checkpoint the packet was given."""
        if checkpoint is not None:
            self._checkpoints[packet_id] = checkpoint

    def uploaded(self, worker: str, ref_id: str) -> Stored | None:
        """What the packet sent under this id, as the adoption of results asks for it."""
        return self._data[ref_id][0] if ref_id in self._sent else None

    def body(self, stored: Stored) -> bytes:
        return self._data[stored.ref_id][1]

    async def handle(self, request: Request) -> Response:
        try:
            return await self._answer(request)
        except SandboxError as error:
            return json_response(error.as_json(), status=error.status)

    async def _answer(self, request: Request) -> Response:
        method, path = str(request.method), path_of(request)
        if path == "/api/data" and method == "POST":
            return await self._upload(request)
        kind, _, name = path.removeprefix("/api/").partition("/")
        name = unquote(name)
        if kind == "data" and method == "GET":
            if name not in self._data:
                raise unknown_reference()
            stored, body = self._data[name]
            headers = {"content-type": content_type(stored.is_json), "cache-control": "no-store"}
            return make_response(body, headers=headers)
        if kind == "checkpoints" and name:
            return await self._checkpoint(method, name, request)
        raise NotFound(f"{method} {path} is not answered in a replay", code="no_route")

    async def _upload(self, request: Request) -> Response:
        body = await read_bytes(request, limit=codec.MAX_BODY)
        codec.loads(body)
        ref_id = (parse_qs(query_of(request)).get("ref_id") or [mint()])[-1]
        self._data[ref_id] = Stored(ref_id, sha256(body), len(body), True, self._expires_at), body
        self._sent.add(ref_id)
        about = {"ref_id": ref_id, "storage_type": "reference", "size_bytes": len(body)}
        return json_response({"success": True, **about, "expires_at": iso(self._expires_at)}, status=201)

    async def _checkpoint(self, method: str, packet_id: str, request: Request) -> Response:
        if method == "PUT":
            given = codec.loads(await read_bytes(request, limit=codec.MAX_BODY))
            self._checkpoints[packet_id] = {"seq": given["seq"], "data": given.get("data")}
            return json_response({"success": True, "packet_id": packet_id, "seq": given["seq"]})
        if method == "DELETE":
            deleted = self._checkpoints.pop(packet_id, None) is not None
            return json_response({"success": True, "packet_id": packet_id, "deleted": deleted})
        if packet_id not in self._checkpoints:
            raise NotFound("no checkpoint of that packet")
        return json_response({"success": True, "packet_id": packet_id, **self._checkpoints[packet_id]})
