"""A stage for one worker class: KV namespaces, an orchestrator played by a function, and no network.

Shared by the tests of the handshake and of the probe (each `conftest.py` loads it by its path).
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib.util
import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sandbox.bindings.kv.namespace import KvNamespace
from sandbox.bindings.kv.store import KvStores
from sandbox.clock import FakeClock
from sandbox.runtime import install
from sandbox.runtime.context import ExecutionContext, Invocation, WorkerContext, current_invocation, current_worker
from sandbox.runtime.exchange import json_response, new_request, read_text
from sandbox.runtime.values import JsObject, throw

install()

import workers  # noqa: E402 - needs the emulated modules

ORCHESTRATOR = "http://localhost:8787"
TOKEN = "the-worker-token"
WORKERS = Path(__file__).parents[2] / "fixtures" / "workers"
_numbers = itertools.count()


def load_entry(name: str) -> type:
    """The `Default` class of a worker folder of the fixtures, from a fresh import."""
    path = WORKERS / name / "src" / "entry.py"
    spec = importlib.util.spec_from_file_location(f"fixture_{name}_{next(_numbers)}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Default


class Stage:
    """Serves one worker class. `orchestrator` answers what the worker fetches; `calls` are those requests."""

    def __init__(self, stores: KvStores, clock: FakeClock) -> None:
        self.stores = stores
        self.clock = clock
        self.calls: list[tuple[str, str, dict[str, str], str]] = []
        self.orchestrator: Callable[[Any], Awaitable[Any]] = self._nobody
        self.vars: dict[str, Any] = {"ORCHESTRATOR_URL": ORCHESTRATOR, "WORKER_TOKEN": TOKEN}
        self.bindings = {"PROGRESS_CACHE": "progress", "RESULT_CACHE": "results"}
        self.cls: type | None = None
        self._contexts: list[ExecutionContext] = []

    async def _nobody(self, request: Any) -> Any:
        return json_response({"success": False, "error": {"code": "not_found", "message": "nothing here"}}, status=404)

    async def fetch(self, worker: str, request: Any) -> Any:
        """`Outbound`: everything goes to the orchestrator."""
        if not request.url.startswith(ORCHESTRATOR):
            throw("TypeError", f"no way to {request.url}")
        return await self.orchestrator(request)

    async def send(self, request: Any) -> Any:
        """Give a request to a new instance of the class, as the platform does."""
        env = JsObject({**self.vars, **{name: KvNamespace(self.stores.get(i)) for name, i in self.bindings.items()}})
        worker = WorkerContext("test_worker", env, frozenset(), self, self.clock)
        ctx = ExecutionContext()
        self._contexts.append(ctx)

        async def run() -> Any:
            current_worker.set(worker)
            current_invocation.set(Invocation(worker, ctx))
            instance = self.cls(ctx, env)
            return workers.python_to_rpc(await instance.fetch(workers.python_from_rpc(request)))

        return await asyncio.create_task(run(), context=contextvars.copy_context())

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and decoded body of a call."""
        status, text, _ = await self.raw(method, path, None if body is None else json.dumps(body))
        return status, json.loads(text)

    async def raw(self, method: str, path: str, body: str | None = None) -> tuple[int, str, Any]:
        """Status, text and headers of a call."""
        request = new_request(f"http://worker.localhost:8787{path}", method=method, body=body)
        response = await self.send(request)
        return int(response.status), await read_text(response), response.headers

    async def settle(self) -> None:
        """Wait for what was given to `waitUntil`."""
        while self._contexts:
            assert await self._contexts.pop().drain(5) == []

    async def progress_in_kv(self, packet_id: str) -> Any:
        entry = await self.stores.get("progress").get(f"progress:{packet_id}")
        return None if entry is None else json.loads(entry.value)

    async def result_in_kv(self, ref_id: str) -> bytes | None:
        entry = await self.stores.get("results").get(ref_id)
        return None if entry is None else bytes(entry.value)
