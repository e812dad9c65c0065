"""One packet at a time: what is sent, in which order it is recorded, and what follows from every kind of failure."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from sandbox.config.models import RetryConfig, StageConfig
from sandbox.errors import WorkerUnavailable
from sandbox.orchestrator import NoAnswer
from sandbox.orchestrator.queries import Q

BIG = {"text": "x" * 5000}


def single(execution: dict[str, Any]) -> dict[str, Any]:
    (stage,) = execution["stages"]
    return stage


def packet_states(bench: Any) -> list[str]:
    return [row[0] for row in bench.orchestrator._journal.rows("SELECT state FROM packet ORDER BY created_at, attempt")]


async def test_one_worker_handshake_process_acknowledge(bench: Any) -> None:
    worker = bench.worker("w")
    await bench.start()
    execution = await bench.run("w", {"depth": 2}, input={"query": "x"})
    assert execution["state"] == "completed" and execution["worker"] == "w" and execution["progress"] == 100
    assert [path for path, _ in worker.calls] == ["/api/handshake", "/api/process", "/api/acknowledge"]
    handshake, process, acknowledge = (body for _, body in worker.calls)
    assert set(handshake) == {"packet_id", "execution_id", "stage_id", "input_ref"}
    assert handshake["input_ref"]["storage_type"] == "inline"
    assert handshake["input_ref"]["inline_data"] == {"query": "x"}
    assert process["parameters"] == {"depth": 2} and process["delivery"] == 1 and "checkpoint" not in process
    assert acknowledge["success"] is True and acknowledge["error"] is None
    packet = single(execution)["packets"][0]
    assert (packet["state"], packet["ack"]) == ("acked", "acked")
    assert single(execution)["usage"] == {"tokens_used": 5}


async def test_without_input_the_parameters_are_the_input(bench: Any) -> None:
    worker = bench.worker("w")
    await bench.start()
    await bench.run("w", {"topic": "x"})
    assert worker.bodies("/api/handshake")[0]["input_ref"]["inline_data"] == {"topic": "x"}
    await bench.run("w", {"topic": "x"}, input=None)
    assert worker.bodies("/api/handshake")[1]["input_ref"]["inline_data"] is None


async def test_each_step_is_in_the_journal_before_the_call_that_follows_it(bench: Any) -> None:
    worker = bench.worker("w")
    seen: list[tuple[str, str, str]] = []

    def look(where: str) -> Any:
        def act(body: dict[str, Any]) -> None:
            rows = bench.orchestrator._journal.rows(
                "SELECT p.state, s.state, s.output_ref IS NOT NULL, p.ack FROM packet p JOIN stage s ON s.packet_id = p.packet_id"
            )
            seen.append((where, *rows[0]))

        return act

    for path in ("/api/handshake", "/api/process", "/api/acknowledge"):
        worker.script[path] = [look(path)]
    await bench.start()
    await bench.run("w", input=1)
    assert seen == [
        ("/api/handshake", "offered", "running", 0, "none"),
        ("/api/process", "processing", "running", 0, "none"),
        ("/api/acknowledge", "returned", "succeeded", 1, "due"),
    ]


async def test_incompatible_is_final_and_says_why(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/handshake"] = [
        lambda body: (
            200,
            {"success": True, "packet_id": body["packet_id"], "status": "incompatible", "error": "topic: missing"},
        )
    ]
    await bench.start()
    execution = await bench.run("w", input={})
    assert execution["state"] == "failed" and execution["error"]["code"] == "incompatible"
    assert execution["error"]["message"] == "topic: missing" and execution["error"]["stage"] == "w"
    assert single(execution)["packets"][0]["state"] == "refused"
    assert [path for path, _ in worker.calls] == ["/api/handshake"], "a packet nobody began is not acknowledged"


@pytest.mark.parametrize(
    "failure",
    [
        (500, {"success": False, "error": "boom"}),
        (200, {"success": False, "error": {"code": "odd", "message": "boom"}}),
        (503, b"nothing here"),
        WorkerUnavailable("w", "does not import"),
    ],
)
async def test_a_known_failure_is_tried_again_with_a_new_packet(bench: Any, failure: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/process"] = [failure]
    await bench.start()
    execution = await bench.run_on("w", input=1)
    assert execution["state"] == "completed"
    first, second = single(execution)["packets"]
    assert (first["state"], second["state"]) == ("failed", "acked")
    assert first["packet_id"] != second["packet_id"] and second["attempt"] == 2
    assert [body["delivery"] for body in worker.bodies("/api/process")] == [1, 1]
    told = {body["packet_id"]: body["success"] for body in worker.bodies("/api/acknowledge")}
    assert told == {first["packet_id"]: False, second["packet_id"]: True}


@pytest.mark.parametrize("failure", ["hang", ConnectionResetError("cut"), NoAnswer("refused"), RuntimeError("odd")])
async def test_an_unknown_outcome_is_delivered_again_as_the_same_packet(bench: Any, failure: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/process"] = [failure]
    await bench.start()
    execution = await bench.run_on("w", input=1)
    assert execution["state"] == "completed"
    (packet,) = single(execution)["packets"]
    assert (packet["delivery"], packet["attempt"], packet["state"]) == (2, 2, "acked")
    first, second = worker.bodies("/api/process")
    assert (first["packet_id"], first["delivery"]) == (second["packet_id"], 1)
    assert second["delivery"] == 2
    assert len(worker.bodies("/api/handshake")) == 1
    assert len(worker.bodies("/api/acknowledge")) == 1


async def test_an_unknown_outcome_of_the_handshake_offers_the_same_packet_again(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/handshake"] = ["hang"]
    await bench.start()
    started = bench.clock.now()
    execution = await bench.run_on("w", input=1)
    assert execution["state"] == "completed" and bench.clock.now() - started >= 10
    first, second = worker.bodies("/api/handshake")
    assert first["packet_id"] == second["packet_id"]


async def test_attempts_end_after_three_and_the_last_is_acknowledged_as_failed(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/process"] = [(500, {"success": False, "error": f"boom {number}"}) for number in range(9)]
    await bench.start()
    execution = await bench.run_on("w", input=1)
    assert execution["state"] == "failed" and execution["error"]["message"] == "boom 2"
    assert len(worker.bodies("/api/process")) == 3
    assert [body["success"] for body in worker.bodies("/api/acknowledge")] == [False] * 3
    assert worker.bodies("/api/acknowledge")[-1]["error"] == "boom 2"


async def test_the_stages_own_retry_policy(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "w", retry=RetryConfig(1)))
    bench.worker("w").script["/api/process"] = [(500, {})]
    await bench.start()
    assert (await bench.run("p"))["state"] == "failed"


async def test_not_retryable_ends_at_once(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/process"] = [(422, {"success": False, "error": {"code": "bad", "message": "feeds: missing"}})]
    await bench.start()
    execution = await bench.run("w", input=1)
    assert execution["error"]["code"] == "bad" and len(worker.bodies("/api/process")) == 1


@pytest.mark.parametrize("path", ["/api/handshake", "/api/process"])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_busy_worker_is_waited_for_and_that_is_no_attempt(bench: Any, path: str, status: int) -> None:
    worker = bench.worker("w")
    worker.script[path] = [(status, {"success": False}, {"retry-after": "30"}) for _ in range(5)]
    await bench.start()
    started = bench.clock.now()
    execution = await bench.run_on("w", input=1)
    assert execution["state"] == "completed"
    assert bench.clock.now() - started >= 150
    (packet,) = single(execution)["packets"]
    assert packet["attempt"] == 1 and single(execution)["attempts"] == 1
    assert bench.said("stage", state="backoff", busy=True)
    assert bench.said("execution", state="waiting")


async def test_still_processing_is_waited_for_with_the_same_packet(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/process"] = ["hang", (425, {"success": False}, {"retry-after": "1"})]
    await bench.start()
    execution = await bench.run_on("w", input=1)
    (packet,) = single(execution)["packets"]
    assert execution["state"] == "completed" and packet["attempt"] == 2
    assert len({body["packet_id"] for body in worker.bodies("/api/process")}) == 1


async def test_process_may_take_the_smaller_of_both_limits(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "w", timeout_ms=60_000, retry=RetryConfig(1)))
    bench.worker("w").capabilities = {"max_processing_time_ms": 3_000}
    bench.worker("w").script["/api/process"] = ["hang"]
    await bench.start()
    started = bench.clock.now()
    execution = await bench.run_on("p")
    assert execution["error"]["code"] == "timeout" and "3 s" in execution["error"]["message"]
    assert 3 <= bench.clock.now() - started < 30
    assert single(execution)["packets"][0]["state"] == "timed_out"


async def test_an_acknowledgement_is_repeated_until_it_is_taken(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/acknowledge"] = [(500, {}), (200, {"success": False}), ConnectionResetError("cut")]
    await bench.start()
    execution = await bench.run("w", input=1)
    assert execution["state"] == "completed", "the stage's outcome stands"
    assert single(execution)["packets"][0]["ack"] == "due"

    def acked() -> bool:
        return single(bench.orchestrator.execution(execution["execution_id"]))["packets"][0]["ack"] == "acked"

    await bench.elapse(acked)
    packet = single(bench.orchestrator.execution(execution["execution_id"]))["packets"][0]
    assert (packet["state"], packet["ack_attempts"]) == ("acked", 4)


async def test_after_eight_tries_the_acknowledgement_is_abandoned(bench: Any) -> None:
    worker = bench.worker("w")
    worker.script["/api/acknowledge"] = [(500, {})] * 20
    await bench.start()
    execution = await bench.run("w", input=1)
    await bench.elapse(lambda: bench.said("ack_abandoned"), 5)
    assert len(worker.bodies("/api/acknowledge")) == 8
    shown = bench.orchestrator.execution(execution["execution_id"])
    assert shown["state"] == "completed" and single(shown)["packets"][0]["ack"] == "abandoned"


async def test_progress_is_polled_and_only_rises(bench: Any) -> None:
    worker = bench.worker("w")
    gate = asyncio.Event()
    worker.during = lambda body: gate.wait()
    percent = iter([20, 60, 40, 60])
    current = [20]

    def progress(body: dict[str, Any]) -> Any:
        current[0] = next(percent, current[0])
        return 200, {"stage": "processing", "progress": current[0], "message": f"at {current[0]}"}

    await bench.start()
    execution_id = await bench.orchestrator.start_execution("w", input=1)
    packet_id = (await bench.until(lambda: worker.bodies("/api/process")))[0]["packet_id"]
    worker.script[f"/api/progress/{packet_id}"] = [progress] * 4
    await bench.elapse(lambda: bench.said("progress", message="at 40"))
    shown = bench.orchestrator.execution(execution_id)
    assert shown["progress"] == 60 and single(shown)["progress"] == 60
    gate.set()
    await bench.orchestrator.finished(execution_id)
    values = [event["progress"] for event in bench.said("progress")]
    assert values == sorted(values) and values[-1] == 100


async def test_a_result_is_adopted_from_the_producers_cache(bench: Any) -> None:
    worker = bench.worker("w")
    worker.result, worker.by_reference = BIG, True
    await bench.start()
    execution = await bench.run("w", input=1)
    output = single(execution)["output_ref"]
    assert output["ref_id"] == "w_1", "the worker's own id is kept"
    worker.kv.clear()
    assert json.loads(await bench.orchestrator.read_output(execution["execution_id"], "w")) == BIG


@pytest.mark.parametrize(
    ("break_it", "code"),
    [
        (lambda worker: worker.kv.clear(), "ref_unreachable"),
        (lambda worker: worker.kv.update(w_1=b"{}"), "ref_size_mismatch"),
    ],
)
async def test_a_result_that_is_not_there_or_not_as_said(bench: Any, break_it: Any, code: str) -> None:
    worker = bench.worker("w")

    def process(body: dict[str, Any]) -> Any:
        worker.result, worker.by_reference = BIG, True
        reference = worker.output_ref()
        break_it(worker)
        return 200, {"success": True, "packet_id": body["packet_id"], "output_ref": reference}

    worker.script["/api/process"] = [process]
    await bench.start()
    execution = await bench.run("w", input=1)
    assert execution["state"] == "failed" and execution["error"]["code"] == code
    assert execution["error"]["hint"]


async def test_an_external_workers_cache_is_out_of_reach_and_the_hint_says_what_to_do(bench: Any) -> None:
    worker = bench.worker("far")
    bench.external.add("far")
    worker.result, worker.by_reference = BIG, True
    await bench.start()
    execution = await bench.run("far", input=1)
    assert execution["error"]["code"] == "ref_unreachable" and "POST /api/data" in execution["error"]["hint"]


async def test_an_external_worker_sends_its_result_first(bench: Any) -> None:
    worker = bench.worker("far")
    bench.external.add("far")
    sent: dict[str, Any] = {}

    async def upload(body: dict[str, Any]) -> None:
        status, answer, _ = await bench.http("POST", "/api/data", BIG, bench.credentials("far"))
        assert status == 201
        sent.update(answer)

    worker.during = upload
    worker.output_ref = lambda: {key: sent[key] for key in ("ref_id", "storage_type", "size_bytes")}  # type: ignore[method-assign]
    await bench.start()
    execution = await bench.run("far", input=1)
    assert execution["state"] == "completed"
    assert json.loads(await bench.orchestrator.read_output(execution["execution_id"], "far")) == BIG
    assert execution["bytes"]["data"] == sent["size_bytes"]


async def test_a_late_result_changes_nothing(bench: Any) -> None:
    """T5 guarded: a result that comes when the stage is cancelled is discarded."""
    worker = bench.worker("w")
    release, entered = asyncio.Event(), asyncio.Event()

    async def stubborn(body: dict[str, Any]) -> None:
        entered.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    worker.during = stubborn
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("w", input=1)
    await entered.wait()
    await bench.orchestrator.cancel(execution_id)
    release.set()
    execution = await bench.orchestrator.finished(execution_id)
    await bench.until(lambda: worker.bodies("/api/acknowledge"))
    assert execution["state"] == "cancelled" and single(execution)["state"] == "cancelled"
    assert single(execution)["output_ref"] is None and packet_states(bench) == ["superseded"]
    assert worker.bodies("/api/acknowledge")[0]["success"] is False


async def test_every_guarded_statement_names_the_boot(bench: Any) -> None:
    """A journal that another boot took over takes nothing from this one."""
    worker = bench.worker("w")

    def taken_over(body: dict[str, Any]) -> Any:
        return bench.orchestrator._journal.__setattr__("boot_id", "boot_old")

    worker.script["/api/process"] = [taken_over]
    await bench.start()
    mine = bench.orchestrator._journal.boot_id
    execution_id = await bench.orchestrator.start_execution("w", input=1)
    await bench.until(lambda: worker.bodies("/api/process"))
    # who waits is let go, though the end is not ours to write
    assert single(await bench.orchestrator.finished(execution_id))["state"] == "running"
    assert packet_states(bench) == ["processing"]
    bench.orchestrator._journal.boot_id = mine
    for name in Q.names():
        text = getattr(Q, name)
        if text.startswith(("UPDATE execution", "UPDATE stage", "UPDATE packet")) and not name.startswith("interrupt"):
            assert "boot_id = :boot_id" in text or name in ("count_fetch", "close_stages", "supersede_packets"), name
