"""One defect at a time, put into the answers of a sound worker: which cell turns red, and what it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.orchestrator.probe import COLUMNS, Bench, Cell, ProbeResult, probe
from sandbox.runtime import install
from sandbox.runtime.exchange import json_response, make_response, new_request, path_of, read_text

install()

from sandbox.handshake import HandshakeWorker, Job  # noqa: E402 - needs the emulated modules


class Sound(HandshakeWorker):
    name = "sound"
    capabilities = {"supports_checkpoints": True}
    example_input = {"words": ["a", "b", "c"]}

    async def process(self, job: Job) -> Any:
        done = job.resumed or []
        for word in job.input["words"][len(done) :]:
            done.append(word)
            await job.progress(100 * len(done) / len(job.input["words"]), word)
            await job.checkpoint(done)
        return {"done": done, "padding": "ü" * 1000}


Change = Callable[[Any], Any]


async def run(stage: Any, changes: dict[str, Change] | None = None, cls: type = Sound, **options: Any) -> ProbeResult:
    """Probe a worker whose answers under the given paths are changed on their way."""
    stage.cls = cls
    bench = Bench("sound", stage.vars["WORKER_TOKEN"], read_result=stage.result_in_kv, clock=stage.clock)

    async def orchestrator(request: Any) -> Any:
        answer = await bench.handle(request)
        return json_response({}, status=404) if answer is None else answer

    async def send(request: Any) -> Any:
        path = path_of(request)
        for start, change in (changes or {}).items():
            if path.startswith(start):
                changed = change(json.loads(await read_text(await stage.send(request))))
                return changed if hasattr(changed, "status") else json_response(changed)
        return await stage.send(request)

    stage.orchestrator = orchestrator
    return await probe(send, bench, name="sound", base_url="http://sound.localhost:8787/", clock=stage.clock, **options)


def merged(**fields: Any) -> Change:
    return lambda body: {**body, **fields}


def without(*names: str) -> Change:
    return lambda body: {name: value for name, value in body.items() if name not in names}


def output(**fields: Any) -> Change:
    return lambda body: {**body, "output_ref": {**body["output_ref"], **fields}}


async def test_a_sound_worker_is_ok_in_every_cell(stage: Any) -> None:
    result = await run(stage)
    assert [str(cell) for cell in result.cells().values()] == ["ok"] * 5 + ["not checked (offline)"]
    assert ("Worker", *result.cells()) == COLUMNS
    assert not result.failed


@pytest.mark.parametrize(
    ("column", "path", "change", "why"),
    [
        ("Status", "/health", merged(status="ok"), "status: expected 'healthy', got 'ok'"),
        ("Status", "/health", merged(timestamp="yesterday"), "timestamp: expected an ISO 8601 time, got 'yesterday'"),
        ("Status", "/health", without("service"), "service: missing, expected a string"),
        ("Status", "/health", lambda body: make_response("<h1>", status=200), "the body is no JSON"),
        ("Status", "/health", lambda body: json_response({"error": "down"}, status=503), "answered 503: down"),
        ("Handshake", "/api/handshake", merged(packet_id="other"), "packet_id: expected 'probe_"),
        (
            "Handshake",
            "/api/handshake",
            merged(status="maybe"),
            "status: expected 'ready' or 'incompatible', got 'maybe'",
        ),
        (
            "Handshake",
            "/api/handshake",
            merged(status="incompatible", error={"message": "words: missing"}),
            "incompatible with the probe's input: words: missing",
        ),
        ("Handshake", "/api/handshake", without("resource_requirements"), "resource_requirements: missing"),
        ("Handshake", "/api/process", merged(metrics={}), "metrics.processing_time_ms: missing, expected a number"),
        ("Handshake", "/api/process", without("packet_id"), "packet_id: missing, expected a string"),
        ("Handshake", "/api/acknowledge", merged(acknowledged=False), "acknowledged: expected True, got false"),
        ("References", "/api/process", without("output_ref"), "output_ref: expected an object, got null"),
        ("References", "/api/process", output(ref_id="gone"), "gone cannot be read"),
        ("References", "/api/process", output(size_bytes=7), "output_ref.size_bytes: expected 2035, got 7"),
        (
            "References",
            "/api/process",
            output(expires_at="2023-01-01T00:00:00Z"),
            "output_ref.expires_at: expected up to",
        ),
        ("References", "/api/process", output(expires_at=None), "output_ref.expires_at: expected an ISO 8601 time"),
        (
            "References",
            "/api/process",
            output(storage_type="inline", inline_data="x" * 1022),
            "1024 bytes came inline; from 1024 on a reference is due",
        ),
        (
            "References",
            "/api/process",
            output(storage_type="inline", inline_data="xy", size_bytes=900),
            "output_ref.size_bytes: expected 4, got 900",
        ),
        ("Progress", "/api/progress/", merged(progress=140), "progress: expected 0 to 100, got 140"),
        ("Progress", "/api/progress/", merged(stage="processing"), "message: missing, expected a string"),
        ("Progress", "/api/progress/", lambda body: {"stage": "unknown", "progress": 0}, "no progress was seen"),
        (
            "Progress",
            "/api/progress/",
            lambda body: json_response({}, status=404),
            "GET /api/progress/... answered 404",
        ),
    ],
)
async def test_a_defect_turns_exactly_its_cell_red(
    stage: Any, column: str, path: str, change: Change, why: str
) -> None:
    cells = (await run(stage, {path: change}, probe_input=Sound.example_input)).cells()
    assert [name for name, cell in cells.items() if cell.state == "failed"] == [column]
    assert why in cells[column].why


async def test_a_reference_fetched_without_the_token_is_told(stage: Any) -> None:
    bench_token, stage.vars["WORKER_TOKEN"] = stage.vars["WORKER_TOKEN"], "another"
    stage.cls = Sound
    bench = Bench("sound", bench_token, read_result=stage.result_in_kv, clock=stage.clock)
    stage.orchestrator = bench.handle
    request = bench.plant({"words": []})
    answer = await bench.handle(new_request(f"http://localhost:8787/api/data/{request['ref_id']}"))
    assert answer is not None and answer.status == 404
    assert bench.fetched(request["ref_id"]) == 0
    assert bench.refusal(request["ref_id"]) == "without `Authorization: Bearer <WORKER_TOKEN>`"


async def test_what_cannot_be_proven_is_claimed(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Any:
        return "small"

    result = await run(stage, cls=type("Small", (Sound,), {"process": process}))
    assert (result.references.state, result.checkpoints.state) == ("claimed", "claimed")
    assert not result.failed


async def test_what_is_not_offered_is_no(stage: Any) -> None:
    claims = {"protocol_version": "2.0", "supports_handshake": True, "supports_references": False}
    change = merged(capabilities={**claims, "supports_checkpoints": False})

    async def process(self: Any, job: Job) -> Any:
        return "small"

    result = await run(stage, {"/health": change}, cls=type("Small", (Sound,), {"process": process}))
    assert (result.status, result.references, result.checkpoints) == (Cell("ok"), Cell("no"), Cell("no"))


async def test_a_protocol_1_worker_has_nothing_to_check(stage: Any) -> None:
    def absent(body: Any) -> Any:
        return json_response({"error": "no such route"}, status=404)

    result = await run(stage, {"/health": without("capabilities"), "/api/": absent})
    assert {cell.state for name, cell in result.cells().items() if name != "Deployed"} == {"no"}
    assert not result.failed


async def test_a_worker_that_fails_at_work_is_red_in_handshake_alone(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Any:
        raise ValueError("no luck")

    result = await run(stage, cls=type("Luckless", (Sound,), {"process": process}))
    assert "ValueError: no luck" in result.handshake.why
    assert (result.references.state, result.checkpoints.state) == ("not checked", "not checked")
    assert (result.status.state, result.handshake.state) == ("ok", "failed")


async def test_a_worker_that_never_answers_ends_in_red_cells_not_in_an_error(stage: Any) -> None:
    bench = Bench("sound", "t", read_result=stage.result_in_kv, clock=stage.clock)

    async def send(request: Any) -> Any:
        raise ConnectionRefusedError("nobody listens")

    result = await probe(send, bench, name="sound", base_url="http://sound.test", clock=stage.clock)
    assert result.failed
    assert result.status == Cell("failed", "GET /health: ConnectionRefusedError: nobody listens")


async def test_deployed_is_asked_only_online(stage: Any) -> None:
    asked = []

    async def outside(request: Any) -> Any:
        asked.append(request.url)
        return json_response({"status": "healthy"}, status=200)

    result = await run(stage, deployed=outside, deployed_url="https://sound.example.workers.dev/")
    assert asked == ["https://sound.example.workers.dev/health"]
    assert (result.deployed.state, "service: missing" in result.deployed.why) == ("failed", True)
    assert (await run(stage, deployed=outside)).deployed == Cell("no", "no URL is registered")


@pytest.mark.parametrize(("given", "sent"), [({"words": ["mine"]}, ["mine"]), (None, ["a", "b", "c"])])
async def test_the_input_is_the_given_one_else_the_workers_example(stage: Any, given: Any, sent: list[str]) -> None:
    seen = []

    async def process(self: Any, job: Job) -> Any:
        seen.append(job.input["words"])

    options = {} if given is None else {"probe_input": given}
    await run(stage, cls=type("Seen", (Sound,), {"process": process}), **options)
    assert seen == [sent, sent]
