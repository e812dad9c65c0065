"""Probing worker folders: the hand-written one passes, each broken one turns exactly its own cell red."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.orchestrator.probe import Bench, Cell, ProbeResult, probe
from sandbox.runtime.exchange import json_response


async def run_probe(stage: Any, cls: type, name: str, **options: Any) -> ProbeResult:
    stage.cls = cls
    bench = Bench(name, stage.vars["WORKER_TOKEN"], read_result=stage.result_in_kv, clock=stage.clock)

    async def orchestrator(request: Any) -> Any:
        answer = await bench.handle(request)
        return json_response({}, status=404) if answer is None else answer

    stage.orchestrator = orchestrator
    url = f"http://{name}.localhost:8787"
    result = await probe(stage.send, bench, name=name, base_url=url, clock=stage.clock, **options)
    await stage.settle()
    return result


async def test_the_hand_written_translation_of_the_guide_passes(stage: Any, load_entry: Any) -> None:
    result = await run_probe(stage, load_entry("guide_researcher"), "guide_researcher")
    assert not result.failed, result
    assert {name: str(cell) for name, cell in result.cells().items()} == {
        "Status": "ok",
        "Handshake": "ok",
        "References": "ok",
        "Progress": "ok",
        "Checkpoints": "claimed",
        "Deployed": "not checked (offline)",
    }


@pytest.mark.parametrize(
    ("column", "why"),
    [
        ("Status", "GET /health: resources.current_load: expected a number, got a string"),
        (
            "Handshake",
            "POST /api/handshake: capabilities.max_processing_time_ms: missing, expected a number",
        ),
        ("References", "the input was never fetched from /api/data"),
        ("Progress", "GET /api/progress/...: the progress is still there after acknowledge"),
        ("Checkpoints", "resumed from checkpoint 3, it saved 3 again: it started over"),
    ],
)
async def test_a_broken_worker_turns_exactly_its_cell_red(stage: Any, load_entry: Any, column: str, why: str) -> None:
    name = f"broken_{column.lower()}"
    result = await run_probe(stage, load_entry(name), name)
    assert [name for name, cell in result.cells().items() if cell.state == "failed"] == [column]
    assert result.cells()[column] == Cell("failed", why)
    others = {cell.state for name, cell in result.cells().items() if name not in (column, "Checkpoints", "Deployed")}
    assert others == {"ok"}
    assert json.loads(json.dumps(result.as_json()))["cells"][column]["why"] == why


async def test_the_guides_curl_commands(stage: Any, load_entry: Any) -> None:
    stage.cls = load_entry("guide_researcher")
    status, answer = await stage.call(
        "POST",
        "/api/handshake",
        {
            "packet_id": "test-123",
            "execution_id": "exec-456",
            "stage_id": "stage-789",
            "input_ref": {"ref_id": "ref_test", "storage_type": "inline", "inline_data": {"query": "test"}},
        },
    )
    assert (status, answer["status"], answer["packet_id"]) == (200, "ready", "test-123")
    assert await stage.call("GET", "/api/progress/test-123") == (200, {"stage": "unknown", "progress": 0})
    status, answer = await stage.call(
        "POST",
        "/api/process",
        {
            "packet_id": "test-123",
            "execution_id": "exec-456",
            "input_ref": {"storage_type": "inline", "inline_data": {"query": "AI trends 2024"}},
            "parameters": {"depth": "comprehensive"},
        },
    )
    assert (status, answer["success"], answer["output_ref"]["storage_type"]) == (200, True, "reference")
    stored = json.loads(await stage.result_in_kv(answer["output_ref"]["ref_id"]))
    assert (stored["topic"], stored["depth"]) == ("AI trends 2024", "comprehensive")
    status, progress = await stage.call("GET", "/api/progress/test-123")
    assert (status, progress["stage"], progress["progress"]) == (200, "processing", 100)
    stage.clock.advance(3601)
    assert await stage.call("GET", "/api/progress/test-123") == (200, {"stage": "unknown", "progress": 0})
