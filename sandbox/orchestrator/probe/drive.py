"""Driving one worker through handshake, process, progress and acknowledge, and judging what it did."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from sandbox.clock import Clock
from sandbox.handshake.messages import UNSET, Checkpoint, Reference, load_json
from sandbox.handshake.schema import ProtocolError
from sandbox.orchestrator.probe import contract, judge
from sandbox.orchestrator.probe.answers import Answer, Packet
from sandbox.orchestrator.probe.bench import Workbench
from sandbox.orchestrator.probe.result import Cell, ProbeResult
from sandbox.runtime.exchange import new_request, read_bytes
from sandbox.runtime.web import Request, Response

Send = Callable[[Request], Awaitable[Response]]

BODY_LIMIT = 10 * 1024 * 1024  # bytes, of one protocol message
POLL_S = 0.05
CALL_TIMEOUT_S = 10.0
DEFAULT_INPUT = {"query": "probe"}


async def probe(
    send: Send,
    bench: Workbench,
    *,
    name: str,
    base_url: str,
    clock: Clock,
    probe_input: Any = UNSET,
    deployed: Send | None = None,
    deployed_url: str | None = None,
    process_timeout_s: float = 60.0,
) -> ProbeResult:
    """Probe the worker `name` that answers under `base_url` through `send`.

    Two or three packets are processed: one with the input in the message, one with the same input by reference, and,
    where the worker saved checkpoints, one that goes on from the last. The input is `probe_input`, else the worker's
    own `example_input`, else `{"query": "probe"}`. `deployed` carries a request to the outside, for `/health` of
    `deployed_url` (the registered one); without it that cell is not checked (offline). Never raises for what a worker
    does.
    """
    driver = _Driver(send, bench, base_url.rstrip("/"), process_timeout_s)
    return await driver.run(name, probe_input, clock, await _deployed(deployed, deployed_url))


async def _deployed(send: Send | None, url: str | None) -> Cell:
    if send is None:
        return Cell("not checked", "offline")
    if url is None:
        return Cell("no", "no URL is registered")
    health = await _call(send, "GET", url.rstrip("/"), "/health", UNSET, CALL_TIMEOUT_S)
    return judge.cell(health.misfit(contract.HEALTH))


class _Driver:
    def __init__(self, send: Send, bench: Workbench, base_url: str, process_timeout_s: float) -> None:
        self._send = send
        self._bench = bench
        self._base_url = base_url
        self._process_timeout_s = process_timeout_s

    async def run(self, name: str, probe_input: Any, clock: Clock, deployed: Cell) -> ProbeResult:
        health = await self._get("/health")
        if probe_input is UNSET:
            example = health.fields.get("example_input")
            probe_input = DEFAULT_INPUT if example is None else example
        inline = Reference.inline(probe_input, "ref_probe").as_json()
        offer_id = self._bench.new_packet()
        offer = await self._post("/api/handshake", _message(offer_id, inline), CALL_TIMEOUT_S)
        status = judge.status(health)
        if offer.status in (404, 405, 501) and _claim(health, "supports_handshake") is not True:
            no = Cell("no", "the worker has no handshake")
            return ProbeResult(name, status, no, no, no, no, deployed)
        packet = await self._packet(inline)
        references, second = await self._references(packet, probe_input, _takes_references(health, offer), clock)
        unknown = await self._get(f"/api/progress/{self._bench.new_packet()}")
        return ProbeResult(
            name,
            status,
            judge.handshake(offer, offer_id, packet),
            references,
            judge.progress(unknown, [packet] if second is None else [packet, second]),
            await self._checkpoints(packet, inline, _saves_checkpoints(health, offer)),
            deployed,
        )

    async def _references(
        self, packet: Packet, probe_input: Any, claimed: bool, clock: Clock
    ) -> tuple[Cell, Packet | None]:
        if not claimed:
            return Cell("no"), None
        if packet.processed.unsuccessful():
            return judge.UNPROCESSED, None
        planted = self._bench.plant(probe_input)
        ref_id = planted["ref_id"]
        second = await self._packet(planted)
        wrong = judge.input_by_reference(second, self._bench.fetched(ref_id), self._bench.refusal(ref_id))
        if wrong is not None:
            return Cell("failed", wrong), second
        outputs = []
        for done in (packet, second):
            output = judge.output_reference(done)
            if isinstance(output, str):
                return Cell("failed", output), second
            if output.storage_type == "inline":
                wrong = contract.check_inline(output)
            else:
                data = await self._bench.read_result(output.ref_id or "")
                wrong = contract.check_stored(output, data, clock.now())
            if wrong is not None:
                return Cell("failed", wrong), second
            outputs.append(output)
        return judge.references(outputs), second

    async def _checkpoints(self, packet: Packet, inline: dict[str, Any], claimed: bool) -> Cell:
        if packet.processed.unsuccessful():
            return judge.UNPROCESSED
        saved = self._bench.checkpoints(packet.packet_id)
        cell = judge.checkpoints(claimed, saved)
        if cell is not None:
            return cell
        third = await self._packet(inline, saved[-1])
        return judge.resumed(third, saved, self._bench.checkpoints(third.packet_id))

    async def _packet(self, reference: dict[str, Any], checkpoint: Checkpoint | None = None) -> Packet:
        """Process one packet while looking at its progress, acknowledge it, and look at its progress again."""
        packet_id = self._bench.new_packet(checkpoint)
        message = {**_message(packet_id, reference), "parameters": {}}
        if checkpoint is not None:
            message["checkpoint"] = checkpoint.as_json()
        working = asyncio.create_task(self._post("/api/process", message, self._process_timeout_s))
        watched: list[Answer] = []
        try:
            while not working.done():
                await asyncio.wait((working,), timeout=POLL_S)
                watched.append(await self._get(f"/api/progress/{packet_id}"))
            processed = await working
        finally:
            working.cancel()
        wrong = processed.unsuccessful()
        outcome = {"packet_id": packet_id, "execution_id": "exec_probe", "success": wrong is None, "error": wrong}
        acknowledged = await self._post("/api/acknowledge", outcome, CALL_TIMEOUT_S)
        afterwards = await self._get(f"/api/progress/{packet_id}")
        return Packet(packet_id, processed, tuple(watched), acknowledged, afterwards)

    async def _get(self, path: str) -> Answer:
        return await _call(self._send, "GET", self._base_url, path, UNSET, CALL_TIMEOUT_S)

    async def _post(self, path: str, body: dict[str, Any], timeout_s: float) -> Answer:
        return await _call(self._send, "POST", self._base_url, path, body, timeout_s)


def _message(packet_id: str, reference: dict[str, Any]) -> dict[str, Any]:
    return {"packet_id": packet_id, "execution_id": "exec_probe", "stage_id": "probe", "input_ref": reference}


def _claim(health: Answer, name: str) -> Any:
    capabilities = health.fields.get("capabilities")
    return capabilities.get(name) if isinstance(capabilities, dict) else None


def _takes_references(health: Answer, offer: Answer) -> bool:
    said = _claim(health, "supports_references")
    types = _claim(offer, "input_types")
    return said if isinstance(said, bool) else isinstance(types, list) and "reference" in types


def _saves_checkpoints(health: Answer, offer: Answer) -> bool:
    said = _claim(health, "supports_checkpoints")
    return said if isinstance(said, bool) else _claim(offer, "supports_checkpoints") is True


async def _call(send: Send, method: str, base_url: str, path: str, body: Any, timeout_s: float) -> Answer:
    shown = f"{path.rpartition('/')[0]}/..." if path.startswith("/api/progress/") else path
    call = f"{method} {shown}"
    try:
        async with asyncio.timeout(timeout_s):
            url = f"{base_url}{path}"
            request = new_request(url) if body is UNSET else new_request(url, method=method, json=body)
            response = await send(request)
            data = await read_bytes(response, limit=BODY_LIMIT)
    except TimeoutError:
        return Answer(call, trouble=f"no answer within {timeout_s:g} s")
    except Exception as error:  # whatever a worker does belongs into the table, not into a traceback
        return Answer(call, trouble=f"{type(error).__name__}: {error}")
    status = int(response.status)
    try:
        return Answer(call, status, load_json(data))
    except ProtocolError as error:
        # A failure is told by its status; a success without JSON is a failure of its own.
        return Answer(call, status, trouble=str(error) if status == 200 else None)
