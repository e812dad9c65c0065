"""The workers of this repository do nothing that fails on Cloudflare: read in their files, and seen while they run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.app.hosting import Hosting
from sandbox.runtime import exchange

ROOT = Path(__file__).parents[2]
WORKERS = sorted(path.parent.name for path in (ROOT / "workers").glob("*/wrangler.toml"))


@pytest.fixture
async def strict(start):
    """A sandbox over this repository in which what fails on Cloudflare fails."""
    return await start(root=ROOT, serve=False, hosting=Hosting(strict=True))


async def test_each_with_its_own_example(strict):
    for name in WORKERS:
        request = exchange.new_request(f"{strict.url_of(name)}/health")
        example = (await exchange.read_json(await strict.fetch(name, request)))["example_input"]
        execution = await strict.run(name, input=example)
        assert execution["state"] == "completed", execution["error"]
    assert strict.portability.findings == ()


async def test_all_in_the_pipeline_and_in_their_files(strict):
    await strict.portability.look()
    execution = await strict.run("topic_report", {"topic": "night trains"})
    assert execution["state"] == "completed", execution["error"]
    # Two stages read the same feeds at the same time, and a key takes one write a second: who comes second goes on unstored.
    assert {finding.row for finding in strict.portability.findings} <= {"put-rate"}
    fetched = json.loads(await strict.orchestrator.read_output(execution["execution_id"], "fetch"))
    assert not [row["reason"] for row in fetched["feed_summary"] if "KV" in row["reason"]]
    assert fetched["totals"]["not_modified"] == 10, "the research has stored them, with their validators"
