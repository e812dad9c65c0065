"""An execution run once more, as a new one, on what it was given."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.config.models import ParameterConfig, RetryConfig, StageConfig
from sandbox.errors import Conflict, NotFound
from sandbox.orchestrator.pipelines import BadParameters

ONCE = RetryConfig(max_attempts=1)


@pytest.fixture
async def diamond(bench: Any) -> Any:
    """start -> left, right -> end; `side` beside it."""
    bench.pipeline(
        "p",
        StageConfig("start", "a", retry=ONCE),
        StageConfig("left", "b", ("start",), retry=ONCE, parameters={"depth": 1}),
        StageConfig("right", "c", ("start",), retry=ONCE),
        StageConfig("end", "d", ("left", "right"), retry=ONCE),
        StageConfig("side", "e", retry=ONCE),
        parameters=(
            ParameterConfig("topic", "string", default="trains"),
            ParameterConfig("depth", "integer", default=3),
        ),
    )
    await bench.start()
    return bench


async def rerun(bench: Any, old: dict[str, Any], *args: Any) -> dict[str, Any]:
    new = await bench.orchestrator.rerun(old["execution_id"], *args)
    assert new != old["execution_id"]
    return await bench.orchestrator.finished(new)


def called(bench: Any) -> list[str]:
    """The workers that processed something since the last look."""
    names = [name for name, worker in bench.workers.items() for _ in worker.bodies("/api/process")]
    for worker in bench.workers.values():
        worker.calls.clear()
    return sorted(names)


async def test_from_a_stage_the_others_are_taken_over(diamond: Any) -> None:
    diamond.workers["b"].script["/api/process"] = [(500, {"success": False, "error": "broken"})]
    old = await diamond.run("p", {"topic": "boats"})
    assert old["state"] == "failed"
    called(diamond)
    with pytest.raises(Conflict, match="stage left of .* gave nothing that could be taken over"):
        await diamond.orchestrator.rerun(old["execution_id"], "end")
    new = await rerun(diamond, old, "left")
    assert new["state"] == "completed"
    assert called(diamond) == ["b", "d"]
    stages = {stage["name"]: stage for stage in new["stages"]}
    assert [stages[name]["attempts"] for name in ("start", "left", "right", "end", "side")] == [0, 1, 0, 1, 0]
    before = {stage["name"]: stage["output_ref"] for stage in old["stages"]}
    for name in ("start", "right", "side"):
        assert stages[name]["state"] == "succeeded"
        assert stages[name]["output_ref"]["sha256"] == before[name]["sha256"]
        assert stages[name]["output_ref"]["ref_id"] != before[name]["ref_id"]
    assert diamond.orchestrator.execution(old["execution_id"])["state"] == "failed"
    again = await rerun(diamond, new, "end")
    assert called(diamond) == ["d"]
    assert again["state"] == "completed"


async def test_the_whole_of_it_with_the_parameters_it_had_and_others(diamond: Any) -> None:
    old = await diamond.run("p", {"topic": "boats"})
    called(diamond)
    await rerun(diamond, old)
    sent = diamond.workers["b"].bodies("/api/process")[0]["parameters"]
    assert sent == {"topic": "boats", "depth": 1}
    assert called(diamond) == ["a", "b", "c", "d", "e"]
    new = await rerun(diamond, old, None, {"depth": 9})
    assert new["parameters"] == {"topic": "boats", "depth": 9}
    assert diamond.workers["b"].bodies("/api/process")[0]["parameters"] == {"topic": "boats", "depth": 9}
    given = diamond.workers["a"].bodies("/api/process")[0]["input_ref"]["inline_data"]
    assert given == {"topic": "boats", "depth": 9}
    with pytest.raises(BadParameters):
        await diamond.orchestrator.rerun(old["execution_id"], None, {"depht": 9})


async def test_an_input_of_its_own_is_kept_and_single_workers_run_again(diamond: Any) -> None:
    old = await diamond.run("e", {"x": 1}, input={"mine": True}, kind="worker")
    new = await rerun(diamond, old, None, {"x": 2})
    assert (new["worker"], new["pipeline"], new["parameters"]) == ("e", None, {"x": 2})
    assert diamond.workers["e"].bodies("/api/process")[-1]["input_ref"]["inline_data"] == {"mine": True}


async def test_what_cannot_be_run_again(diamond: Any) -> None:
    old = await diamond.run("p")
    with pytest.raises(NotFound, match="p has no stage nothing"):
        await diamond.orchestrator.rerun(old["execution_id"], "nothing")
    with pytest.raises(NotFound):
        await diamond.orchestrator.rerun("exec_0")
    diamond.workers["a"].script["/api/process"] = ["hang"]
    running = await diamond.orchestrator.start_execution("p")
    with pytest.raises(Conflict, match="still running"):
        await diamond.orchestrator.rerun(running)
    await diamond.orchestrator.cancel(running)
    diamond.orchestrator.pipelines = {}
    with pytest.raises(NotFound, match="no pipeline p any more"):
        await diamond.orchestrator.rerun(old["execution_id"])


async def test_what_was_taken_over_outlives_the_execution_it_came_from(diamond: Any) -> None:
    old = await diamond.run("p")
    diamond.clock.advance(6 * 86_400)
    new = await rerun(diamond, old, "end")
    diamond.clock.advance(2 * 86_400)
    await diamond.orchestrator.close()
    await diamond.start()
    with pytest.raises(NotFound):
        diamond.orchestrator.execution(old["execution_id"])
    assert json.loads(await diamond.orchestrator.read_output(new["execution_id"], "start")) == {"from": "a"}
    called(diamond)
    assert (await rerun(diamond, new, "left"))["state"] == "completed"
    assert called(diamond) == ["b", "d"]
