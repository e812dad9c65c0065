import sys
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path


def test_the_committed_feeds_are_what_the_texts_give(newsroom):
    folder = Path(newsroom.HERE)
    generated = newsroom.documents()
    assert {f"feeds/{path.name}" for path in (folder / "feeds").iterdir()} == set(generated)
    stale = [path for path, content in generated.items() if (folder / path).read_bytes() != content]
    assert not stale, f"run {sys.executable} workers/newsroom_sample/generate.py"


def test_the_newsroom_is_as_varied_as_its_readme_says(newsroom):
    feeds = newsroom.read_feeds()
    items = [item for feed in feeds.values() for item in feed.items]
    assert (len(feeds), len(items)) == (10, 150)
    assert Counter(feed.format for feed in feeds.values()) == {"rss2": 5, "atom": 3, "rss1": 2}
    assert Counter(feed.language for feed in feeds.values() for _ in feed.items) == {
        "en": 96,
        "de": 14,
        "fr": 14,
        "es": 13,
        "pt": 13,
    }
    assert Counter(Counter(item.title for item in items).values()) == {1: 140, 2: 5}
    words = [len(" ".join(item.paragraphs).split()) for item in items]
    assert max(words) > 250 and min(words) < 8
    assert min(item.when for item in items) >= datetime(2026, 9, 21, tzinfo=UTC)
    assert max(item.when for item in items) < datetime(2026, 11, 21, tzinfo=UTC)


def test_the_list_names_every_feed_and_the_two_broken_ones(newsroom):
    root = ET.fromstring(newsroom.documents()["feeds/feeds.opml"])
    addresses = [outline.get("xmlUrl") for outline in root.iter("outline")]
    names = {*newsroom.read_feeds(), "signal-box", "coast-gazette"}
    assert sorted(addresses) == sorted(f"https://newsroom.test/{name}.xml" for name in names)


def test_every_link_stays_in_the_newsroom(newsroom):
    for feed in newsroom.read_feeds().values():
        assert all(item.url.lower().startswith("https://newsroom.test/") for item in feed.items)
