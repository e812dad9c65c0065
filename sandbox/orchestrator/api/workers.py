"""`/health`, `/api/workers`, `/api/pipelines` and `/api/registry`: what there is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import sandbox
import sandbox.orchestrator.codec as codec
from sandbox.clock import iso
from sandbox.ids import same_secret
from sandbox.orchestrator.answers import Failure
from sandbox.orchestrator.api.call import BadField, Call, field, ok, only
from sandbox.orchestrator.ports import WorkerInfo

if TYPE_CHECKING:
    from sandbox.config.models import PipelineConfig
    from sandbox.orchestrator.orchestrator import Orchestrator
    from sandbox.runtime.web import Response

HEALTH_SECONDS = 3.0


async def health(call: Call) -> Response:
    """The sandbox's own health, and each worker's answer to GET /health (asked now, 3 s at most)."""
    workers = call.orchestrator.directory.all()
    found = await asyncio.gather(*(_health_of(call.orchestrator, worker) for worker in workers))
    return ok(
        {
            "status": "healthy",
            "service": "sandbox",
            "version": sandbox.__version__,
            "timestamp": iso(call.orchestrator.clock.now()),
            "workers": {worker.name: shown for worker, shown in zip(workers, found, strict=True)},
        }
    )


async def workers(call: Call) -> Response:
    """Every worker that can be called, then those that are only registered."""
    here = [_worker(call.orchestrator, worker) for worker in call.orchestrator.directory.all()]
    elsewhere = [
        {"name": row["worker_name"], "url": row["worker_url"], "hosted": False, "callable": False, "registry": row}
        for row in call.orchestrator.registry.rows()
        if call.orchestrator.directory.known(row["worker_name"]) is None
    ]
    return ok({"workers": here + elsewhere})


async def worker(call: Call) -> Response:
    """One worker; to the owner of the state folder also the token it is known by."""
    found = call.orchestrator.directory.find(call.values["name"])
    shown = _worker(call.orchestrator, found)
    expected = call.orchestrator.admin_token
    if expected and same_secret(call.header("authorization") or "", f"Bearer {expected}"):
        shown["token"] = call.orchestrator.token(found.name)
    return ok({"worker": shown})


async def pipelines(call: Call) -> Response:
    return ok({"pipelines": [_pipeline(pipeline) for pipeline in call.orchestrator.pipelines.values()]})


async def registry(call: Call) -> Response:
    return ok({"workers": call.orchestrator.registry.rows()})


async def apply_registry(call: Call) -> Response:
    """INSERT statements for worker_registry, as the body itself or as {sql}."""
    body = await call.body()
    if (call.header("content-type") or "").partition(";")[0].strip() == "application/json":
        value = codec.loads(body)
        if not isinstance(value, dict):
            raise BadField("the body: expected a JSON object {sql}, or the SQL itself as text/plain")
        only(value, "sql")
        text = field(value, "sql", str, required=True)
    else:
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            raise BadField("the body: expected SQL as UTF-8 text") from None
    return ok({"applied": await call.orchestrator.registry.apply_sql(text)})


async def _health_of(orchestrator: Orchestrator, worker: WorkerInfo) -> dict[str, Any]:
    answer = await orchestrator.caller.call(worker.name, "GET", "/health", HEALTH_SECONDS)
    if isinstance(answer, Failure):
        return {"status": "unreachable", "error": answer.message}
    try:
        body = codec.loads(answer.body)
    except codec.BadJson:
        body = None
    if answer.status == 200 and isinstance(body, dict):
        return {"status": "unknown", **body}
    # a worker need not speak the protocol; it answered, and that is all there is to say
    return {"status": "up", "http_status": answer.status}


def _worker(orchestrator: Orchestrator, worker: WorkerInfo) -> dict[str, Any]:
    return {
        "name": worker.name,
        "url": worker.url,
        "hosted": not worker.external,
        "callable": True,
        "max_concurrent_executions": orchestrator.directory.limit(worker.name),
        "registry": orchestrator.registry.get(worker.name),
        **orchestrator.describe(worker.name),
    }


def _pipeline(pipeline: PipelineConfig) -> dict[str, Any]:
    return {
        "name": pipeline.name,
        "description": pipeline.description,
        "parameters": [
            {
                "name": parameter.name,
                "type": parameter.type,
                "required": parameter.required,
                "help": parameter.help,
                **({"default": parameter.default} if parameter.has_default else {}),
            }
            for parameter in pipeline.parameters
        ],
        "stages": [
            {"name": stage.name, "worker": stage.worker, "needs": list(stage.needs)} for stage in pipeline.stages
        ],
    }
