import pytest

from sandbox.handshake.schema import ProtocolError, Schema


@pytest.fixture
def check(fetcher):
    return Schema(fetcher.schemas.Input).check


@pytest.mark.parametrize(
    "feeds",
    [
        ["https://a.test/1", "https://a.test/2"],
        [{"url": "https://a.test/1", "title": "One", "quality_score": 0.5}, {"url": "https://a.test/2", "title": None}],
        "https://a.test/1 https://a.test/2",
        '["https://a.test/1", {"url": "https://a.test/2"}]',
    ],
)
def test_feeds_come_in_many_forms(check, feeds):
    assert [feed.url for feed in check({"feeds": feeds, "topic": "x"}).listed()] == [
        "https://a.test/1",
        "https://a.test/2",
    ]


@pytest.mark.parametrize(
    ("data", "path"),
    [
        ({}, "feeds"),
        ({"query": "test"}, "feeds"),
        ({"feeds": []}, "feeds"),
        ({"feeds": [], "opml": "  "}, "feeds"),
        ({"feeds": ["https://a.test/1", {"title": "no address"}]}, "feeds[1].url"),
        ({"feeds": ["https://a.test/x"] * 1001}, "feeds"),
        ({"opml": 7}, "opml"),
    ],
)
def test_what_does_not_fit_is_named(check, data, path):
    with pytest.raises(ProtocolError) as caught:
        check(data)
    assert caught.value.path == path


def test_a_string_that_is_broken_json_is_named(check):
    with pytest.raises(ProtocolError, match="feeds: is no JSON array"):
        check({"feeds": "[1, 2"}).listed()


def test_the_list_of_the_real_feeds(fetcher, real_opml):
    feeds = fetcher.opml.read_opml(real_opml)
    assert len(feeds) == 22 and feeds[0].title == "AI FIRST Podcast"
    assert all(feed.url.startswith("https://feeds.test/") for feed in feeds)


def test_outlines_within_outlines_name_their_topic(fetcher):
    text = """<?xml version="1.0" encoding="ISO-8859-1"?><opml version="1.0"><head><title>t</title></head><body>
      <outline text="Rail"><outline text="Night" xmlurl=" https://a.test/1 "/></outline>
      <outline title="B" text="b" xmlUrl="https://a.test/2"/></body></opml>"""
    found = [(feed.url, feed.title, feed.topic) for feed in fetcher.opml.read_opml(text)]
    assert found == [("https://a.test/1", "Night", "Rail"), ("https://a.test/2", "B", "")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("<opml><body>", "not well-formed"),
        ("<rss version='2.0'/>", "it is no OPML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><opml>&a;</opml>', "document type"),
        ("<opml>" + "<outline>" * 60 + "</outline>" * 60 + "</opml>", "nested"),
    ],
)
def test_what_is_no_opml_is_refused(fetcher, text, reason):
    with pytest.raises(fetcher.documents.Refused, match=reason):
        fetcher.opml.read_opml(text)
