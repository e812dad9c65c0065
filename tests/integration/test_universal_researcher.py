"""The Universal Researcher over the sample newsroom: every way at once, where each find came from, and a model that may fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEWSROOM = "https://newsroom.test"
CONFIG = """
[[egress.routes]]
match = "https://newsroom.test/*"
folder = "{root}/workers/newsroom_sample/feeds"
[[egress.routes]]
match = "https://sites.test/*"
folder = "{sites}"
[[egress.routes]]
match = "https://api.openai.com/*"
worker = "mock_openai"
[pipelines.research]
description = "one stage"
[pipelines.research.parameters.topic]
type = "string"
default = "night trains"
[[pipelines.research.stages]]
name = "universal"
worker = "bitware_universal_researcher"
"""
MOCK = """
import json
from workers import Response, WorkerEntrypoint

ASKED = []

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        assert request.headers.get("authorization") == "Bearer canary-key"
        body = json.loads(await request.text())
        ASKED.append(body)
        print("asked", request.url, body["model"])
        await_after = {after!r}
        answers = {answers!r}
        status, answer = answers[min(len(ASKED), len(answers)) - 1]
        headers = {{"Content-Type": "application/json"}}
        if status == 429:
            headers["Retry-After"] = await_after
        return Response(answer, status=status, headers=headers)
"""


PAGE = """<!doctype html><head><base href="https://newsroom.test/here/">
<LINK REL="Alternate home" TYPE="application/rss+xml; charset=utf-8" HREF="../lumen.xml" TITLE=" The  Lumen ">
<link rel=alternate type=application/atom+xml href="javascript:alert(1)">
<link rel=alternate hreflang=de href="/de"><link rel=stylesheet type=application/rss+xml href="x.xml">"""
FINDER = """
import json
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = json.loads(await request.text())
        if request.url.endswith("/find"):
            assert asked["topic"] == "night trains" and asked["catalogue"] == "https://lists.test/mine.opml"
            return Response.json({"feeds": [{"url": "https://newsroom.test/lumen.xml", "title": "From the catalogue"}]})
        return Response.json({"feeds": [{"url": "https://newsroom.test/lumen.xml"}],
                              "unreachable": [{"site": "https://far.test/", "reason": "it answers 500"}]})
"""


def completion(content, tokens=120):
    return json.dumps({"choices": [{"message": {"content": content}}], "usage": {"total_tokens": tokens}})


GOOD = completion(json.dumps({"sub_topics": ["sleeper revival"], "keywords": ["couchette"]}))


@pytest.fixture
def bitware(tmp_path):
    """`bitware(key=..., finder=...)` copies the workers under test, and binds the key and the finder where they are given."""

    def copy(key=None, finder=None):
        (tmp_path / "sites").mkdir()
        (tmp_path / "sites" / "named.html").write_text(PAGE)
        (tmp_path / "sites" / "bare.html").write_text("<p>No feed is named here.")
        for name in ("bitware_universal_researcher", "bitware_feed_fetcher"):
            shutil.copytree(ROOT / "workers" / name, tmp_path / "workers" / name)
        wrangler = tmp_path / "workers/bitware_universal_researcher/wrangler.toml"
        bound = '[[services]]\nbinding = "SOURCE_FINDER"\nservice = "{}"\n'
        text, real = wrangler.read_text(), bound.format("bitware_rss_source_finder")
        assert real in text
        wrangler.write_text(text.replace(real, bound.format(finder) if finder else ""))
        if key:
            (tmp_path / "workers/bitware_universal_researcher/.dev.vars").write_text(f"OPENAI_API_KEY={key}\n")
        (tmp_path / "sandbox.toml").write_text(CONFIG.format(root=ROOT, sites=tmp_path / "sites"))

    return copy


async def research(start, **given):
    sandbox = await start(serve=False)
    execution = await sandbox.run("research", {"topic": "night trains"}, input=given)
    assert execution["state"] == "completed", execution["error"]
    return execution, json.loads(await sandbox.orchestrator.read_output(execution["execution_id"], "universal"))


async def test_ways_are_merged_and_each_find_says_where_it_came_from(bitware, worker, start):
    bitware()
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(
        start,
        topic="night trains",
        opml=[f"{NEWSROOM}/feeds.opml", f"{NEWSROOM}/none.opml", "<opml><body></body></opml>"],
        feeds=[f"{NEWSROOM}/nightline-rail.xml", f"{NEWSROOM}/gone.xml"],
        podcasts=["http://newsroom.test/nightline-rail.xml/"],
        sites=["https://harbour.test/"],
    )
    best = found["sources"][0]
    assert best["url"] == f"{NEWSROOM}/nightline-rail.xml"
    assert best["found_by"] == ["opml", "feeds", "podcasts"]
    assert 0 < best["matching"] <= best["items"]
    assert [row["quality_score"] for row in found["feeds"]] == sorted(
        (row["quality_score"] for row in found["feeds"]), reverse=True
    )
    assert all(article["found_by"] for article in found["articles"])
    missed = {row["what"]: (row["way"], row["reason"]) for row in found["unreachable"]}
    assert missed[f"{NEWSROOM}/none.opml"] == ("opml", "it answers 404")
    assert missed[f"{NEWSROOM}/gone.xml"][0] == "feeds" and "404" in missed[f"{NEWSROOM}/gone.xml"][1]
    assert missed["https://harbour.test/"][0] == "discovery"
    assert f"{NEWSROOM}/signal-box.xml" in missed
    assert [row["way"] for row in found["ways"]] == ["discovery", "opml", "feeds", "podcasts"]
    assert found["keywords"][:2] == ["night", "train"] and found["notes"] == []


async def test_the_model_adds_to_the_research_and_is_counted(bitware, worker, start):
    bitware(key="canary-key")
    worker("mock_openai", MOCK.format(after="0", answers=[(200, GOOD)]))
    execution, found = await research(start, query="night trains", feeds=f"{NEWSROOM}/nightline-rail.xml")
    assert found["sub_topics"] == ["sleeper revival"] and "couchette" in found["keywords"]
    assert found["notes"] == ["The model gpt-4o-mini took part."]
    (packet,) = execution["stages"][0]["packets"]
    told = json.dumps(packet)
    assert '"tokens_used": 120' in told, told
    assert "canary-key" not in json.dumps(execution) + json.dumps(found)


@pytest.mark.parametrize(
    ("after", "answers", "note"),
    [
        ("0", [(429, "{}"), (200, GOOD)], "The model gpt-4o-mini took part."),
        ("0", [(429, "{}")], "The model was left out: it answered 429."),
        ("3600", [(429, "{}"), (200, GOOD)], "The model was left out: it answered 429."),
        ("0", [(500, "oops")], "The model was left out: it answered 500."),
        ("0", [(200, "{not json")], "The model was left out: its answer is malformed."),
        ("0", [(200, '{"choices": []}')], "The model was left out: its answer is malformed."),
        ("0", [(200, completion("sure, here you go"))], "The model was left out: its answer is malformed."),
        (
            "0",
            [(200, completion('{"sub_topics": 7}'))],
            "The model was left out: its answer has no usable 'sub_topics'.",
        ),
    ],
)
async def test_a_model_that_fails_is_left_out_and_said(bitware, worker, start, after, answers, note):
    bitware(key="canary-key")
    worker("mock_openai", MOCK.format(after=after, answers=answers))
    _, found = await research(start, topic="night trains", feeds=f"{NEWSROOM}/nightline-rail.xml")
    assert found["notes"] == [note]
    assert found["sources"] and found["articles"]


async def test_sites_are_looked_through_where_no_finder_is_bound(bitware, worker, start):
    bitware()
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    sites = [
        "https://sites.test/named.html",
        "https://sites.test/bare.html",
        "https://newsroom.test/reef-watch.xml",
        "x y",
    ]
    _, found = await research(start, topic="night trains", sites=sites)
    assert {row["url"]: row["title"] for row in found["sources"]} == {
        f"{NEWSROOM}/lumen.xml": "The Lumen",
        f"{NEWSROOM}/reef-watch.xml": "Reef Watch",
    }
    assert {row["what"] for row in found["unreachable"]} == {"https://sites.test/bare.html", "x y"}
    assert "names no feed" in next(row["reason"] for row in found["unreachable"] if "bare" in row["what"])


async def test_a_bound_finder_is_asked_for_its_catalogue_and_for_sites(bitware, worker, start):
    bitware(finder="finder")
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    worker("finder", FINDER)
    sites = "https://far.test/ https://newsroom.test/"
    _, found = await research(start, topic="night trains", sites=sites, catalogue="https://lists.test/mine.opml")
    (source,) = found["sources"]
    assert source["found_by"] == ["catalogue", "discovery"] and source["title"] == "From the catalogue"
    assert found["unreachable"] == [{"what": "https://far.test/", "way": "discovery", "reason": "it answers 500"}]
