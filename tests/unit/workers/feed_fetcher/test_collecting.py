import asyncio
import json

import pytest

from sandbox.handshake.schema import Schema


@pytest.fixture
def collect(fetcher, origin, kv):
    """Runs a batch over `origin` and `kv`; keeps what was reported and checkpointed."""

    class Run:
        progress: list = []
        checkpoints: list = []

        async def __call__(self, feeds, *, run="run-1", done=None, **options):
            self.progress, self.checkpoints = [], []

            async def progress(percent, message):
                self.progress.append(percent)

            async def checkpoint(state):
                await asyncio.sleep(0)
                self.checkpoints.append(json.loads(json.dumps(state)))

            self.collector = fetcher.collecting.Collector(
                origin,
                fetcher.store.FeedStore(kv),
                run=run,
                done=dict(done or {}),
                **{"progress": progress, "checkpoint": checkpoint, **options},
            )
            return await self.collector.collect([fetcher.schemas.FeedRef(feed) for feed in feeds])

    return Run()


def counts(output, *names):
    return tuple(output["totals"][name] for name in names)


@pytest.fixture
def pages(origin, newsroom):
    documents = newsroom.documents()
    origin.pages = {f"{newsroom.SITE}/{path[6:]}": data for path, data in documents.items() if path.endswith(".xml")}
    return [*origin.pages, f"{newsroom.SITE}/coast-gazette.xml"]


async def test_the_newsroom_with_its_planted_faults(fetcher, collect, pages, origin):
    output = await collect(pages)
    assert counts(output, "feeds", "fetched", "failed", "items_read", "articles", "new") == (12, 10, 2, 150, 145, 145)
    assert counts(output, "duplicates_by_url", "duplicates_by_content", "invalid") == (2, 3, 0)
    reasons = {line["feed_url"].split("/")[-1]: line["reason"] for line in output["feed_summary"] if line["reason"]}
    assert reasons == {
        "signal-box.xml": "this is an HTML page, not a feed",
        "coast-gazette.xml": "it answers 404 Not Found",
    }
    assert [line["feed_url"] for line in output["feed_summary"]] == pages
    for line in [*output["feed_summary"], output["totals"]]:
        assert line["items_read"] == sum(
            line[part] for part in ("articles", "duplicates_by_url", "duplicates_by_content", "invalid")
        )
    text = json.dumps([{**article, "guid": ""} for article in output["articles"]])
    assert "alert(" not in text and "<script" not in text and "javascript:" not in text and "utm_" not in text
    assert 1 < origin.most_open <= 6
    Schema(fetcher.schemas.Output).check({"topic": "", **output})


async def test_a_second_run_asks_and_gets_nothing_but_is_complete(collect, real_feeds, origin):
    origin.pages = {f"https://feeds.test/{name}": data for name, data in real_feeds.items()}
    first = await collect(list(origin.pages), run="1")
    second = await collect(list(origin.pages), run="2")
    assert counts(first, "feeds", "fetched", "requests", "items_read", "invalid") == (22, 22, 22, 2005, 0)
    assert first["totals"]["body_bytes"] == sum(map(len, real_feeds.values()))
    assert counts(second, "requests", "not_modified", "body_bytes", "items_read", "new") == (22, 22, 0, 2005, 0)
    assert second["articles"] == first["articles"]


async def test_only_unseen_articles_are_new(collect, origin, rss):
    items = [(f"Item {n}", f"https://a.test/{n}", "text") for n in range(4)]
    origin.pages["https://a.test/x"] = rss(*items[:3]).encode()
    await collect(["https://a.test/x"], run="1")
    origin.pages["https://a.test/x"] = rss(*items[1:]).encode()
    output = await collect(["https://a.test/x"], run="2")
    assert counts(output, "fetched", "articles", "new") == (1, 3, 1)


async def test_the_first_feed_in_order_keeps_the_story(collect, origin, rss):
    text = "The same eight words or more in both feeds"
    origin.pages = {
        "https://a.test/x": rss(
            ("T", "https://a.test/1/?utm_medium=m", text), ("Notes", "https://a.test/2", "short")
        ).encode(),
        "https://b.test/x": rss(
            ("T", "http://www.a.test/1", "other"),
            ("t", "https://b.test/1", text),
            ("Notes", "https://b.test/2", "short"),
        ).encode(),
    }
    for order, by_content in (
        (["https://a.test/x", "https://b.test/x"], 1),
        (["https://b.test/x", "https://a.test/x"], 0),
    ):
        output = await collect(order)
        kept = [article["feed_url"] for article in output["articles"] if article["title"] != "Notes"]
        assert kept[0] == order[0]
        # "Notes" says too little to be called the same story.
        assert sum(article["title"] == "Notes" for article in output["articles"]) == 2
        # Where both are equal, the address counts.
        assert counts(output, "items_read", "duplicates_by_url", "duplicates_by_content") == (5, 1, by_content)


async def test_one_feed_under_two_spellings_is_fetched_once(collect, origin, rss):
    origin.pages["https://a.test/x"] = rss(("T", "https://a.test/1", "x")).encode()
    output = await collect(["https://a.test/x", "https://A.test:443/x"])
    assert counts(output, "feeds", "requests", "articles") == (1, 1, 1)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (b"", "the document is empty"),
        (b"\xff\xfe\x00rubbish", "no RSS or Atom element"),
        (OSError("no route"), "could not be reached"),
        (RuntimeError("surprise"), "RuntimeError: surprise"),
    ],
)
async def test_a_broken_feed_is_a_line_of_the_summary(collect, origin, rss, page, reason):
    origin.pages = {"https://bad.test/x": page, "https://a.test/x": rss(("T", "https://a.test/1", "x")).encode()}
    output = await collect(["https://bad.test/x", "ftp://a.test/x", "https://a.test/x"])
    assert counts(output, "feeds", "failed", "articles") == (3, 2, 1)
    bad, no_web, _ = output["feed_summary"]
    assert reason in bad["reason"] and no_web["reason"] == "its address is no http(s) address"


async def test_progress_rises_and_a_checkpoint_follows_each_feed(collect, pages):
    await collect(pages)
    assert collect.progress == sorted(collect.progress) and 0 < collect.progress[0] and collect.progress[-1] < 100
    sizes = [len(state["done"]) for state in collect.checkpoints]
    assert sizes[0] == 0 and sizes[-1] == 12 and sizes == sorted(set(sizes))
    assert len(json.dumps(collect.checkpoints[-1])) < 5_000, "cursors, not articles"


async def test_a_resumed_run_asks_only_for_the_rest_and_ends_the_same(collect, pages, origin, kv):
    whole = await collect(pages)
    kv.values.clear()

    class Crash(Exception):
        pass

    seen = []

    async def crash(state):
        seen.append(json.loads(json.dumps(state)))
        if len(state["done"]) >= 5:
            raise Crash

    with pytest.raises(Crash):
        await collect(pages, checkpoint=crash)
    origin.requests.clear()
    last = seen[-1]
    again = await collect(pages, run=last["run"], done=last["done"])
    assert again == whole
    stored_or_failed = 12 - len(origin.requests)
    assert stored_or_failed >= len(last["done"]) >= 5


async def test_a_feed_stored_before_the_crash_but_not_checkpointed_is_not_fetched_again(collect, pages, origin):
    whole = await collect(pages)
    origin.requests.clear()
    again = await collect(pages, run="run-1", done={})
    assert again == whole
    assert sorted(url.split("/")[-1] for url, _ in origin.requests) == ["coast-gazette.xml", "signal-box.xml"]


async def test_what_is_gone_from_the_store_is_fetched_anew(collect, pages, origin, kv):
    whole = await collect(pages)
    done = collect.checkpoints[-1]["done"]
    kv.values.clear()
    assert await collect(pages, done=done) == whole


async def test_a_304_for_something_never_stored_is_a_failure(collect, origin, response):
    origin.pages["https://a.test/x"] = response(304)
    output = await collect(["https://a.test/x"])
    assert "nothing is stored" in output["feed_summary"][0]["reason"]


async def test_a_failing_checkpoint_ends_the_run_with_its_own_error(collect, pages):
    async def fail(state):
        if state["done"]:
            raise RuntimeError("the orchestrator did not take it")

    with pytest.raises(RuntimeError, match="did not take it"):
        await collect(pages, checkpoint=fail)


async def test_a_feed_that_kv_does_not_take_is_read_all_the_same(collect, pages, kv, caplog):
    whole = await collect(pages)

    async def refuse(key, value, *, expirationTtl):
        raise OSError("KV PUT failed: 429 Too Many Requests")

    kv.values, kv.put = {}, refuse
    again = await collect(pages, run="run-2")
    assert again["articles"] == whole["articles"]
    assert counts(again, "failed") == counts(whole, "failed")
    assert "429 Too Many Requests" in caplog.text and kv.values == {}
