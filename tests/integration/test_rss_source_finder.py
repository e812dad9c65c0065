"""The Source Finder as others meet it: over HTTP, and as a stage of a pipeline."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sandbox.runtime.exchange import new_request, read_json

ROOT = Path(__file__).parents[2]
NAME = "bitware_rss_source_finder"
NEWSROOM = "https://newsroom.test"
LIST = f"{NEWSROOM}/feeds.opml"
CONFIG = """
[[egress.routes]]
match = "https://newsroom.test/*"
folder = "{root}/workers/newsroom_sample/feeds"
[[egress.routes]]
match = "https://sites.test/*"
folder = "{sites}"
"""
LINKS = """<!doctype html><head><base href="https://newsroom.test/here/">
<!-- <link rel="alternate" type="application/rss+xml" href="https://newsroom.test/comment.xml"> -->
<LINK REL="Alternate home" TYPE="application/rss+xml; charset=utf-8" HREF="../lumen.xml" TITLE=" The  Lumen ">
<link rel=alternate type=application/atom+xml href="javascript:alert(1)">
<link rel=alternate hreflang=de href="/de"><link rel=stylesheet type=application/rss+xml href="x.xml">"""
FEED = "<?xml version='1.0'?><rss version='2.0'><channel><title>Night &amp;amp; Rail</title></channel></rss>"


@pytest.fixture
async def ask(tmp_path, start, request):
    """`await ask("POST", "/find", topic=...)` is (status, answer) of the worker in a sandbox of its own."""
    sites = tmp_path / "sites"
    sites.mkdir()
    (sites / "links.html").write_text(LINKS)
    (sites / "bare.html").write_text("<p>No feed is named here.")
    (sites / "rss.xml").write_text(FEED)
    for name in (NAME, *getattr(request, "param", ())):
        shutil.copytree(ROOT / "workers" / name, tmp_path / "workers" / name)
    (tmp_path / "sandbox.toml").write_text(CONFIG.format(root=ROOT, sites=sites))
    sandbox = await start(serve=False)

    async def ask(method, path, text=None, **body):
        said = text if text is not None else json.dumps(body) if method == "POST" else None
        asked = new_request(f"http://finder.test{path}", method=method, body=said)
        response = await sandbox.fetch(NAME, asked)
        return response.status, await read_json(response)

    ask.sandbox = sandbox
    return ask


async def test_find_says_why_each_feed_is_there(ask):
    status, found = await ask("POST", "/find", topic="machine learning", limit=12)
    assert status == 200 and found["topic"] == "machine learning"
    assert len(found["feeds"]) == 12 and found["searched"] >= 700
    for row in found["feeds"]:
        assert "machine learning" in row["topics"], row
        assert row["score"] == pytest.approx(sum(row["parts"].values()), abs=1e-3)
        assert row["matched"] and row["topic"] == row["topics"][0] and row["list"] and row["language"] == "en"
    scores = [row["score"] for row in found["feeds"]]
    assert scores == sorted(scores, reverse=True) and 0 < scores[-1] <= scores[0] <= 1


async def test_an_opml_list_stands_in_for_the_catalogue(ask):
    status, found = await ask("POST", "/find", topic="railways", catalogue=LIST)
    assert status == 200 and found["searched"] == 12 == len(found["feeds"])
    assert {row["url"] for row in found["feeds"][:2]} == {
        f"{NEWSROOM}/nightline-rail.xml",
        f"{NEWSROOM}/signal-box.xml",
    }
    assert {row["list"] for row in found["feeds"]} == {LIST}
    status, refused = await ask("POST", "/find", topic="railways", catalogue=f"{NEWSROOM}/none.opml")
    assert status == 502 and refused["error"]["code"] == "catalogue_unreachable"
    assert "404" in refused["error"]["message"] and "none.opml" in refused["error"]["message"]


async def test_feeds_of_sites_and_what_could_not_be_reached(ask):
    sites = ["https://sites.test/links.html", f"{NEWSROOM}/lumen.xml", "sites.test/bare.html", "https://far.test", "?"]
    status, found = await ask("POST", "/discover", sites=sites)
    assert status == 200
    assert [(row["url"], row["way"]) for row in found["feeds"]] == [
        (f"{NEWSROOM}/lumen.xml", "link"),
        ("https://sites.test/rss.xml", "path"),
    ]
    assert [row["title"] for row in found["feeds"]] == ["The Lumen", "Night & Rail"]
    missed = {row["what"]: row["reason"] for row in found["unreachable"]}
    assert set(missed) == {"https://far.test", "?"}
    assert "could not be reached" in missed["https://far.test"] and "no http(s) address" in missed["?"]


async def test_feeds_are_added_disabled_and_enabled(ask):
    mine = {
        "url": "https://Trams.test:443/feed.xml#top",
        "title": "Tram Times",
        "topics": ["trams"],
        "language": "de-AT",
    }
    status, added = await ask("POST", "/feeds", feeds=[mine, "https://second.test/rss", {"title": "no address"}, 7])
    assert status == 200 and (added["added"], added["known"]) == (2, 0)
    assert [row["reason"] for row in added["refused"]] == [
        "it has no `url`",
        "it is neither an address nor an object with `url`",
    ]
    _, again = await ask("POST", "/feeds", feeds=["http://www.trams.test/feed.xml/"])
    assert (again["added"], again["known"]) == (0, 1)

    async def best():
        return (await ask("POST", "/find", topic="trams"))[1]["feeds"][0]

    row = await best()
    assert row["url"] == "https://trams.test/feed.xml" and (row["list"], row["language"]) == ("added by you", "de")
    status, off = await ask("POST", "/feeds/disable", url="trams.test/feed.xml")
    assert status == 200 and off["disabled"] and off["known"]
    assert (await best())["url"] != row["url"]
    _, listed = await ask("GET", "/feeds?topic=trams&language=de")
    assert [(one["url"], one["disabled"]) for one in listed["feeds"]] == [(row["url"], True)]
    assert (await ask("POST", "/feeds/enable", url=row["url"]))[1]["was_disabled"]
    assert (await best())["url"] == row["url"]


async def test_an_opml_list_is_imported(ask):
    status, done = await ask("POST", "/import", opml=LIST)
    assert status == 200 and (done["added"], done["known"], done["refused"]) == (12, 0, [])
    assert (await ask("POST", "/import", opml=LIST))[1]["known"] == 12
    _, found = await ask("POST", "/find", topic="signal box")
    assert (found["feeds"][0]["title"], found["feeds"][0]["list"]) == ("Signal Box", "added by you")


WRONG = [
    ("/find", {}, "`topic` is missing"),
    ("/find", {"topic": "x", "limit": 0}, "`limit` has to be a whole number"),
    ("/find", {"topic": "x", "languages": ["Klingon?"]}, "is no language"),
    ("/find", {"topic": "x", "keywords": [3]}, "`keywords` has to be a list of texts"),
    ("/find", {"topic": "x", "catalogue": 3}, "`catalogue` has to be the address"),
    ("/discover", {"sites": []}, "`sites` is empty"),
    ("/discover", {"sites": [5]}, "no address: 5"),
    ("/feeds", {"feeds": {}}, "`feeds` has to be a list"),
    ("/feeds/disable", {"url": 3}, "`url` has to be"),
    ("/feeds/enable", {"url": "mailto:x@y"}, "`url` has to be"),
    ("/import", {"opml": "<rss/>"}, "the document's element is <rss>"),
    ("/import", {"opml": "<opml><body>"}, "not well-formed"),
    ("/import", {"opml": "<!DOCTYPE x><opml/>"}, "document type"),
    ("/import", {"opml": "ftp://lists.test/x"}, "no http(s) address"),
]


async def test_what_does_not_fit_is_said_in_words(ask):
    for path, body, words in WRONG:
        status, answer = await ask("POST", path, **body)
        assert status == 400 and words in answer["error"]["message"], (path, body, answer)


async def test_what_is_no_json_and_what_is_no_route(ask):
    status, answer = await ask("POST", "/find", text="{topic")
    assert (status, answer["error"]["code"]) == (400, "bad_json")
    status, answer = await ask("POST", "/find", text="[]")
    assert status == 400 and "JSON object" in answer["error"]["message"]
    status, answer = await ask("GET", "/find")
    assert (status, answer["error"]["code"]) == (405, "method_not_allowed")
    status, answer = await ask("GET", "/feeds?limit=many")
    assert status == 400 and "`limit`" in answer["error"]["message"]


async def test_a_stage_merges_everything_it_is_given(ask):
    given = {
        "query": "night trains",
        "catalogue": LIST,
        "sites": ["https://sites.test/links.html", "https://far.test"],
        "opml": "<opml><body><outline text='Trams' xmlUrl='https://trams.test/x'/><outline xmlUrl='nowhere'/></body></opml>",
        "more_feeds": [f"{NEWSROOM}/lumen.xml"],
        "feeds": {
            "research": [{"url": f"{NEWSROOM}/nightline-rail.xml", "quality_score": 0.9, "found_by": ["catalogue"]}],
            "universal": [f"{NEWSROOM}/nightline-rail.xml", {"title": "no address"}],
            "read": [{"url": "https://sleepers.test/feed", "title": "Sleepers", "score": 0.6, "items": 12}],
        },
        "limit": 9,
    }
    execution = await ask.sandbox.run(NAME, input=given)
    assert execution["state"] == "completed", execution["error"]
    found = json.loads(await ask.sandbox.orchestrator.read_output(execution["execution_id"], NAME))
    assert found["topic"] == "night trains" and found["sources"] == found["feeds"] and len(found["feeds"]) == 9
    best = found["feeds"][0]
    assert best["url"] == f"{NEWSROOM}/nightline-rail.xml" and best["found_by"] == ["catalogue", "universal"]
    assert best["parts"]["evidence"] == pytest.approx(0.45)
    assert best["score"] == pytest.approx(sum(best["parts"].values()), abs=1e-3)
    (read,) = [row for row in found["feeds"] if row["url"] == "https://sleepers.test/feed"]
    assert (read["found_by"], read["parts"]) == (["read"], {"evidence": 0.3})
    missed = {(row["way"], row["what"]) for row in found["unreachable"]}
    assert {("discovery", "https://far.test"), ("opml", "nowhere")} <= missed and len(missed) == 3
    assert found["totals"]["offered"] == 4 and found["totals"]["feeds"] == 9


async def test_a_stage_says_what_it_cannot_use(ask):
    for given, words in [
        ({}, "topic"),
        ({"topic": "x", "limit": 0}, "`limit` has to be a whole number"),
        ({"topic": "x", "languages": "Klingon?"}, "is no language"),
        ({"topic": "x", "opml": [{"url": "https://lists.test"}]}, "`opml` has to be addresses"),
        ({"topic": "x", "sites": ["a.test"] * 51}, "50 is the limit"),
        ({"topic": "x", "feeds": 3}, "feeds"),
        ({"topic": "nothing at all", "catalogue": f"{NEWSROOM}/none.opml"}, "it answers 404"),
    ]:
        execution = await ask.sandbox.run(NAME, input=given)
        assert execution["state"] == "failed" and words in json.dumps(execution["error"]), (given, execution["error"])


@pytest.mark.parametrize("ask", [("bitware_topic_researcher", "bitware_feed_fetcher")], indirect=True)
async def test_the_topic_researcher_asks_it_over_its_service_binding(ask):
    researcher = "bitware_topic_researcher"
    execution = await ask.sandbox.run(researcher, input={"topic": "night trains", "catalogue": LIST})
    assert execution["state"] == "completed", execution["error"]
    found = json.loads(await ask.sandbox.orchestrator.read_output(execution["execution_id"], researcher))
    assert found["sources"][0]["url"] == f"{NEWSROOM}/nightline-rail.xml"
    assert found["sources"][0]["found_by"] == ["catalogue"] and found["sources"][0]["matching"] >= 5
    await ask("POST", "/feeds/disable", url=f"{NEWSROOM}/nightline-rail.xml")
    execution = await ask.sandbox.run(researcher, input={"topic": "night trains", "catalogue": LIST})
    found = json.loads(await ask.sandbox.orchestrator.read_output(execution["execution_id"], researcher))
    assert f"{NEWSROOM}/nightline-rail.xml" not in [row["url"] for row in found["sources"]]


async def test_a_list_that_does_not_answer_is_read_from_its_copy(ask, tmp_path):
    site = tmp_path / "sites"
    (site / "list.opml").write_text(
        f"<opml><body><outline title='Rails' xmlUrl='{NEWSROOM}/signal-box.xml'/></body></opml>"
    )
    address = "https://sites.test/list.opml"
    _, found = await ask("POST", "/find", topic="rails", catalogue=address)
    assert [row["title"] for row in found["feeds"]] == ["Rails"]
    ask.sandbox.faults.add(kind="drop", at="outbound")
    _, again = await ask("POST", "/find", topic="rails", catalogue=address)
    assert [row["title"] for row in again["feeds"]] == ["Rails"]
    assert "the copy of it kept here is used" in again["notes"][0]


async def test_a_list_whose_copy_kv_does_not_take_is_read_all_the_same(ask):
    ask.sandbox.faults.add(kind="kv_429", at="kv.put")
    status, found = await ask("POST", "/find", topic="rails", catalogue=LIST)
    assert status == 200 and found["searched"] >= 10
