"""What the orchestrator and the loader are given: calls to workers wherever they run, and a producer's results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sandbox.bindings.kv import KvStores
from sandbox.bindings.kv.taped import taped
from sandbox.config.models import SandboxConfig, WorkerConfig
from sandbox.egress import Egress
from sandbox.errors import ConnectionLost, SandboxError, WorkerExceeded, WorkerFailed, WorkerUnavailable
from sandbox.loader.lease import Lease
from sandbox.loader.registry import WorkerRegistry
from sandbox.orchestrator import NoAnswer, WorkerInfo
from sandbox.orchestrator.ports import Held
from sandbox.runtime import exchange
from sandbox.runtime.protocols import Points
from sandbox.runtime.tape import current_tape
from sandbox.runtime.web import Request, Response

RESULT_BINDING = "RESULT_CACHE"
URL_VARIABLE = "ORCHESTRATOR_URL"
TOKEN_VARIABLE = "WORKER_TOKEN"  # noqa: S105 - the variable's name


class WorkerTransport:
    """`Transport`: a hosted worker is called in process, an external one over HTTP."""

    def __init__(self, registry: WorkerRegistry, egress: Egress, redact: Callable[[str], str], points: Points) -> None:
        self._registry = registry
        self._egress = egress
        self._redact = redact
        self._points = points

    def hold(self, worker: str) -> Held | None:
        """A lease on a hosted worker's generation; where it has none, the call that follows says why."""
        try:
            return self._registry.lease(worker) if self._registry.has(worker) else None
        except WorkerUnavailable:
            return None

    async def send(self, worker: str, request: Request, held: Held | None = None) -> Response:
        """A hosted worker's exception is what a caller over HTTP would see of it: a 500 with a JSON body."""
        if not self._registry.has(worker):
            try:
                if self._points.request is None:
                    return await self._send_outside(request)
                return await self._points.request.request(worker, request, self._send_outside)
            except SandboxError as error:
                raise NoAnswer(error.message, hint=error.hint) from error
        try:
            if isinstance(held, Lease):
                return await self._registry.fetch_held(held, request)
            return await self._registry.fetch(worker, request)
        except ConnectionLost as error:
            raise NoAnswer(error.message, hint=error.hint) from error
        except WorkerUnavailable:
            raise
        except WorkerFailed as error:
            answer = SandboxError(self._redact(error.message), code=error.code, hint=error.hint).as_json()
            if isinstance(error, WorkerExceeded):
                answer["error"]["retryable"] = False  # it would keep everybody waiting once more
            return exchange.json_response(answer, status=error.status)

    async def _send_outside(self, request: Request) -> Response:
        return await self._egress.send_external(request.url, request)


class HostedResults:
    """`ResultSource`: what lies in the RESULT_CACHE namespace of a hosted producer."""

    def __init__(self, registry: WorkerRegistry, kv: KvStores) -> None:
        self._registry = registry
        self._kv = kv

    async def read_result(self, worker: str, ref_id: str) -> bytes | None:
        if not self._registry.has(worker):
            return None
        for namespace in self._registry.config(worker).kv_namespaces:
            if namespace.binding == RESULT_BINDING:
                store, tape = self._kv.get(namespace.id), current_tape.get()
                entry = await (store if tape is None else taped(tape, store)).get(ref_id)
                return None if entry is None else entry.value
        return None


def worker_infos(config: SandboxConfig, workers: Mapping[str, WorkerConfig], port: int) -> list[WorkerInfo]:
    """The facts about every worker that can be called: hosted ones first, then the external ones of sandbox.toml."""
    found = []
    for worker in workers.values():
        setting = config.settings_of(worker.name)
        own = worker.secrets.get(TOKEN_VARIABLE) or worker.vars.get(TOKEN_VARIABLE)
        found.append(
            WorkerInfo(
                worker.name,
                worker_url(worker, port),
                max_concurrent_executions=setting.max_concurrent_executions if setting else None,
                token=str(own) if own else (setting.token if setting else None),
            )
        )
    for name, setting in config.external().items():
        assert setting.url is not None
        url, limit = setting.url.rstrip("/"), setting.max_concurrent_executions
        found.append(WorkerInfo(name, url, external=True, max_concurrent_executions=limit, token=setting.token))
    return found


def worker_url(worker: WorkerConfig, port: int) -> str:
    """`http://feed-fetcher.localhost:8787`, where a hosted worker answers."""
    return f"http://{worker.host_label}.localhost:{port}"
