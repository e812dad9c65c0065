"""The Topic Researcher over the sample newsroom: what it finds, what it says when others fail, and a model that may fail."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEWSROOM = "https://newsroom.test"
LIST = f"{NEWSROOM}/feeds.opml"
CONFIG = """
[[egress.routes]]
match = "https://newsroom.test/*"
folder = "{root}/workers/newsroom_sample/feeds"
[[egress.routes]]
match = "https://api.openai.com/*"
worker = "mock_openai"
"""
FINDER = """
import json
from workers import Response, WorkerEntrypoint

FEEDS = {feeds!r}

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        assert request.url.endswith("/find")
        asked = json.loads(await request.text())
        print("asked", json.dumps(asked))
        if FEEDS is None:
            return Response.json({{"error": {{"code": "unreachable", "message": "the list answers 404"}}}}, status=400)
        again = "track charges" in asked.get("keywords", [])
        feeds = FEEDS["keywords"] if again else FEEDS["topic"]
        return Response.json({{"topic": asked["topic"], "feeds": feeds, "searched": 9, "notes": ["from the finder"]}})
"""
MOCK = """
import json
from workers import Response, WorkerEntrypoint

ASKED = []

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        assert request.headers.get("authorization") == "Bearer canary-key"
        ASKED.append(json.loads(await request.text()))
        answers = {answers!r}
        status, answer = answers[min(len(ASKED), len(answers)) - 1]
        headers = {{"Content-Type": "application/json"}}
        if status == 429:
            headers["Retry-After"] = {after!r}
        return Response(answer, status=status, headers=headers)
"""
RAIL = {
    "url": f"{NEWSROOM}/nightline-rail.xml",
    "title": "Nightline Rail",
    "description": "Railways after dark and by day",
    "topics": ["transport", "railways"],
    "language": "en",
    "score": 0.4,
    "parts": {"title": 0.4},
}
LUMEN = {"url": f"{NEWSROOM}/lumen.xml", "title": "Le Quotidien Lumen", "topics": ["news"], "language": "fr"}


def completion(content, tokens=120):
    return json.dumps({"choices": [{"message": {"content": content}}], "usage": {"total_tokens": tokens}})


GOOD = completion(
    json.dumps(
        {
            "sub_topics": ["sleeper revival", 7],
            "keywords": ["couchette", "Nachtzug", "ferry timetable"],
            "questions": ["Who builds the carriages?"],
        }
    )
)


@pytest.fixture
def bitware(tmp_path, worker):
    """`bitware(finder=..., key=...)` copies the worker under test and what it is bound to."""

    def copy(finder=None, *, key=None, without=()):
        for name in ("bitware_topic_researcher", "bitware_feed_fetcher"):
            if name not in without:
                shutil.copytree(ROOT / "workers" / name, tmp_path / "workers" / name)
        if finder == "real":
            name = "bitware_rss_source_finder"
            shutil.copytree(ROOT / "workers" / name, tmp_path / "workers" / name)
        elif "finder" not in without:
            worker("bitware_rss_source_finder", FINDER.format(feeds=finder))
        if key:
            (tmp_path / "workers/bitware_topic_researcher/.dev.vars").write_text(f"OPENAI_API_KEY={key}\n")
        (tmp_path / "sandbox.toml").write_text(CONFIG.format(root=ROOT))

    return copy


async def run(start, **given):
    sandbox = await start(serve=False)
    execution = await sandbox.run("bitware_topic_researcher", input=given)
    return sandbox, execution


async def research(start, **given):
    sandbox, execution = await run(start, **given)
    assert execution["state"] == "completed", execution["error"]
    name = "bitware_topic_researcher"
    return execution, json.loads(await sandbox.orchestrator.read_output(execution["execution_id"], name))


async def test_sub_topics_keywords_questions_and_ranked_sources(bitware, worker, start):
    bitware({"topic": [LUMEN, RAIL], "keywords": []})
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, topic="night trains", opml=LIST, depth="comprehensive")
    best = found["sources"][0]
    assert best["url"] == RAIL["url"] and best["found_by"] == ["catalogue", "opml"]
    assert best["score"] == pytest.approx(sum(best["parts"].values())) and best["parts"]["articles"] > 0
    assert best["matched"] == ["night", "trains"] and 5 <= best["matching"] < best["items"]
    scores = [row["score"] for row in found["feeds"]]
    assert scores == sorted(scores, reverse=True) and found["feeds"] == found["sources"]
    names = [name.lower() for row in found["sub_topics"] for name in (row["name"], *row["keywords"])]
    assert "sleeping cars" in names and "track charges" in names
    assert all(row["articles"] >= 2 and row["examples"] for row in found["sub_topics"])
    assert found["keywords"][0] == "night trains"
    assert "Where does the money for night trains come from, and who benefits?" in found["questions"]
    # A swimmer's heat and a museum's night are no night trains; a tren nocturno is one.
    assert found["totals"]["about"] <= 16 and found["totals"]["articles"] == 145
    assert {"Diario del Puerto", "Le Quotidien Lumen"} <= {row["title"] for row in found["sources"]}
    assert {row["what"] for row in found["unreachable"]} == {
        f"{NEWSROOM}/coast-gazette.xml",
        f"{NEWSROOM}/signal-box.xml",
    }
    said, silent = found["notes"]
    assert said == "from the finder" and silent.endswith("sources that were read had nothing about the topic.")


async def test_the_real_finder_and_its_catalogue(bitware, worker, start):
    bitware("real")
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, query="comboios noturnos", catalogue=LIST)
    assert found["totals"]["catalogue"] == 12 and found["totals"]["read"] == 10
    best = found["sources"][0]
    assert best["title"] == "Nightline Rail" and best["found_by"] == ["catalogue"]
    assert best["score"] == pytest.approx(sum(best["parts"].values()))
    assert any(row["title"] == "Folha da Ria" and row["matching"] >= 2 for row in found["sources"])
    assert found["research"]["language"] == "pt" and found["questions"][0].startswith("De onde vem")


async def test_what_the_topic_is_called_otherwise_is_asked_of_the_catalogue(bitware, worker, start):
    bitware("real")
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, topic="Künstliche Intelligenz in der Medizin", depth="quick")
    labels = {label for row in found["sources"][:10] for label in row["topics"]}
    assert {"artificial intelligence", "medicine"} <= labels
    assert {row["language"] for row in found["sources"]} >= {"de", "en"}


async def test_the_catalogue_is_asked_again_with_what_was_found(bitware, worker, start):
    bitware({"topic": [RAIL], "keywords": [RAIL, LUMEN]})
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, topic="night trains", depth="comprehensive")
    assert {row["url"]: row["found_by"] for row in found["sources"]} == {
        RAIL["url"]: ["catalogue"],
        LUMEN["url"]: ["keywords"],
    }
    assert found["totals"]["read"] == 2


async def test_a_finder_that_fails_is_a_note_and_the_list_is_used(bitware, worker, start):
    bitware(None)
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, topic="night trains", opml=LIST, depth="quick", limit="5")
    assert found["notes"] == [
        "The catalogue was left out: bitware_rss_source_finder: it answers 400: the list answers 404."
    ]
    assert len(found["sources"]) == 5 and found["totals"]["candidates"] == 12 and found["totals"]["read"] == 0
    assert all(row["items"] is None and "articles" not in row["parts"] for row in found["sources"])


async def test_neither_finder_nor_fetcher(bitware, worker, start):
    bitware(without=("finder", "bitware_feed_fetcher"))
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, topic="Railways after dark", opml=LIST)
    assert found["sources"][0]["title"] == "Nightline Rail"
    finder, fetcher = found["notes"]
    assert "bitware_rss_source_finder" in finder and "bitware_feed_fetcher" in fetcher


@pytest.mark.parametrize("given", [{}, {"opml": f"{NEWSROOM}/none.opml"}, {"opml": "<opml><body/></opml>"}])
async def test_nothing_at_all_is_said_in_words(bitware, worker, start, given):
    bitware(None)
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, execution = await run(start, topic="night trains", **given)
    assert execution["state"] == "failed"
    assert "no candidate source was found" in json.dumps(execution["error"])
    assert "the list answers 404" in json.dumps(execution["error"])


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"topic": " "}, "topic: missing"),
        ({"query": "-crypto"}, "query: it names nothing to look for"),
        ({"topic": "x y", "depth": "deep"}, "depth: expected quick, standard or comprehensive"),
        ({"topic": "x y", "limit": 0}, "limit: expected a number from 1 to 200"),
        ({"topic": "x y", "languages": [7]}, "languages: expected an array of strings"),
    ],
)
async def test_input_that_does_not_fit(bitware, worker, start, given, path):
    bitware({"topic": [RAIL], "keywords": []})
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, execution = await run(start, **given)
    assert execution["state"] == "failed" and path in json.dumps(execution["error"])


async def test_languages_leave_other_sources_out(bitware, worker, start):
    bitware({"topic": [RAIL, LUMEN], "keywords": []})
    worker("mock_openai", MOCK.format(after="0", answers=[]))
    _, found = await research(start, topic="trains de nuit", languages="fr", depth="standard")
    assert [row["url"] for row in found["sources"]] == [LUMEN["url"]]
    assert found["sources"][0]["matching"] >= 1
    assert "1 sources in other languages than fr were left out." in found["notes"]


async def test_the_model_adds_to_the_research_and_is_counted(bitware, worker, start):
    bitware({"topic": [RAIL], "keywords": []}, key="canary-key")
    worker("mock_openai", MOCK.format(after="0", answers=[(200, GOOD)]))
    execution, found = await research(start, query="night trains -ferry")
    assert found["sub_topics"][-1]["name"] == "sleeper revival"
    assert {"couchette", "Nachtzug"} <= {word.lower() if word == "couchette" else word for word in found["keywords"]}
    assert "ferry timetable" not in found["keywords"], "the model is held to what the topic leaves out"
    assert found["questions"][0] == "Who builds the carriages?"
    assert found["notes"][-1] == "The model gpt-4o-mini took part."
    (packet,) = execution["stages"][0]["packets"]
    assert packet["metrics"]["tokens_used"] == 120 and packet["metrics"]["api_calls_made"] == 1
    assert "canary-key" not in json.dumps(execution) + json.dumps(found)


@pytest.mark.parametrize(
    ("after", "answers", "note"),
    [
        ("0", [(429, "{}"), (200, GOOD)], "The model gpt-4o-mini took part."),
        ("0", [(429, "{}")], "The model was left out: it answered 429."),
        ("0", [(500, "oops")], "The model was left out: it answered 500."),
        ("0", [(200, "{not json")], "The model was left out: its answer is malformed."),
        ("0", [(200, completion("sure, here you go"))], "The model was left out: its answer is malformed."),
        (
            "0",
            [(200, completion('{"sub_topics": 7}'))],
            "The model was left out: its answer has no usable 'sub_topics'.",
        ),
    ],
)
async def test_a_model_that_fails_is_left_out_and_said(bitware, worker, start, after, answers, note):
    bitware({"topic": [RAIL], "keywords": []}, key="canary-key")
    worker("mock_openai", MOCK.format(after=after, answers=answers))
    _, found = await research(start, topic="night trains")
    assert found["notes"][-1] == note
    assert found["sub_topics"] and found["keywords"] and found["questions"]
