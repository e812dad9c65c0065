"""`topic_report` with a model bound to every worker that can use one, and with one that answers rubbish."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKERS = {
    "bitware_topic_researcher": "research",
    "bitware_universal_researcher": "universal",
    "bitware_content_classifier": "classifier",
    "bitware_report_builder": "report",
}
MOCK = """
import json
from workers import Response, WorkerEntrypoint

GOOD = {good!r}

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = json.loads(await request.text())["messages"]
        assert request.headers.get("authorization") == "Bearer canary-key"
        system = asked[0]["content"]
        if not GOOD:
            answer = "As a language model"
        elif "sentences" in system:
            assert "[1] " in asked[1]["content"]
            answer = json.dumps({{"sentences": [
                {{"text": "Sleepers <b>return</b>.", "articles": [1, 2]}},
                {{"text": "Nobody said this.", "articles": []}},
                {{"text": "Nor this.", "articles": [999]}},
            ]}})
        else:
            answer = json.dumps({{"sub_topics": ["fares"], "keywords": ["couchette", 7]}})
        return Response.json({{"choices": [{{"message": {{"content": answer}}}}], "usage": {{"total_tokens": 50}}}})
"""
ROUTES = """
[[egress.routes]]
match = "https://newsroom.test/*"
folder = "{root}/workers/newsroom_sample/feeds"
[[egress.routes]]
match = "https://models.test/*"
worker = "mock_openai"
"""


async def report(tmp_path, worker, start, good):
    for name in (*WORKERS, "bitware_rss_source_finder", "bitware_feed_fetcher"):
        shutil.copytree(ROOT / "workers" / name, tmp_path / "workers" / name)
        variables = "OPENAI_API_KEY=canary-key\nOPENAI_BASE_URL=https://models.test/v1/\nOPENAI_MODEL=small\n"
        (tmp_path / "workers" / name / ".dev.vars").write_text(variables)
    worker("mock_openai", MOCK.format(good=good))
    pipelines = (ROOT / "sandbox.toml").read_text(encoding="utf-8").partition("[pipelines.topic_report]")
    (tmp_path / "sandbox.toml").write_text(ROUTES.format(root=ROOT) + pipelines[1] + pipelines[2])
    sandbox = await start(serve=False)
    execution = await sandbox.run("topic_report", {"topic": "night trains"})
    assert execution["state"] == "completed", execution["error"]
    output = {
        stage["name"]: json.loads(await sandbox.orchestrator.read_output(execution["execution_id"], stage["name"]))
        for stage in execution["stages"]
    }
    assert "canary-key" not in json.dumps(execution) + json.dumps(output)
    return execution, output


async def test_a_model_takes_part_and_is_counted(tmp_path, worker, start):
    execution, output = await report(tmp_path, worker, start, good=True)
    assert "couchette" in output["universal"]["keywords"] and "couchette" in output["research"]["keywords"]
    assert output["classify"]["totals"]["notes"] == ["The model small took part."]
    made = output["report"]
    (sentence,) = made["executive_summary_sentences"]
    assert sentence == {"text": "Sleepers <b>return</b>.", "articles": [row["id"] for row in made["articles"][:2]]}
    assert "<b>return" not in made["html"] and "The model small took part." in made["html"]
    tokens = {stage["name"]: stage["packets"][0]["metrics"]["tokens_used"] for stage in execution["stages"]}
    assert tokens == {stage: 50 if stage in WORKERS.values() or stage == "classify" else 0 for stage in tokens}


async def test_rubbish_changes_nothing_but_the_notes(tmp_path, worker, start):
    _, output = await report(tmp_path, worker, start, good=False)
    left_out = "The model was left out: its answer is malformed."
    assert output["universal"]["notes"] == output["classify"]["totals"]["notes"] == [left_out]
    assert left_out in output["report"]["notes"] and len(output["report"]["executive_summary_sentences"]) > 1


@pytest.mark.parametrize("name", ["digests", "stock", "concepts"])
def test_what_two_folders_share_is_the_same(name):
    texts = {path.read_text(encoding="utf-8") for path in (ROOT / "workers").glob(f"*/src/*/{name}.py")}
    assert len(texts) == 1


@pytest.mark.parametrize("own", sorted((ROOT / "workers").glob("*/src/*/model.py")), ids=lambda path: path.parent.name)
def test_each_folder_has_the_same_module(own):
    first = ROOT / "workers/bitware_universal_researcher/src/universal/model.py"
    assert own.read_text(encoding="utf-8") == first.read_text(encoding="utf-8")
