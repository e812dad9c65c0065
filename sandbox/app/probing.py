"""Probing workers: each gets a bench of its own in front of the orchestrator's routes while its probe runs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from sandbox.app.ports import HostedResults, WorkerTransport
from sandbox.errors import SandboxError, UserError
from sandbox.ids import new_token
from sandbox.orchestrator import WorkerInfo
from sandbox.orchestrator.probe import Bench, ProbeResult, Send, probe
from sandbox.runtime.exchange import new_request, read_json
from sandbox.runtime.web import Request, Response

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox


HEALTH_TIMEOUT_S = 3.0
MAX_HEALTH_BYTES = 1024 * 1024


class Prober:
    """Runs probes and answers, while one runs, the calls its worker makes to us."""

    def __init__(self, sandbox: Sandbox, transport: WorkerTransport, results: HostedResults) -> None:
        self._sandbox = sandbox
        self._transport = transport
        self._results = results
        self._benches: list[Bench] = []

    async def handle(self, request: Request) -> Response | None:
        """The answer of a running probe's bench; None where the call concerns none."""
        for bench in self._benches:
            answer = await bench.handle(request)
            if answer is not None:
                return answer
        return None

    async def probe(self, targets: Sequence[str]) -> list[ProbeResult]:
        """Probe workers by name, or by URL, one after the other; none named: all whose /health claims the protocol.

        Raises NotFound for an unknown name and UserError for a URL that is none.
        """
        return [await self._probe(target) for target in targets or await self.speakers()]

    async def speakers(self) -> list[str]:
        """The workers that say they speak the protocol. Others must not be sent made-up packets: a plain worker may
        act on any POST."""
        infos = self._sandbox.orchestrator.directory.all()
        return [info.name for info in infos if await self._claims(info)]

    async def _claims(self, info: WorkerInfo) -> bool:
        try:
            request = new_request(f"{info.url}/health")
            response = await asyncio.wait_for(self._transport.send(info.name, request), HEALTH_TIMEOUT_S)
            said = await read_json(response, limit=MAX_HEALTH_BYTES)
        except (SandboxError, ValueError, TimeoutError):
            return False
        capabilities = said.get("capabilities") if isinstance(said, dict) else None
        return isinstance(capabilities, dict) and capabilities.get("supports_handshake") is True

    async def _probe(self, target: str) -> ProbeResult:
        if "://" in target:
            return await self._probe_url(target)
        sandbox = self._sandbox
        info = sandbox.orchestrator.directory.find(target)
        settings = sandbox.config.settings_of(info.name)
        given = settings.probe_input if settings is not None else None
        registered = sandbox.orchestrator.registry.get(info.name)
        online = sandbox.config.egress.mode == "online"

        async def read_result(ref_id: str) -> bytes | None:
            return await self._results.read_result(info.name, ref_id)

        async def send(request: Request) -> Response:
            return await self._transport.send(info.name, request)

        bench = Bench(info.name, sandbox.orchestrator.token(info.name), read_result=read_result, clock=sandbox.clock)
        options = {} if given is None else {"probe_input": given}
        with _Placed(self._benches, bench):
            return await probe(
                send,
                bench,
                name=info.name,
                base_url=info.url,
                clock=sandbox.clock,
                deployed=sandbox.send_outside if online else None,
                deployed_url=registered["worker_url"] if registered else None,
                **options,
            )

    async def _probe_url(self, url: str) -> ProbeResult:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"{url} is not an http or https URL", code="bad_url")

        async def no_result(ref_id: str) -> bytes | None:
            return None

        bench = Bench(parts.hostname, new_token(), read_result=no_result, clock=self._sandbox.clock)
        send: Send = self._sandbox.send_outside
        with _Placed(self._benches, bench):
            return await probe(send, bench, name=parts.hostname, base_url=url, clock=self._sandbox.clock)


class _Placed:
    """Keeps a bench in front while its probe runs."""

    def __init__(self, benches: list[Bench], bench: Bench) -> None:
        self._benches, self._bench = benches, bench

    def __enter__(self) -> None:
        self._benches.append(self._bench)

    def __exit__(self, *_: object) -> None:
        self._benches.remove(self._bench)
