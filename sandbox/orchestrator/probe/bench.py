"""The probe's own corner of the orchestrator's API: planted inputs and the checkpoints of the probe's packets.

It stands in front of the API while a probe runs, so that what a worker fetched and saved is seen, whichever way the
worker reached the orchestrator, and so that a probe leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from urllib.parse import unquote

from sandbox.clock import Clock, iso
from sandbox.config.models import fold
from sandbox.handshake.messages import RESULT_TTL_S, Checkpoint, dump_json, json_size, load_json
from sandbox.handshake.schema import ProtocolError
from sandbox.ids import new_id, same_secret
from sandbox.runtime.exchange import header, json_response, make_response, path_of, read_bytes
from sandbox.runtime.web import Request, Response

CHECKPOINT_BODY_LIMIT = 1_100_000  # bytes: a checkpoint of 1 MiB and its envelope


class Workbench(Protocol):
    """What a probe needs of the orchestrator."""

    def new_packet(self, checkpoint: Checkpoint | None = None) -> str:
        """A packet id whose checkpoints will be seen, resuming from `checkpoint` where there is one."""
        ...

    def plant(self, data: Any) -> dict[str, Any]:
        """Lay data where only the probed worker can fetch it; the reference (`storage_type: "reference"`) to it."""
        ...

    def fetched(self, ref_id: str) -> int:
        """How often the worker fetched a planted reference."""
        ...

    def refusal(self, ref_id: str) -> str | None:
        """Why the last attempt to fetch a planted reference was refused, or None."""
        ...

    def checkpoints(self, packet_id: str) -> tuple[Checkpoint, ...]:
        """Every checkpoint the worker saved for a packet, oldest first."""
        ...

    async def read_result(self, ref_id: str) -> bytes | None:
        """The bytes of a result the worker stored under `ref_id`, or None."""
        ...


class Bench:
    """A `Workbench` that answers the worker's calls itself: `handle` goes in front of the orchestrator's API."""

    def __init__(
        self, worker: str, token: str, *, read_result: Callable[[str], Awaitable[bytes | None]], clock: Clock
    ) -> None:
        self._worker = worker
        self._token = token
        self._read_result = read_result
        self._clock = clock
        self._planted: dict[str, str] = {}
        self._fetched: dict[str, int] = {}
        self._refusals: dict[str, str] = {}
        self._packets: dict[str, list[Checkpoint]] = {}
        self._given: dict[str, Checkpoint] = {}

    def new_packet(self, checkpoint: Checkpoint | None = None) -> str:
        packet_id = new_id("probe")
        self._packets[packet_id] = []
        if checkpoint is not None:
            self._given[packet_id] = checkpoint
        return packet_id

    def plant(self, data: Any) -> dict[str, Any]:
        ref_id = new_id("ref_probe")
        self._planted[ref_id] = dump_json(data)
        return {
            "ref_id": ref_id,
            "storage_type": "reference",
            "size_bytes": json_size(data),
            "expires_at": iso(self._clock.now() + RESULT_TTL_S),
        }

    def fetched(self, ref_id: str) -> int:
        return self._fetched.get(ref_id, 0)

    def refusal(self, ref_id: str) -> str | None:
        return self._refusals.get(ref_id)

    def checkpoints(self, packet_id: str) -> tuple[Checkpoint, ...]:
        return tuple(self._packets.get(packet_id, ()))

    async def read_result(self, ref_id: str) -> bytes | None:
        return await self._read_result(ref_id)

    async def handle(self, request: Request) -> Response | None:
        """Answer a call about a planted reference or a packet of the probe; None for everything else."""
        _, api, kind, name, *rest = [*path_of(request).split("/"), "", "", "", ""]
        name = unquote(name)
        if api != "api" or any(rest):
            return None
        if kind == "data" and name in self._planted:
            return self._data(request, name)
        if kind == "checkpoints" and name in self._packets:
            return await self._checkpoint(request, name)
        return None

    def _data(self, request: Request, ref_id: str) -> Response:
        refusal = self._refuse(request)
        if request.method == "GET" and refusal is None:
            self._fetched[ref_id] = self.fetched(ref_id) + 1
            return make_response(self._planted[ref_id], headers={"Content-Type": "application/json"})
        self._refusals[ref_id] = refusal or f"{request.method} instead of GET"
        return _error(404, "not_found", f"no reference {ref_id}")

    async def _checkpoint(self, request: Request, packet_id: str) -> Response:
        saved = self._packets[packet_id]
        if self._refuse(request) is not None:
            return _error(404, "not_found", f"no packet {packet_id}")
        last = saved[-1] if saved else self._given.get(packet_id)
        if request.method == "GET":
            return _error(404, "not_found", "no checkpoint yet") if last is None else json_response(last.as_json())
        if request.method != "PUT":
            return _error(405, "method_not_allowed", "checkpoints take GET and PUT")
        try:
            checkpoint = Checkpoint.parse(load_json(await read_bytes(request, limit=CHECKPOINT_BODY_LIMIT)))
        except ProtocolError as error:
            return _error(400, "bad_message", str(error))
        if saved and checkpoint.seq <= saved[-1].seq:
            return _error(409, "checkpoint_seq", f"seq {checkpoint.seq} comes after {saved[-1].seq}: it must rise")
        saved.append(checkpoint)
        return json_response({"success": True, "packet_id": packet_id, "seq": checkpoint.seq})

    def _refuse(self, request: Request) -> str | None:
        scheme, _, token = (header(request, "authorization") or "").partition(" ")
        if scheme.lower() != "bearer" or not same_secret(token, self._token):
            return "without `Authorization: Bearer <WORKER_TOKEN>`"
        worker = header(request, "x-worker-id")
        if worker is None or fold(worker) != fold(self._worker):
            return f"with X-Worker-ID {worker or 'missing'} instead of {self._worker}"
        return None


def _error(status: int, code: str, message: str) -> Response:
    return json_response({"success": False, "error": {"code": code, "message": message, "hint": None}}, status=status)
