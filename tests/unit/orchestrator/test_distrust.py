"""What a worker or a caller sends is not believed further than it can be kept: no answer breaks the journal."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import sandbox.orchestrator.transitions as transitions
from sandbox.config.models import RetryConfig, StageConfig
from sandbox.errors import SandboxError
from sandbox.orchestrator.answers import Answer, Failure, Ready, Returned, read_handshake, read_process, read_progress
from sandbox.orchestrator.answers import retry_after as seconds_asked_for
from sandbox.orchestrator.slots import Slots
from sandbox.runtime.exchange import make_response
from sandbox.storage import StorageFull

HUGE = b"9" * 400
RESULT = b'"output_ref":{"storage_type":"inline","inline_data":1}'


def processed(more: bytes) -> Any:
    return read_process(Answer(200, b'{"success":true,' + more + b"}"), "p")


def test_metrics_are_numbers_and_not_too_many() -> None:
    returned = processed(
        RESULT + b',"metrics":{"tokens_used":5,"big":' + HUGE + b',"\\ud800":1,"' + b"n" * 200 + b'":1}'
    )
    assert isinstance(returned, Returned)
    assert returned.metrics == {"tokens_used": 5.0}
    many = json.dumps({str(number): number for number in range(5000)}).encode()
    assert len(processed(RESULT + b',"metrics":' + many).metrics) == 100


@pytest.mark.parametrize(
    "body",
    [
        b'"output_ref":{"inline_data":1e999}',
        RESULT + b',"metrics":{"a":-1e999}',
        b'"output_ref":{"storage_type":"reference","ref_id":"\\ud800"}',
        b'"output_ref":{"storage_type":"reference","ref_id":"r","expires_at":"9999-12-31T23:59:59-01:00"}',
        b'"output_ref":{"storage_type":"reference","ref_id":"r","expires_at":"0001-01-01T00:00:00+01:00"}',
    ],
)
def test_what_cannot_be_kept_is_a_bad_answer(body: bytes) -> None:
    failure = processed(body)
    assert isinstance(failure, Failure) and failure.code == "bad_answer"
    assert not failure.retryable


def test_texts_of_workers_are_cut() -> None:
    error = {"code": "c" * 5000, "message": "m" * 5_000_000, "hint": "h" * 5_000_000}
    failure = read_process(Answer(500, json.dumps({"success": False, "error": error}).encode()), "p")
    assert isinstance(failure, Failure)
    assert len(json.dumps(failure.as_json())) < 10_000
    assert failure.message.startswith("mmmm") and "5000000 characters" in failure.message
    wrong = read_process(Answer(200, json.dumps({"packet_id": "x" * 5_000_000}).encode()), "p")
    assert isinstance(wrong, Failure) and len(wrong.message) < 1000
    progress = read_progress(Answer(200, json.dumps({"progress": 5, "message": "m" * 5_000_000}).encode()))
    assert progress is not None and len(progress[1]) < 5000


def test_a_handshake_says_no_more_than_64_kib_and_a_time_that_is_one() -> None:
    def shaken(capabilities: bytes) -> Any:
        return read_handshake(Answer(200, b'{"status":"ready","capabilities":' + capabilities + b"}"), "p")

    ready = shaken(b'{"max_processing_time_ms":' + HUGE + b"}")
    assert isinstance(ready, Ready) and ready.max_processing_time_ms is None
    assert isinstance(shaken(b'{"x":"' + b"x" * 100_000 + b'"}'), Failure)


def test_progress_of_any_size() -> None:
    assert read_progress(Answer(200, b'{"progress":' + HUGE + b"}")) is None
    assert read_progress(Answer(200, b'{"progress":1e999}')) is None


@pytest.mark.parametrize("asked", ["999999999", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_busy_worker_is_asked_again_within_the_hour(asked: str) -> None:
    assert seconds_asked_for(asked, 1_700_000_000.0) == 3600


async def test_code_that_cancels_itself_is_no_answer_and_ends_the_run(bench: Any) -> None:
    bench.pipeline("p", StageConfig("s", "w", retry=RetryConfig(max_attempts=2)))
    bench.worker("w").script["/api/process"] = [asyncio.CancelledError(), asyncio.CancelledError()]
    await bench.start()
    execution = await bench.run_on("p")
    assert (execution["state"], execution["error"]["code"]) == ("failed", "no_answer")


async def test_an_answer_cut_in_the_middle_leaves_the_outcome_unknown(bench: Any) -> None:
    """The work may be done: the same packet goes out again, not a new one."""

    async def cut() -> Any:
        yield b'{"success":'
        raise SandboxError("the connection broke", code="unreachable", status=502)

    bench.pipeline("p", StageConfig("s", "w"))
    await bench.start()
    send, first = bench.send, [True]

    async def send_cut(worker: str, request: Any, held: Any = None) -> Any:
        response = await send(worker, request)
        if request.url.endswith("/api/process") and first:
            first.clear()
            return make_response(cut())
        return response

    bench.send = send_cut
    assert (await bench.run_on("p"))["state"] == "completed"
    sent = bench.worker("w").bodies("/api/process")
    assert [body["delivery"] for body in sent] == [1, 2]
    assert sent[0]["packet_id"] == sent[1]["packet_id"]


async def test_a_redelivery_after_a_reload_saves_its_checkpoints_under_the_new_code(bench: Any) -> None:
    worker = bench.worker("w")
    answers: list[Any] = []

    async def save(body: dict[str, Any]) -> None:
        path = f"/api/checkpoints/{body['packet_id']}"
        answers.append((await bench.http("PUT", path, {"seq": 1, "data": bench.code}, bench.credentials("w")))[0])
        if len(answers) == 1:
            bench.code = "code-2"
            raise OSError("the connection broke")

    worker.during = save
    bench.pipeline("p", StageConfig("s", "w"))
    await bench.start()
    assert (await bench.run_on("p"))["state"] == "completed"
    assert answers == [200, 200]


async def test_a_caller_who_goes_away_leaves_no_execution_that_nobody_runs(bench: Any) -> None:
    bench.pipeline("p", StageConfig("s", "w"))
    orchestrator = await bench.start()
    starting = asyncio.ensure_future(orchestrator.start_execution("p", request_id="r"))
    while not orchestrator._journal._commits:
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    execution_id = await orchestrator.start_execution("p", request_id="r")
    assert (await orchestrator.finished(execution_id))["state"] == "completed"


async def test_a_start_that_is_being_written_at_stop_is_interrupted(bench: Any) -> None:
    bench.pipeline("p", StageConfig("s", "w"))
    bench.worker("w").script["/api/handshake"] = ["hang"]
    orchestrator = await bench.start()
    starting = asyncio.ensure_future(orchestrator.start_execution("p"))
    while not orchestrator._journal._commits:
        await asyncio.sleep(0)
    await orchestrator.close()
    execution_id = await starting
    again = await bench.start()
    assert again.interrupted == []
    assert again.execution(execution_id)["error"]["code"] == "interrupted"


async def test_a_full_disk_lets_go_of_who_waits(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.pipeline("p", StageConfig("s", "w"))
    orchestrator = await bench.start()

    def full(*_: Any, **__: Any) -> None:
        raise StorageFull("journal.sqlite")

    with monkeypatch.context() as patch:
        patch.setattr(transitions, "t5_succeed", full)
        patch.setattr(transitions, "end_execution", full)
        execution = await bench.run("p")
    assert execution["state"] == "running"
    await orchestrator.cancel(execution["execution_id"])
    assert orchestrator.execution(execution["execution_id"])["state"] == "cancelled"


async def test_a_waiter_that_is_cancelled_while_its_turn_is_passed_over() -> None:
    slots = Slots(lambda worker: 1)
    held, free = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with slots.hold("w"):
            held.set()
            await free.wait()

    first = asyncio.ensure_future(hold())
    await held.wait()
    second = asyncio.ensure_future(hold())
    await asyncio.sleep(0)
    free.set()  # the first wakes in the next step, before the second learns that it is cancelled
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await first
    assert slots.held("w") == 0


@pytest.mark.parametrize("field", ["client_id", "worker"])
async def test_half_a_surrogate_pair_is_the_callers_mistake(bench: Any, field: str) -> None:
    bench.worker("w")
    await bench.start()
    body = {"worker": "w", "request_id": "r", "input": 1, field: "\ud800"}
    status, answer, _ = await bench.http("POST", "/api/executions", body)
    assert (status, answer["error"]["code"]) == (400, "bad_field")


async def test_numbers_past_a_double_are_refused_at_the_door(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    assert (await bench.http("POST", "/api/references", b'{"data":1e999}'))[0] == 400
    put = await bench.http("PUT", "/api/checkpoints/x", b'{"seq":1,"data":1e999}', bench.credentials("w"))
    assert put[0] == 400


async def test_an_expired_upload_does_not_hide_the_result_of_today(bench: Any) -> None:
    worker = bench.worker("w")
    worker.by_reference, worker.result = True, {"of": "today" * 500}
    await bench.start()
    credentials = bench.credentials("w")
    assert (await bench.http("POST", "/api/data?ref_id=w_1", {"of": "yesterday"}, credentials))[0] == 201
    bench.clock.advance(86_400)
    execution = await bench.run("w", input=1)
    output = await bench.orchestrator.read_output(execution["execution_id"], "w")
    assert json.loads(output) == worker.result


async def test_a_refused_plant_keeps_nothing(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    await bench.http("POST", "/api/data?ref_id=mine", {"a": 1}, bench.credentials("w"))
    assert (await bench.http("PUT", "/api/references/mine", b"other"))[0] == 409
    assert bench.orchestrator._journal.rows("SELECT count(*) FROM content") == [(1,)]


async def test_a_large_upload_is_kept_as_it_came_and_refused_where_it_is_no_json(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    credentials = bench.credentials("w")
    body = b'["' + b"x" * 2_000_000 + b'"]'
    status, answer, _ = await bench.http("POST", "/api/data", body, credentials)
    assert status == 201
    assert await bench.orchestrator.references.body(bench.orchestrator.references.get(answer["ref_id"])) == body
    status, answer, _ = await bench.http("POST", "/api/data", body[:-1], credentials)
    assert (status, answer["error"]["code"]) == (400, "bad_json")


async def test_what_the_registry_took_it_can_show(bench: Any) -> None:
    await bench.start()
    deep = '{"a":' + "[" * 199 + "]" * 199 + "}"
    sql = (
        f"INSERT INTO worker_registry (worker_name, worker_url, capabilities) VALUES ('x', 'https://x.test', '{deep}')"
    )
    assert (await bench.http("POST", "/api/registry", sql.encode()))[0] == 200
    assert (await bench.http("GET", "/api/registry"))[0] == 200
    assert (await bench.http("GET", "/api/workers"))[0] == 200
