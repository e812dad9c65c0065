"""Whole executions: the graph of stages, side by side, cancelled, interrupted, started twice."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.config.models import ParameterConfig, StageConfig
from sandbox.errors import Conflict, NotFound, SandboxError
from sandbox.orchestrator.pipelines import BadParameters

BIG = {"items": ["x" * 100] * 30}


def stages(execution: dict[str, Any]) -> dict[str, str]:
    return {stage["name"]: stage["state"] for stage in execution["stages"]}


async def test_a_chain_hands_outputs_on_by_reference_or_inline(bench: Any) -> None:
    bench.pipeline(
        "p", StageConfig("a", "wa"), StageConfig("b", "wb", needs=("a",)), StageConfig("c", "wc", needs=("b",))
    )
    bench.worker("wa").result, bench.worker("wa").by_reference = BIG, True
    await bench.start()
    execution = await bench.run("p", input={"q": 1})
    assert execution["state"] == "completed" and execution["pipeline"] == "p"
    given = bench.worker("wb").bodies("/api/process")[0]["input_ref"]
    assert given["storage_type"] == "reference" and given["ref_id"] == "wa_1" and given["expires_at"].endswith("Z")
    assert given["size_bytes"] == len(json.dumps(BIG, separators=(",", ":")))
    small = bench.worker("wc").bodies("/api/process")[0]["input_ref"]
    assert small["storage_type"] == "inline" and small["inline_data"] == {"from": "wb"}


async def test_several_needs_and_picked_fields(bench: Any) -> None:
    bench.pipeline(
        "p",
        StageConfig("a", "wa"),
        StageConfig("b", "wb"),
        StageConfig("both", "wc", needs=("a", "b")),
        StageConfig("picked", "wd", needs=("a", "b"), input={"one": "a.from", "all": "b"}),
    )
    await bench.start()
    assert (await bench.run("p"))["state"] == "completed"
    both = bench.worker("wc").bodies("/api/process")[0]["input_ref"]["inline_data"]
    assert both == {"a": {"from": "wa"}, "b": {"from": "wb"}}
    picked = bench.worker("wd").bodies("/api/process")[0]["input_ref"]["inline_data"]
    assert picked == {"one": "wa", "all": {"from": "wb"}}


async def test_a_wrong_path_fails_the_stage_and_names_it(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "wa"), StageConfig("b", "wb", needs=("a",), input={"x": "a.nothing"}))
    await bench.start()
    execution = await bench.run("p")
    assert execution["state"] == "failed" and execution["error"]["code"] == "bad_stage_input"
    assert "stages.b.input.x" in execution["error"]["message"] and stages(execution) == {
        "a": "succeeded",
        "b": "failed",
    }
    assert not bench.worker("wb").calls


async def test_stages_without_a_need_between_them_run_side_by_side(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "wa"), StageConfig("b", "wb"), StageConfig("c", "wc", needs=("a", "b")))
    together = asyncio.Barrier(2)
    bench.worker("wa").during = bench.worker("wb").during = lambda body: together.wait()
    await bench.start()
    assert (await bench.run("p"))["state"] == "completed"


async def test_a_worker_never_has_more_packets_than_its_limit(bench: Any) -> None:
    bench.pipeline("p", *(StageConfig(f"s{number}", "w") for number in range(7)))
    bench.limits["w"] = 3
    inside, most = 0, 0

    async def count(body: dict[str, Any]) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.01)
        inside -= 1

    bench.worker("w").during = count
    await bench.start()
    assert (await bench.run("p"))["state"] == "completed"
    assert most == 3


async def test_the_limit_holds_across_executions_and_may_come_from_the_registry(bench: Any) -> None:
    bench.worker("w")
    most, inside = 0, 0

    async def count(body: dict[str, Any]) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.005)
        inside -= 1

    bench.worker("w").during = count
    await bench.start()
    sql = "INSERT INTO worker_registry (worker_name, worker_url, max_concurrent_executions) VALUES ('w', 'https://w.dev', 2)"
    await bench.orchestrator.registry.apply_sql(sql)
    ids = [await bench.orchestrator.start_execution("w", input=number) for number in range(6)]
    await asyncio.gather(*(bench.orchestrator.finished(execution_id) for execution_id in ids))
    assert most == 2


async def test_after_a_failure_nothing_new_begins_and_what_runs_may_finish(bench: Any) -> None:
    bench.pipeline("p", StageConfig("bad", "wa"), StageConfig("slow", "wb"), StageConfig("next", "wc", needs=("slow",)))
    failed = asyncio.Event()
    bench.worker("wa").script["/api/process"] = [(400, {"success": False, "error": "no"})]
    bench.worker("wb").during = lambda body: failed.wait()
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("p")
    await bench.until(lambda: bench.said("stage", stage="bad", state="failed"))
    failed.set()
    execution = await bench.orchestrator.finished(execution_id)
    assert execution["state"] == "failed" and execution["error"]["stage"] == "bad"
    assert stages(execution) == {"bad": "failed", "slow": "succeeded", "next": "skipped"}


async def test_parameters_reach_the_stages_by_precedence(bench: Any) -> None:
    bench.pipeline(
        "p",
        StageConfig("a", "wa", parameters={"depth": "deep"}),
        parameters=(ParameterConfig("topic", required=True), ParameterConfig("limit", "integer", 5, True)),
    )
    await bench.start()
    await bench.run("p", {"topic": "x", "depth": "shallow"})
    process = bench.worker("wa").bodies("/api/process")[0]
    assert process["parameters"] == {"topic": "x", "limit": 5, "depth": "shallow"}
    assert process["input_ref"]["inline_data"] == {"topic": "x", "limit": 5, "depth": "shallow"}
    with pytest.raises(BadParameters, match="topic: required"):
        await bench.orchestrator.start_execution("p")


async def test_starting_twice_starts_once(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    start = bench.orchestrator.start_execution
    first, second = await asyncio.gather(
        start("w", input=1, client_id="c", request_id="r"), start("w", input=1, client_id="c", request_id="r")
    )
    other = await start("w", input=1, client_id="d", request_id="r")
    alone, again = await start("w", input=1, request_id="r"), await start("w", input=1, request_id="r")
    assert first == second and other != first and alone == again and alone not in (first, other)
    for execution_id in {first, other, alone}:
        await bench.orchestrator.finished(execution_id)
    assert len(bench.worker("w").bodies("/api/process")) == 3


async def test_unknown_names(bench: Any) -> None:
    bench.worker("w")
    bench.pipeline("p", StageConfig("a", "gone"))
    del bench.workers["gone"]
    await bench.start()
    with pytest.raises(NotFound, match="nothing"):
        await bench.orchestrator.start_execution("nothing")
    with pytest.raises(NotFound, match="gone"):
        await bench.orchestrator.start_execution("p")
    with pytest.raises(NotFound):
        bench.orchestrator.execution("exec_none")
    sql = "INSERT INTO worker_registry (worker_name, worker_url) VALUES ('gone', 'https://gone.workers.dev')"
    await bench.orchestrator.registry.apply_sql(sql)
    with pytest.raises(NotFound, match="does not host it"):
        await bench.orchestrator.start_execution("p")


async def test_names_are_compared_folded(bench: Any) -> None:
    bench.worker("feed_fetcher")
    await bench.start()
    execution = await bench.run("Feed-Fetcher", input=1)
    assert execution["worker"] == "feed_fetcher"


async def test_cancel_while_it_runs_waits_and_backs_off(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "wa"), StageConfig("b", "wb"), StageConfig("c", "wc", needs=("a",)))
    bench.worker("wa").during = lambda body: asyncio.Event().wait()
    bench.worker("wb").script["/api/process"] = [(500, {})]
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("p")
    await bench.until(lambda: bench.said("stage", stage="b", state="backoff"))
    await bench.until(lambda: bench.worker("wa").bodies("/api/process"))
    await bench.orchestrator.cancel(execution_id)
    execution = await bench.orchestrator.finished(execution_id)
    assert execution["state"] == "cancelled" and set(stages(execution).values()) == {"cancelled"}
    assert [event["state"] for event in bench.said("execution")][-2:] == ["cancelling", "cancelled"]
    with pytest.raises(Conflict):
        await bench.orchestrator.cancel(execution_id)
    with pytest.raises(NotFound):
        await bench.orchestrator.cancel("exec_none")


async def test_cancel_and_the_end_may_race(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    for _ in range(20):
        execution_id = await bench.orchestrator.start_execution("w", input=1)
        try:
            await bench.orchestrator.cancel(execution_id)
        except Conflict:
            expected = {"completed"}
        else:
            expected = {"cancelled"}
        execution = await bench.orchestrator.finished(execution_id)
        assert {execution["state"]} == expected


async def test_closing_interrupts_what_still_runs(bench: Any) -> None:
    bench.worker("w").during = lambda body: asyncio.Event().wait()
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("w", input=1)
    await bench.until(lambda: bench.worker("w").bodies("/api/process"))
    await bench.orchestrator.close(0)
    bench.worker("w").during = None
    await bench.start()
    execution = bench.orchestrator.execution(execution_id)
    assert execution["state"] == "failed" and execution["error"]["code"] == "interrupted"
    assert bench.orchestrator.interrupted == [], "a clean end leaves nothing to settle"


async def test_closing_lets_running_work_finish(bench: Any) -> None:
    gate = asyncio.Event()
    bench.worker("w").during = lambda body: gate.wait()
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("w", input=1)
    await bench.until(lambda: bench.worker("w").bodies("/api/process"))
    closing = asyncio.ensure_future(bench.orchestrator.close(30))
    await asyncio.sleep(0)
    with pytest.raises(SandboxError):
        await bench.orchestrator.start_execution("w", input=1)
    gate.set()
    await closing
    await bench.start()
    assert bench.orchestrator.execution(execution_id)["state"] == "completed"


async def test_after_an_unclean_end_executions_are_failed_as_interrupted(bench: Any) -> None:
    bench.pipeline(
        "p", StageConfig("a", "wa"), StageConfig("b", "wb", needs=("a",)), StageConfig("c", "wc", needs=("b",))
    )
    bench.worker("wb").during = lambda body: asyncio.Event().wait()
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("p")
    await bench.until(lambda: bench.worker("wb").bodies("/api/process"))
    # the process is gone: its tasks end, and nothing of the stop reaches the journal
    dead = bench.orchestrator
    dead._engine._runs[execution_id].task.cancel()
    await dead._journal.database.close()
    bench.log.clear()
    await bench.start()
    assert bench.orchestrator.interrupted == [execution_id]
    execution = bench.orchestrator.execution(execution_id)
    assert execution["state"] == "failed" and execution["error"]["code"] == "interrupted" and execution["error"]["hint"]
    assert stages(execution) == {"a": "succeeded", "b": "failed", "c": "skipped"}
    assert execution["stages"][1]["packets"][0]["state"] == "lost"
    assert bench.said("execution", execution_id=execution_id, state="failed")


async def test_a_changed_configuration_counts_from_the_next_execution_on(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "wa"), StageConfig("b", "wb", needs=("a",)))
    gate = asyncio.Event()
    bench.worker("wa").during = lambda body: gate.wait()
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("p")
    await bench.until(lambda: bench.worker("wa").bodies("/api/process"))
    bench.pipeline("p", StageConfig("only", "wa"))
    await bench.orchestrator.configure(bench.pipelines, bench.infos())
    gate.set()
    assert set(stages(await bench.orchestrator.finished(execution_id))) == {"a", "b"}
    assert set(stages(await bench.run("p"))) == {"only"}


async def test_run_progress_is_weighted_by_what_stages_took_before(bench: Any) -> None:
    bench.pipeline("p", StageConfig("quick", "wa"), StageConfig("slow", "wb", needs=("quick",)))

    async def takes(seconds: float) -> None:
        bench.clock.advance(seconds)

    bench.worker("wa").during, bench.worker("wb").during = (lambda body: takes(1)), (lambda body: takes(99))
    await bench.start()
    await bench.run("p")
    gate = asyncio.Event()
    bench.worker("wb").during = lambda body: gate.wait()
    execution_id = await bench.orchestrator.start_execution("p")
    await bench.until(lambda: len(bench.worker("wb").bodies("/api/process")) == 2)
    assert bench.orchestrator.execution(execution_id)["progress"] == 1
    gate.set()
    await bench.orchestrator.finished(execution_id)


async def test_an_error_inside_the_sandbox_fails_the_execution_and_leaves_nothing_running(
    bench: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bench.worker("w")
    await bench.start()

    async def broken(*args: Any) -> Any:
        raise RuntimeError("a bug")

    bench.orchestrator._engine._runner._driver._adopter.adopt = broken
    execution = await bench.run("w", input=1)
    assert execution["state"] == "failed" and execution["error"]["code"] == "internal"
    assert stages(execution) == {"w": "failed"} and execution["stages"][0]["packets"][0]["state"] == "lost"
    assert "a bug" in caplog.text


async def test_bytes_by_reference_and_what_inlining_would_take(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "wa"), StageConfig("b", "wb", needs=("a",)))
    bench.worker("wa").result, bench.worker("wa").by_reference = BIG, True
    size = len(json.dumps(BIG, separators=(",", ":")))

    async def fetch(body: dict[str, Any]) -> None:
        status, data, _ = await bench.http(
            "GET", f"/api/data/{body['input_ref']['ref_id']}", headers=bench.credentials("wb")
        )
        assert status == 200 and data == BIG

    bench.worker("wb").during = fetch
    await bench.start()
    execution = await bench.run("p", input={"q": 1})
    a, b = (stage["bytes"] for stage in execution["stages"])
    assert b["data"] == size and a["data"] == 0
    # the value crosses once out of a, twice into b
    for stage, times in ((a, 1), (b, 2)):
        assert abs(times * size - (stage["inline"] - stage["messages"])) < times * 40
    total = execution["bytes"]
    assert total["total"] == total["messages"] + total["data"] and total["saved_percent"] > 0
    exchanged = [
        len(json.dumps(body, ensure_ascii=False, separators=(",", ":")))
        for worker in bench.workers.values()
        for path, body in worker.calls
        if path.startswith("/api/")
    ]
    assert total["messages"] > sum(exchanged), "both ways are counted"


class TestRetention:
    def held(self, bench: Any) -> dict[str, int]:
        tables = ("execution", "stage", "packet", "reference", "content", "event", "usage", "checkpoint")
        return {table: bench.orchestrator._journal.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables}

    async def test_what_ended_a_week_ago_goes_with_all_it_pinned(self, bench: Any) -> None:
        bench.worker("w").result, bench.worker("w").by_reference = BIG, True
        await bench.start()
        old = await bench.run("w", input={"big": "y" * 2000})
        bench.clock.advance(6 * 86_400)
        young = await bench.run("w", input=2)
        bench.clock.advance(2 * 86_400)
        await bench.orchestrator.close()
        await bench.start()
        with pytest.raises(NotFound):
            bench.orchestrator.execution(old["execution_id"])
        assert json.loads(await bench.orchestrator.read_output(young["execution_id"], "w")) == BIG
        held = self.held(bench)
        # its input, its output, and two recorded messages with their answers
        assert (held["execution"], held["packet"], held["content"]) == (1, 1, 6)

    async def test_only_so_many_are_kept(self, bench: Any) -> None:
        bench.worker("w")
        bench.retention = (1e9, 3)
        await bench.start()
        for number in range(6):
            await bench.run("w", input=number)
        assert len(bench.orchestrator.list()) == 3
        assert self.held(bench)["event"] == 3 * 6

    async def test_what_was_left_by_hand_goes_too(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        await bench.orchestrator.plant("mine", b"1")
        await bench.http("PUT", "/api/checkpoints/p", {"seq": 1, "data": 1}, bench.credentials("w"))
        bench.clock.advance(9 * 86_400)
        await bench.orchestrator.close()
        await bench.start()
        assert set(self.held(bench).values()) == {0}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    script=st.lists(
        st.tuples(
            st.sampled_from(["/api/handshake", "/api/process", "/api/acknowledge"]),
            st.sampled_from(["hang", "cut", "500", "400", "busy", "incompatible", "fine", "garbage"]),
        ),
        max_size=12,
    ),
    cancel_after=st.none() | st.integers(0, 12),
)
async def test_whatever_the_worker_does_the_journal_ends_up_right(
    bench: Any, script: list[tuple[str, str]], cancel_after: int | None
) -> None:
    """Refusals, cuts, timeouts, busy, garbage and cancellation in any order: it ends, within three attempts, and no
    packet that began is left without its one acknowledgement."""
    if bench.orchestrator is None:
        bench.pipeline("p", StageConfig("a", "w"), StageConfig("b", "w", needs=("a",)))
        await bench.start()
    worker = bench.worker("w")
    worker.script.clear()
    worker.calls.clear()
    steps = {
        "hang": lambda: "hang",
        "cut": lambda: ConnectionResetError("cut"),
        "500": lambda: (500, {"success": False, "error": "boom"}),
        "400": lambda: (400, {"success": False, "error": "no"}),
        "busy": lambda: (503, {}, {"retry-after": "2"}),
        "incompatible": lambda: (200, {"success": True, "status": "incompatible"}),
        "fine": lambda: None,
        "garbage": lambda: (200, b"{{{"),
    }
    for path, kind in script:
        worker.script.setdefault(path, []).append(steps[kind]())
    execution_id = await bench.orchestrator.start_execution("p")
    done = asyncio.ensure_future(bench.orchestrator.finished(execution_id))
    if cancel_after is not None:
        await bench.elapse(lambda: len(worker.calls) >= cancel_after or done.done(), 2)
        try:
            await bench.orchestrator.cancel(execution_id)
        except Conflict:
            assert done.done() or bench.orchestrator.has_ended(execution_id)
    await bench.elapse(done.done, 5)
    outbox = bench.orchestrator._outbox
    await bench.elapse(lambda: not outbox._sending, 20)
    execution = bench.orchestrator.execution(execution_id)
    assert execution["state"] in ("completed", "failed", "cancelled")
    succeeded = all(stage["state"] == "succeeded" for stage in execution["stages"])
    # cancelled may come between the last stage and the end
    assert execution["state"] in (("completed", "cancelled") if succeeded else ("failed", "cancelled"))
    for stage in execution["stages"]:
        assert stage["state"] in ("succeeded", "failed", "skipped", "cancelled")
        assert stage["attempts"] <= 3
        assert sum(packet["state"] == "acked" for packet in stage["packets"]) == (
            stage["state"] == "succeeded" and stage["packets"][-1]["ack"] == "acked"
        )
        for packet in stage["packets"]:
            assert packet["state"] not in ("created", "offered", "accepted", "processing")
            assert packet["ack"] != "due"
            sent = [body for body in worker.bodies("/api/acknowledge") if body["packet_id"] == packet["packet_id"]]
            assert bool(sent) == (packet["ack"] != "none")
            if packet["processing_at"] is not None:
                assert packet["ack"] in ("acked", "abandoned")
    assert bench.orchestrator._engine._runs == {} and bench.orchestrator._engine._runner._slots.held("w") == 0
