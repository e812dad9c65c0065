"""The Universal Researcher's parts: lists, merging, words, and a model that is slow or cannot be reached."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from sandbox.handshake.schema import ProtocolError


def test_a_feed_by_several_ways_is_one_feed(universal):
    Found = universal.ways.Found
    merged = universal.merging.merge_feeds(
        [
            Found("catalogue", 1, [{"url": "https://www.a.test/feed/", "title": "A"}]),
            Found("opml", 1, [{"url": "http://A.test/feed", "title": "Another", "language": "de"}]),
            Found("feeds", 1, [{"url": "https://a.test/feed?x=1"}]),
        ]
    )
    assert [(row["url"], row["title"], row["language"], row["found_by"]) for row in merged] == [
        ("https://www.a.test/feed/", "A", "de", ["catalogue", "opml"]),
        ("https://a.test/feed?x=1", "", "", ["feeds"]),
    ]


@pytest.mark.parametrize(
    ("topic", "text", "about"),
    [
        ("cats", "The cat sleeps", True),
        ("cats", "A category of its own", False),
        ("art", "Start a party", False),
        ("the café", "In cafes of the town", True),
        ("night trains", "A night train", True),
        ("night trains", "Trains by day", False),
    ],
)
def test_words_are_whole_words(universal, topic, text, about):
    feed = {"url": "https://a.test/f", "title": "", "found_by": ["feeds"]}
    fetched = {
        "articles": [{"feed_url": "https://a.test/f", "title": text, "content": ""}],
        "feed_summary": [{"feed_url": "https://a.test/f", "title": "F", "status": "fetched"}],
    }
    (judged,) = universal.merging.judge([feed], fetched, topic)
    assert (judged["matching"], judged["quality_score"] > 0) == (int(about), about)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<rss/>",
        "<opml>",
        '<!DOCTYPE opml [<!ENTITY a "b">]><opml/>',
        "<opml>" + "<outline>" * 60 + "</outline>" * 60 + "</opml>",
    ],
)
def test_what_is_no_opml_is_refused(universal, text):
    with pytest.raises(universal.opml.Refused):
        universal.opml.read_opml(text)


def test_input_that_does_not_fit_is_named_by_its_path(universal):
    with pytest.raises(ProtocolError, match="topic"):
        universal.schemas.Input(topic=" ")
    with pytest.raises(ProtocolError, match=r"feeds\[1\]"):
        universal.schemas.listed(["https://a.test", {"title": "no address"}], "feeds")


async def test_a_slow_model_and_one_out_of_reach_are_left_out_once(universal, monkeypatch):
    monkeypatch.setattr(universal.model, "TIMEOUT_S", 0.01)
    counted, asked = [], []

    async def slow(*_, **__):
        asked.append("slow")
        await asyncio.Event().wait()

    async def unreachable(*_, **__):
        asked.append("unreachable")
        raise ConnectionError("refused")

    env = SimpleNamespace(OPENAI_API_KEY="canary-key")
    assert universal.model.Model.bound(SimpleNamespace(), slow, counted.append) is None
    for fetch, reason in ((slow, "no answer within 0.01 s"), (unreachable, "it could not be reached")):
        model = universal.model.Model.bound(env, fetch, lambda **used: counted.append(used))
        assert await model.ask("s", "u", {}) is None and await model.ask("s", "u", {}) is None
        assert model.notes == [f"The model was left out: {reason}."]
    assert asked == ["slow", "unreachable"] and counted == [{"openai": 1}] * 2
