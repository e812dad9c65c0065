"""`HandshakeWorker` driven through its five endpoints, as the platform and the orchestrator drive it."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from dataclasses import dataclass
from typing import Any

import pytest

from sandbox.handshake.messages import CHECKPOINT_LIMIT, RESULT_TTL_S
from sandbox.runtime import install
from sandbox.runtime.exchange import header, json_response, make_response, path_of, read_text
from sandbox.runtime.values import throw

install()

from workers import Response  # noqa: E402 - needs the emulated modules

from sandbox.handshake import HandshakeWorker, Job, NonRetryable  # noqa: E402


@dataclass
class Topic:
    topic: str
    words: list[str]


class Echo(HandshakeWorker):
    name = "echo"

    async def process(self, job: Job) -> Any:
        return {"input": job.input, "parameters": job.parameters}


def packet(data: Any = None, **more: Any) -> dict[str, Any]:
    reference = {"storage_type": "inline", "inline_data": {"query": "x"} if data is None else data}
    return {"packet_id": "p1", "execution_id": "e1", "stage_id": "s1", "input_ref": reference, **more}


def worker(process: Any, **attributes: Any) -> type:
    return type("Made", (HandshakeWorker,), {"name": "made", "process": process, **attributes})


async def test_the_handshake_keeps_the_guides_form(stage: Any) -> None:
    stage.cls = type("Told", (Echo,), {"capabilities": {"supports_checkpoints": True, "max_processing_time_ms": 5}})
    status, answer = await stage.call("POST", "/api/handshake", packet())
    assert status == 200
    assert answer == {
        "success": True,
        "packet_id": "p1",
        "worker_name": "echo",
        "status": "ready",
        "capabilities": {
            "input_types": ["text", "json", "reference"],
            "output_types": ["json"],
            "max_processing_time_ms": 5,
            "supports_streaming": False,
            "supports_checkpoints": True,
        },
        "resource_requirements": {
            "min_memory_mb": 0,
            "max_memory_mb": 128,
            "estimated_cpu_ms": 0,
            "api_calls": {"openai": 0, "anthropic": 0},
        },
    }


async def test_an_input_that_does_not_fit_is_incompatible_and_names_its_path(stage: Any) -> None:
    stage.cls = type("Typed", (Echo,), {"Input": Topic})
    status, answer = await stage.call("POST", "/api/handshake", packet({"topic": "x", "words": ["a", None]}))
    assert (status, answer["success"], answer["status"]) == (200, True, "incompatible")
    assert answer["error"]["message"] == "words[1]: expected a string, got null"
    assert answer["error"]["path"] == "words[1]"
    status, answer = await stage.call("POST", "/api/process", packet({"topic": "x"}))
    assert (status, answer["success"]) == (422, False)
    assert answer["error"]["message"] == "words: missing, expected an array"
    assert answer["error"]["retryable"] is False


async def test_typed_input_and_output(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Topic:
        return Topic(job.input.topic.upper(), job.input.words * 2)

    stage.cls = worker(process, Input=Topic, Output=Topic)
    status, answer = await stage.call("POST", "/api/process", packet({"topic": "x", "words": ["a"]}))
    assert (status, answer["output_ref"]["inline_data"]) == (200, {"topic": "X", "words": ["a", "a"]})

    async def wrong(self: Any, job: Job) -> Any:
        return {"topic": "x", "words": [3]}

    stage.cls = worker(wrong, Output=Topic)
    status, answer = await stage.call("POST", "/api/process", packet(packet_id="p2"))
    assert (status, answer["error"]["code"]) == (500, "bad_output")
    assert answer["error"]["message"] == "the result does not fit: words[0]: expected a string, got the number 3"
    assert answer["error"]["retryable"] is False


@pytest.mark.parametrize(("filler", "kind"), [(1012, "inline"), (1013, "reference")])
async def test_results_below_1024_bytes_come_inline(stage: Any, filler: int, kind: str) -> None:
    async def process(self: Any, job: Job) -> Any:
        return {"text": "ü" + "x" * (filler - 2)}  # 11 bytes around the text

    stage.cls = worker(process)
    _, answer = await stage.call("POST", "/api/process", packet())
    reference = answer["output_ref"]
    assert (reference["storage_type"], reference["size_bytes"]) == (kind, filler + 11)
    assert len(reference["ref_id"].removeprefix("ref_")) == 32
    if kind == "reference":
        assert "inline_data" not in reference
        stored = await stage.result_in_kv(reference["ref_id"])
        assert len(stored) == filler + 11
        assert reference["expires_at"] == "2023-11-15T22:13:20.000Z"
        stage.clock.advance(RESULT_TTL_S)
        assert await stage.result_in_kv(reference["ref_id"]) is None


async def test_an_input_by_reference_is_fetched_with_token_and_name(stage: Any) -> None:
    seen = []

    async def orchestrator(request: Any) -> Any:
        seen.append(
            (request.method, path_of(request), header(request, "authorization"), header(request, "x-worker-id"))
        )
        return make_response('{"topic":"by reference","words":[]}')

    stage.orchestrator = orchestrator
    stage.cls = type("Typed", (Echo,), {"Input": Topic, "process": _topic_of})
    body = packet(input_ref={"storage_type": "KV", "ref_id": "ref/1", "size_bytes": 35})
    status, answer = await stage.call("POST", "/api/process", body)
    assert (status, answer["output_ref"]["inline_data"]) == (200, "by reference")
    assert seen == [("GET", "/api/data/ref%2F1", "Bearer the-worker-token", "echo")]


async def _topic_of(self: Any, job: Job) -> Any:
    return job.input.topic


@pytest.mark.parametrize(
    ("answer", "code", "retryable", "text"),
    [
        ((410, '{"error":"ref_expired"}'), "input_unavailable", False, "answered 410"),
        ((503, "later"), "input_unavailable", True, "answered 503"),
        ((200, "<html>"), "incompatible_input", False, "no JSON"),
        ((0, ""), "input_unavailable", True, "could not be fetched: connection refused"),
    ],
)
async def test_an_input_that_cannot_be_had(stage: Any, answer: Any, code: str, retryable: bool, text: str) -> None:
    async def orchestrator(request: Any) -> Any:
        if answer[0] == 0:
            throw("TypeError", "connection refused")
        return make_response(answer[1], status=answer[0])

    stage.orchestrator, stage.cls = orchestrator, Echo
    body = packet(input_ref={"storage_type": "reference", "ref_id": "r"})
    status, body = await stage.call("POST", "/api/process", body)
    assert status >= 400 and body["success"] is False
    assert (body["error"]["code"], body["error"]["retryable"]) == (code, retryable)
    assert text in body["error"]["message"]


async def test_without_an_orchestrator_a_reference_is_named_as_the_reason(stage: Any) -> None:
    stage.cls, stage.vars = Echo, {}
    body = packet(input_ref={"storage_type": "reference", "ref_id": "r"})
    _, answer = await stage.call("POST", "/api/process", body)
    assert answer["error"]["code"] == "no_orchestrator"
    assert "ORCHESTRATOR_URL" in answer["error"]["message"]


async def test_progress_is_clamped_written_once_a_second_and_the_last_value_wins(stage: Any) -> None:
    puts: list[str] = []
    go_on, asked = asyncio.Event(), asyncio.Event()

    async def process(self: Any, job: Job) -> Any:
        cache = self.env.PROGRESS_CACHE
        put = cache.put

        async def counted(key: str, value: str, **options: Any) -> None:
            puts.append(value)
            await put(key, value, **options)

        job._progress._cache = type("Counted", (), {"put": staticmethod(counted)})
        for percent in (-5, 20, 40, 250):
            await job.progress(percent, f"at {percent}")
        asked.set()
        await go_on.wait()
        return 1

    stage.cls = worker(process, progress_interval_s=0.2)
    working = asyncio.create_task(stage.call("POST", "/api/process", packet()))
    await asked.wait()
    status, now = await stage.call("GET", "/api/progress/p1")
    assert (status, now["stage"], now["progress"], now["message"]) == (200, "processing", 100, "at 250")
    assert [json.loads(put)["progress"] for put in puts] == [0]
    while len(puts) < 2:
        await asyncio.sleep(0.01)
    assert [json.loads(put)["progress"] for put in puts] == [0, 100]
    go_on.set()
    await working
    await stage.settle()
    last = await stage.progress_in_kv("p1")
    assert (last["stage"], last["progress"]) == ("completed", 100)
    assert len(puts) == 3
    assert (await stage.call("GET", "/api/progress/p1"))[1] == last
    stage.clock.advance(3_600)
    assert await stage.call("GET", "/api/progress/p1") == (200, {"stage": "unknown", "progress": 0})


async def test_acknowledge_deletes_the_progress_and_what_was_still_to_be_written(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Any:
        await job.progress(10, "begun")
        return 1

    stage.cls = worker(process, progress_interval_s=30.0)
    await stage.call("POST", "/api/process", packet())
    assert (await stage.call("GET", "/api/progress/p1"))[1]["stage"] == "completed"
    body = {"packet_id": "p1", "execution_id": "e1", "success": True, "error": None}
    assert await stage.call("POST", "/api/acknowledge", body) == (
        200,
        {"success": True, "packet_id": "p1", "acknowledged": True},
    )
    await stage.settle()
    assert await stage.progress_in_kv("p1") is None
    assert await stage.call("GET", "/api/progress/p1") == (200, {"stage": "unknown", "progress": 0})


async def test_checkpoints_are_put_with_rising_seq_and_resumed(stage: Any) -> None:
    saved = []

    async def orchestrator(request: Any) -> Any:
        assert header(request, "authorization") == "Bearer the-worker-token"
        saved.append((request.method, path_of(request), json.loads(await read_text(request))))
        return json_response({"success": True})

    async def process(self: Any, job: Job) -> Any:
        await job.checkpoint({"done": 1})
        await job.checkpoint({"done": 2})
        return {"resumed": job.resumed, "delivery": job.delivery, "stage": job.stage_id}

    stage.orchestrator, stage.cls = orchestrator, worker(process)
    _, answer = await stage.call("POST", "/api/process", packet())
    assert answer["output_ref"]["inline_data"] == {"resumed": None, "delivery": 1, "stage": "s1"}
    more = {"packet_id": "p2", "delivery": 2, "checkpoint": {"seq": 2, "data": {"done": 2}}}
    _, answer = await stage.call("POST", "/api/process", packet(**more))
    assert answer["output_ref"]["inline_data"] == {"resumed": {"done": 2}, "delivery": 2, "stage": "s1"}
    assert saved == [
        ("PUT", "/api/checkpoints/p1", {"seq": 1, "data": {"done": 1}}),
        ("PUT", "/api/checkpoints/p1", {"seq": 2, "data": {"done": 2}}),
        ("PUT", "/api/checkpoints/p2", {"seq": 3, "data": {"done": 1}}),
        ("PUT", "/api/checkpoints/p2", {"seq": 4, "data": {"done": 2}}),
    ]


async def test_checkpoints_without_an_orchestrator_too_large_or_refused(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Any:
        await job.checkpoint("x" * job.parameters["size"])
        return "done"

    stage.cls, stage.vars = worker(process), {}
    _, answer = await stage.call("POST", "/api/process", packet(parameters={"size": 1}))
    assert answer["output_ref"]["inline_data"] == "done"
    _, answer = await stage.call("POST", "/api/process", packet(parameters={"size": CHECKPOINT_LIMIT}))
    assert (answer["error"]["code"], answer["error"]["retryable"]) == ("non_retryable", False)
    assert "1048576 are allowed" in answer["error"]["message"]
    stage.vars = {"ORCHESTRATOR_URL": "http://localhost:8787/", "WORKER_TOKEN": "t"}
    _, answer = await stage.call("POST", "/api/process", packet(parameters={"size": 2}))
    assert "did not take the checkpoint (404)" in answer["error"]["message"]
    assert answer["error"]["retryable"] is True


async def test_metrics_count_what_the_job_counted(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Any:
        job.count(openai=1, tokens=250)
        job.count(openai=2, anthropic=1, tokens=50)

    stage.cls = worker(process)
    _, answer = await stage.call("POST", "/api/process", packet())
    spent = answer["metrics"].pop("processing_time_ms")
    assert spent >= 0
    assert answer["metrics"] == {"tokens_used": 300, "api_calls_made": 4, "api_calls": {"openai": 3, "anthropic": 1}}
    health = (await stage.call("GET", "/health"))[1]
    assert health["resources"] == {"current_load": 0, "queue_length": 0, "avg_processing_time_ms": spent}


async def test_a_repeated_packet_gets_the_stored_answer(stage: Any) -> None:
    runs = []

    async def process(self: Any, job: Job) -> Any:
        runs.append(job.packet_id)
        return {"run": len(runs)}

    stage.cls = worker(process)
    _, first = await stage.call("POST", "/api/process", packet())
    _, second = await stage.call("POST", "/api/process", packet(delivery=2))
    assert second == {**first, "repeated": True}
    assert runs == ["p1"]
    _, other = await stage.call("POST", "/api/process", packet(parameters={"depth": 1}))
    assert other["output_ref"]["inline_data"] == {"run": 2}
    stage.clock.advance(RESULT_TTL_S + 1)
    _, later = await stage.call("POST", "/api/process", packet(parameters={"depth": 1}))
    assert later["output_ref"]["inline_data"] == {"run": 3}


async def test_a_packet_that_still_runs_is_answered_with_425(stage: Any) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def process(self: Any, job: Job) -> Any:
        begun.set()
        await go_on.wait()

    stage.cls = worker(process)
    first = asyncio.create_task(stage.call("POST", "/api/process", packet()))
    await begun.wait()
    assert (await stage.call("GET", "/health"))[1]["resources"]["current_load"] == 1
    status, text, headers = await stage.raw("POST", "/api/process", json.dumps(packet(delivery=2)))
    assert (status, headers.get("retry-after")) == (425, "1")
    assert json.loads(text)["error"]["retryable"] is True
    go_on.set()
    assert (await first)[0] == 200
    assert (await stage.call("POST", "/api/process", packet()))[1]["repeated"] is True


@pytest.mark.parametrize(
    ("error", "status", "code", "retryable", "text"),
    [
        (RuntimeError("the feed burnt"), 500, "worker_exception", True, "RuntimeError: the feed burnt"),
        (NonRetryable("no such topic"), 422, "non_retryable", False, "no such topic"),
    ],
)
async def test_failures(
    stage: Any, caplog: Any, error: Exception, status: int, code: str, retryable: bool, text: str
) -> None:
    async def process(self: Any, job: Job) -> Any:
        await job.progress(30, "working")
        raise error

    stage.cls = worker(process, progress_interval_s=0.0)
    assert await stage.call("POST", "/api/process", packet()) == (
        status,
        {"success": False, "packet_id": "p1", "error": {"code": code, "message": text, "retryable": retryable}},
    )
    progress = await stage.progress_in_kv("p1")
    assert (progress["stage"], progress["progress"], progress["message"]) == ("failed", 30, text)
    assert ("Traceback" in caplog.text) is (status == 500)
    # a failure is not stored: the same packet is tried again
    assert (await stage.call("POST", "/api/process", packet()))[0] == status


async def test_a_missing_binding_is_named_with_the_lines_to_add(stage: Any) -> None:
    stage.cls = Echo
    del stage.bindings["RESULT_CACHE"]
    for path in ("/api/handshake", "/api/process"):
        status, answer = await stage.call("POST", path, packet())
        assert (status, answer["error"]["code"], answer["error"]["retryable"]) == (500, "missing_binding", False)
        assert '[[kv_namespaces]]\nbinding = "RESULT_CACHE"' in answer["error"]["message"]
    status, health = await stage.call("GET", "/health")
    assert (status, health["status"], health["error"]["code"]) == (200, "unhealthy", "missing_binding")


async def test_health_keeps_the_guides_form(stage: Any) -> None:
    stage.cls = type("Told", (Echo,), {"version": "2.0.0", "example_input": {"query": "x"}})
    status, text, headers = await stage.raw("GET", "/health")
    assert (status, headers.get("content-type")) == (200, "application/json")
    assert json.loads(text) == {
        "status": "healthy",
        "service": "echo",
        "version": "2.0.0",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "capabilities": {
            "protocol_version": "2.0",
            "supports_handshake": True,
            "supports_references": True,
            "supports_checkpoints": False,
        },
        "resources": {"current_load": 0, "queue_length": 0, "avg_processing_time_ms": 0},
        "example_input": {"query": "x"},
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("GET", "/api/process", 405, "POST"),
        ("POST", "/health", 405, "GET"),
        ("DELETE", "/api/progress/p1", 405, "GET"),
        ("GET", "/", 404, None),
        ("GET", "/api/progress/", 404, None),
        ("POST", "/api/process/", 404, None),
        ("PROPFIND", "/elsewhere", 404, None),
    ],
)
async def test_other_methods_and_paths(stage: Any, method: str, path: str, status: int, allow: str | None) -> None:
    stage.cls = Echo
    got, text, headers = await stage.raw(method, path)
    assert (got, headers.get("allow") or None) == (status, allow)
    assert json.loads(text)["success"] is False
    assert set(json.loads(text)["error"]) == {"code", "message", "hint"}


async def test_endpoints_of_the_workers_own(stage: Any) -> None:
    async def route(self: Any, request: Any) -> Any:
        return Response("mine") if request.url.endswith("/mine") else None

    stage.cls = type("Routed", (Echo,), {"route": route})
    assert (await stage.raw("GET", "/mine"))[:2] == (200, "mine")
    assert (await stage.raw("GET", "/other"))[0] == 404
    assert (await stage.raw("GET", "/health"))[0] == 200


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("{", "the body is no JSON"),
        ("[" * 50_000, "the body is nested too deeply"),
        ("[]", "expected an object, got an array"),
        ('{"packet_id": "p", "execution_id": "e"}', "input_ref: missing, expected an object"),
    ],
)
async def test_a_bad_message_is_a_400_that_names_the_field(stage: Any, body: str, text: str) -> None:
    stage.cls = Echo
    status, answer, _ = await stage.raw("POST", "/api/process", body)
    error = json.loads(answer)["error"]
    assert (status, error["code"], error["retryable"]) == (400, "bad_message", False)
    assert text in error["message"]


async def test_a_class_without_a_name_says_so(stage: Any) -> None:
    stage.cls = type("Nameless", (Echo,), {"name": ""})
    status, answer = await stage.call("GET", "/health")
    assert (status, answer["error"]["code"]) == (500, "no_name")


async def test_a_dropped_class_is_collected(stage: Any) -> None:
    async def process(self: Any, job: Job) -> Any:
        await job.progress(50)
        return 1

    stage.cls = worker(process, Input=dict[str, Any], progress_interval_s=30.0)
    await stage.call("POST", "/api/process", packet())
    await stage.call("POST", "/api/acknowledge", {"packet_id": "p1", "execution_id": "e1", "success": True})
    await stage.settle()
    dropped = weakref.ref(stage.cls)
    stage.cls = None
    del process
    gc.collect()
    assert dropped() is None


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN"])
async def test_a_number_that_could_not_be_written_again_is_a_bad_message(stage: Any, number: str) -> None:
    stage.cls = Echo
    text = json.dumps(packet()).replace('"query": "x"', f'"query": {number}')
    assert number in text
    status, answer, _ = await stage.raw("POST", "/api/process", text)
    assert (status, json.loads(answer)["error"]["code"]) == (400, "bad_message")
