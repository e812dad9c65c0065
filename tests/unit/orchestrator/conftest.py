"""An orchestrator over scripted workers in memory and a clock that stands still."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sandbox.clock import FakeClock
from sandbox.config.models import PipelineConfig, StageConfig
from sandbox.orchestrator import Orchestrator, WorkerInfo
from sandbox.runtime.exchange import incoming_request, json_response, make_response, read_bytes

Act = Callable[[dict[str, Any]], Any]


class FakeWorker:
    """Answers by the protocol unless `script[path]` holds something to do first: a (status, body[, headers]) tuple, an
    exception to raise, a function of the request's body that gives either, or "hang"."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.script: dict[str, list[Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.result: Any = {"from": name}
        self.kv: dict[str, bytes] = {}
        self.by_reference = False
        self.capabilities: dict[str, Any] = {}
        self.during: Callable[[dict[str, Any]], Awaitable[Any]] | None = None

    def bodies(self, path: str) -> list[dict[str, Any]]:
        return [body for called, body in self.calls if called == path]

    async def answer(self, path: str, body: dict[str, Any]) -> Any:
        self.calls.append((path, body))
        steps = self.script.get(path)
        if steps:
            step = steps.pop(0)
            if callable(step):
                step = step(body)
            if step == "hang":
                await asyncio.Event().wait()
            if isinstance(step, BaseException):
                raise step
            if step is not None:
                return step
        packet = {"success": True, "packet_id": body.get("packet_id")}
        if path == "/api/handshake":
            return 200, {**packet, "worker_name": self.name, "status": "ready", "capabilities": self.capabilities}
        if path == "/api/process":
            if self.during is not None:
                await self.during(body)
            return 200, {**packet, "output_ref": self.output_ref(), "metrics": {"tokens_used": 5}}
        if path == "/api/acknowledge":
            return 200, {**packet, "acknowledged": True}
        if path == "/health":
            return 200, {"status": "healthy", "service": self.name}
        return 200, {"stage": "unknown", "progress": 0}

    def output_ref(self) -> dict[str, Any]:
        text = json.dumps(self.result, separators=(",", ":"))
        if not self.by_reference:
            return {"ref_id": f"{self.name}_1", "storage_type": "inline", "inline_data": self.result}
        self.kv[f"{self.name}_1"] = text.encode()
        return {"ref_id": f"{self.name}_1", "storage_type": "reference", "size_bytes": len(text.encode())}


class Held:
    """In `bench.held` until it is released."""

    def __init__(self, bench: Bench, worker: str) -> None:
        self._bench, self._worker = bench, worker
        bench.held.append(worker)
        self._held = True

    def release(self) -> None:
        if self._held:
            self._held = False
            self._bench.held.remove(self._worker)


class Bench:
    """`orchestrator` over `workers`, a transport and a result source at once; `log` is every event emitted."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.workers: dict[str, FakeWorker] = {}
        self.held: list[str] = []
        self.external: set[str] = set()
        self.limits: dict[str, int] = {}
        self.log: list[tuple[str, dict[str, Any]]] = []
        self.orchestrator: Orchestrator = None  # type: ignore[assignment]
        self.pipelines: dict[str, PipelineConfig] = {}
        self.code = "code-1"
        self.admin_token = ""
        self.retention = (7 * 86_400.0, 1000)

    def hold(self, worker: str) -> Held:
        """Hold a worker's code; `held` lists what was not released yet."""
        return Held(self, worker)

    async def send(self, worker: str, request: Any, held: Any = None) -> Any:
        path = urlsplit(request.url).path
        data = await read_bytes(request)
        answer = await self.workers[worker].answer(path, json.loads(data) if data else {})
        status, body, *headers = answer
        if isinstance(body, bytes):
            return make_response(body, status=status, headers=headers[0] if headers else None)
        return json_response(body, status=status, headers=headers[0] if headers else None)

    async def read_result(self, worker: str, ref_id: str) -> bytes | None:
        return None if worker in self.external else self.workers[worker].kv.get(ref_id)

    def worker(self, name: str) -> FakeWorker:
        return self.workers.setdefault(name, FakeWorker(name))

    def infos(self) -> list[WorkerInfo]:
        return [
            WorkerInfo(name, f"http://{name}.localhost:8787", name in self.external, self.limits.get(name))
            for name in self.workers
        ]

    def pipeline(self, name: str, *stages: StageConfig, **more: Any) -> None:
        for stage in stages:
            self.worker(stage.worker)
        self.pipelines[name] = PipelineConfig(name, stages, **more)

    def make(self) -> Orchestrator:
        return Orchestrator(
            self.path,
            pipelines=self.pipelines,
            workers=self.infos(),
            transport=self,
            results=self,
            clock=self.clock,
            emit=self.emit,
            code_hash=lambda worker: self.code,
            seed=1,
            admin_token=self.admin_token,
            retention=self.retention,
        )

    async def start(self) -> Orchestrator:
        self.orchestrator = self.make()
        await self.orchestrator.start()
        return self.orchestrator

    def emit(self, kind: str, /, **fields: Any) -> None:
        self.log.append((kind, fields))

    def said(self, kind: str, **fields: Any) -> list[dict[str, Any]]:
        return [data for seen, data in self.log if seen == kind and fields.items() <= data.items()]

    async def until(self, fact: Callable[[], Any]) -> Any:
        """Let the loop run until `fact()` is true; the test's time limit is the bound."""
        while not (found := fact()):
            await asyncio.sleep(0.001)
        return found

    async def elapse(self, fact: Callable[[], Any], seconds: float = 0.5) -> Any:
        """Move the clock on, in steps small enough for every timer, until `fact()` is true."""
        while not (found := fact()):
            self.clock.advance(seconds)
            await asyncio.sleep(0.002)
        return found

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None, **more: Any) -> dict[str, Any]:
        """Start and wait, with the clock standing still."""
        execution_id = await self.orchestrator.start_execution(name, parameters, **more)
        return await self.orchestrator.finished(execution_id)

    async def run_on(self, name: str, **more: Any) -> dict[str, Any]:
        """Start and wait, with the clock moving."""
        execution_id = await self.orchestrator.start_execution(name, **more)
        done = asyncio.ensure_future(self.orchestrator.finished(execution_id))
        await self.elapse(done.done)
        return await done

    async def http(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, Any, Any]:
        """(status, JSON or bytes, response) of a request to the API. A body that is not bytes goes as JSON."""
        pairs = [(name, value) for name, value in (headers or {}).items()]
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
            pairs.append(("content-type", "application/json"))
        request = incoming_request(method, f"http://localhost:8787{path}", pairs, body)
        response = await self.orchestrator.handle(request)
        data = await read_bytes(response)
        try:
            return response.status, json.loads(data), response
        except ValueError:
            return response.status, data, response

    def credentials(self, worker: str) -> dict[str, str]:
        return {"authorization": f"Bearer {self.orchestrator.token(worker)}", "x-worker-id": worker}


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path / "journal.sqlite")
    yield bench
    if bench.orchestrator is not None:
        await bench.orchestrator.close()
    assert bench.held == [], "code was held and not released"
