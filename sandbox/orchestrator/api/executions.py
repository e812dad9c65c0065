"""`/api/executions`: start, list, look at and cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.config.problems import choices
from sandbox.errors import BadFilter
from sandbox.orchestrator.api.call import BadField, Call, TooLarge, field, ok, only
from sandbox.orchestrator.pipelines import NOTHING
from sandbox.orchestrator.replay.bundle import MAX_FILE
from sandbox.runtime.exchange import make_response, read_bytes

if TYPE_CHECKING:
    from sandbox.runtime.web import Response

STATES = ("queued", "running", "waiting", "cancelling", "completed", "failed", "cancelled")
MAX_ID = 200
BUNDLE_TYPE = "application/zip"


async def start(call: Call) -> Response:
    """{pipeline or worker, parameters, input, client_id, request_id} -> 202 {execution_id}.

    With a request_id, starting again starts nothing and answers with the first one's id.
    """
    body = await call.object()
    only(body, "pipeline", "worker", "parameters", "input", "client_id", "request_id")
    pipeline, worker = field(body, "pipeline", str), field(body, "worker", str)
    if (pipeline is None) == (worker is None):
        raise BadField("pipeline: give either pipeline or worker")
    client_id, request_id = field(body, "client_id", str), field(body, "request_id", str)
    for name, value in (("client_id", client_id), ("request_id", request_id)):
        if value is not None and len(value) > MAX_ID:
            raise BadField(f"{name}: expected at most {MAX_ID} characters")
    execution_id = await call.orchestrator.start_execution(
        pipeline or worker,
        field(body, "parameters", dict),
        body.get("input", NOTHING),
        kind="pipeline" if pipeline is not None else "worker",
        client_id=client_id,
        request_id=request_id,
    )
    return ok({"execution_id": execution_id}, 202)


async def page(call: Call) -> Response:
    """{executions, cursor}: newest first, `?status=&limit=&cursor=`."""
    status = call.query("status") or None
    if status is not None and status not in STATES:
        raise BadFilter(f"status: no execution is ever {status!r}", hint=choices(status, statuses=STATES))
    limit = call.query_int("limit", 50, 1, 1000)
    before = call.query_int("cursor", None, 1, 2**62)
    assert limit is not None
    shown, cursor = call.orchestrator.views.page(status, limit, before)
    return ok({"executions": shown, "cursor": str(cursor) if cursor is not None else None})


async def show(call: Call) -> Response:
    return ok({"execution": call.orchestrator.execution(call.values["execution_id"])})


async def cancel(call: Call) -> Response:
    execution_id = call.values["execution_id"]
    await call.orchestrator.cancel(execution_id)
    return ok({"execution_id": execution_id, "state": call.orchestrator.views.state(execution_id)})


async def replay(call: Call) -> Response:
    """{from: stage, or absent} -> {replay: {execution_id, same, stages}}: run again on what was recorded, through the
    code that serves now. Nothing of the state is changed."""
    body = await call.object()
    only(body, "from")
    report = await call.orchestrator.replayer.replay(call.values["execution_id"], field(body, "from", str))
    return ok({"replay": report})


async def rerun(call: Call) -> Response:
    """{from: stage, parameters} (both may be absent) -> 202 {execution_id}: a new run on what the old one was given; with
    `from` the stages that do not follow from that one are not run, and their outputs are taken over."""
    body = await call.object()
    only(body, "from", "parameters")
    given, from_stage = field(body, "parameters", dict), field(body, "from", str)
    return ok({"execution_id": await call.orchestrator.rerun(call.values["execution_id"], from_stage, given)}, 202)


async def export(call: Call) -> Response:
    """The execution as one file that another sandbox imports, without secrets."""
    execution_id = call.values["execution_id"]
    content = await call.orchestrator.carrier.export(execution_id)
    name = f'attachment; filename="{execution_id}.zip"'
    return make_response(content, headers={"content-type": BUNDLE_TYPE, "content-disposition": name})


async def take_in(call: Call) -> Response:
    """The file of an exported execution -> 201 {execution_id}; 409 where it is here already."""
    try:
        content = await read_bytes(call.request, limit=MAX_FILE)
    except ValueError:
        raise TooLarge(f"the file is over {MAX_FILE // 2**20} MiB") from None
    return ok({"execution_id": await call.orchestrator.carrier.take_in(content)}, 201)
