"""The whole feed_report pipeline over 22 real feeds: everything is read, and a second run transfers nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox

ROOT = Path(__file__).parents[2]
FEEDS = ROOT.parent / "shared" / "feeds"
MARKS = json.loads((ROOT / "tests/fixtures/relevance/real_feeds.json").read_text(encoding="utf-8"))
CONFIG = """
[sandbox]
include = ["{root}/workers/*"]
[[egress.routes]]
match = "https://feeds.test/*"
folder = "{feeds}/xml"
"""

pytestmark = pytest.mark.skipif(not FEEDS.is_dir(), reason="the real feeds (../shared/feeds) are not here")


@pytest.fixture
async def sandbox(tmp_path):
    pipelines = (ROOT / "sandbox.toml").read_text(encoding="utf-8").partition("[pipelines.")
    text = CONFIG.format(root=ROOT, feeds=FEEDS) + pipelines[1] + pipelines[2]
    (tmp_path / "sandbox.toml").write_text(text, encoding="utf-8")
    loaded = load_sandbox(tmp_path, overrides={"state": str(tmp_path / "state")})
    async with Sandbox(loaded, serve=False, watch=False) as running:
        yield running


async def outputs(sandbox, topic):
    opml = (FEEDS / "feeds.opml").read_text(encoding="utf-8")
    execution = await sandbox.run("feed_report", {"topic": topic, "opml": opml})
    assert execution["state"] == "completed", execution["error"]
    names = [stage["name"] for stage in execution["stages"]]
    return {name: json.loads(await sandbox.orchestrator.read_output(execution["execution_id"], name)) for name in names}


async def test_two_runs_over_22_real_feeds(sandbox):
    outbound = []
    sandbox.events.subscribe(lambda event: outbound.append(event.fields), "outbound")

    first = await outputs(sandbox, "large language model evaluation")
    assert len(first["fetch"]["feed_summary"]) == 22
    assert first["fetch"]["totals"]["items_read"] == 2005
    assert [call["status"] for call in outbound if "feeds.test" in call["url"]] == [200] * 22

    outbound.clear()
    second = await outputs(sandbox, "data pipelines")
    feeds = [call for call in outbound if "feeds.test" in call["url"]]
    assert [call["status"] for call in feeds] == [304] * 22
    assert sum(call["bytes"] for call in feeds) == 0
    assert second["fetch"]["totals"]["items_read"] == 2005
    assert second["fetch"]["articles"] == first["fetch"]["articles"]

    for output, topic in ((first, "large language model evaluation"), (second, "data pipelines")):
        assert precision(output, topic) >= 0.9
        report = output["report"]
        assert report["articles"] and report["html"].startswith("<!doctype html>")
        assert {article["id"] for article in report["articles"]} >= {
            identity for sentence in report["executive_summary_sentences"] for identity in sentence["articles"]
        }


def precision(output, topic, most=10):
    """The share of marked articles among the ten most relevant, by title (feeds have no title twice there)."""
    relevant = {mark["title"] for mark in MARKS["topics"][topic]["relevant"]}
    titles = {article["article_url"]: article["title"] for article in output["fetch"]["articles"]}
    ranked = sorted(output["classify"]["analysis_results"], key=lambda row: -row["relevance_score"])[:most]
    return sum(titles[row["article_url"]].strip() in relevant for row in ranked) / most
