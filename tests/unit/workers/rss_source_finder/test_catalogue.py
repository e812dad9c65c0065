"""The file of feeds: what a person who edits it may get wrong."""

from __future__ import annotations

from collections import Counter


def test_every_feed_is_named_once_and_says_what_it_is(finder):
    document = finder.catalogue.document()
    lists, rows = document["lists"], document["feeds"]
    assert len(rows) >= 700
    wanted = {"url", "title", "site", "topics", "language", "list"}
    for row in rows:
        assert set(row) - {"description"} == wanted, row
        assert finder.addresses.address(row["url"]) == row["url"], f"not as addresses are kept: {row['url']}"
        assert row["title"] == finder.feeds.line(row["title"], finder.feeds.MAX_TITLE) != "", row
        assert row["site"] and "/" not in row["site"], row
        assert 2 <= len(row["topics"]) <= finder.feeds.MAX_TOPICS, row
        assert list(finder.feeds.labels(row["topics"])) == row["topics"], row
        assert finder.feeds.language(row["language"]) == row["language"] != "", row
        assert row["list"] in lists, row
    twice = [url for url, times in Counter(finder.addresses.key(row["url"]) for row in rows).items() if times > 1]
    assert not twice


def test_every_list_is_one_that_can_be_looked_up(finder):
    document = finder.catalogue.document()
    used = {row["list"] for row in document["feeds"]}
    assert used == set(document["lists"])
    for about in document["lists"].values():
        assert about["where"].startswith("https://") and about["what"]


def test_several_languages_each_have_a_few(finder):
    spoken = Counter(row["language"] for row in finder.catalogue.document()["feeds"])
    assert all(spoken[language] >= 5 for language in ("en", "de", "fr", "es", "pt", "it", "nl"))


def test_it_is_read_when_it_is_first_asked_for(finder):
    finder.catalogue.public.cache_clear()
    assert finder.catalogue.public() is finder.catalogue.public()
    assert finder.catalogue.public.cache_info().misses == 1
