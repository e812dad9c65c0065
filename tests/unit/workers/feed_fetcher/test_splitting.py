from xml.sax.saxutils import escape, quoteattr

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

URL = "https://feeds.test/x.xml"


def entries_both_ways(fetcher, text, size=2_000):
    text = fetcher.documents.check(text)
    pieces = fetcher.splitting.split(text)
    assert pieces is not None, "this document can be cut"
    whole = fetcher.parsing._parse(text, URL)
    parts = [fetcher.parsing._parse(document, URL) for document in pieces.documents(size)]
    frame = fetcher.parsing._parse(pieces.frame, URL)
    assert frame["feed"] == whole["feed"]
    assert frame["version"] == whole["version"]
    return [entry for part in parts for entry in part["entries"]], whole["entries"]


def test_real_feeds_read_in_pieces_equal_the_whole(fetcher, real_feeds):
    total = 0
    for data in real_feeds.values():
        pieces, whole = entries_both_ways(fetcher, fetcher.documents.decode(data), 20_000)
        assert pieces == whole
        total += len(pieces)
    assert (len(real_feeds), total) == (22, 2005)


def test_all_three_formats_read_in_pieces_equal_the_whole(fetcher, newsroom):
    formats = set()
    for name, feed in newsroom.read_feeds().items():
        text = fetcher.documents.decode(newsroom.documents()[f"feeds/{name}.xml"])
        pieces, whole = entries_both_ways(fetcher, text, 3_000)
        assert pieces == whole and len(whole) == len(feed.items)
        formats.add(feed.format)
    assert formats == {"rss2", "rss1", "atom"}


_text = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=30)
_noise = st.sampled_from(
    [
        "",
        "\n  ",
        "<!-- <item> -->",
        "<![CDATA[ </item> ]]>",
        "<?php <item> ?>",
        "<ttl>5</ttl>",
        "<image><url>u</url></image>",
    ]
)


@st.composite
def items(draw, element):
    title, body, noise = draw(_text), draw(_text), draw(_noise)
    cdata = draw(_text).replace("]]>", "")
    attribute = draw(st.sampled_from(["", ' a=">"', " xml:lang='de'", ' xml:base="https://b.test/"']))
    link = quoteattr(draw(_text))
    return (
        f"<{element}{attribute}><title>{escape(title)}</title><link href={link}/>{noise}"
        f"<description>{escape(body)}</description><x><![CDATA[<{element}>{cdata}</{element}>]]></x></{element}>"
    )


@given(st.data(), st.integers(1, 3_000))
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_any_feed_read_in_pieces_equals_the_whole(fetcher, data, size):
    shape = data.draw(st.sampled_from(["rss", "rdf", "atom"]))
    element = "entry" if shape == "atom" else "item"
    gap = st.sampled_from(["", "\n", "<!-- <item> </item> -->", "<!-- > -->"])
    body = "".join(
        data.draw(gap) + item for item in data.draw(st.lists(items(element), min_size=1, max_size=6), label="items")
    )
    text = {
        "rss": f'<rss version="2.0" xml:lang="fr"><channel><title>T</title>{body}<copyright>c</copyright></channel></rss>',
        "rdf": '<rdf:RDF xmlns="http://purl.org/rss/1.0/" xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f"<channel><title>T</title><items/></channel>{body}</rdf:RDF>",
        "atom": f'<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://c.test/"><title>T</title>{body}</feed>',
    }[shape]
    pieces, whole = entries_both_ways(fetcher, text, size)
    assert pieces == whole


@pytest.mark.parametrize(
    "text",
    [
        "<rss><channel><title>no items</title></channel></rss>",
        "<rss><channel><item><item></item></item></channel></rss>",
        "<rss><channel></item><item></item></channel></rss>",
        "<rss><channel><item></item><x:item></x:item></channel></rss>",
        "<rss><channel><group><item></item></group></channel></rss>",
        "<rss><channel><item></item></channel><channel xml:lang='de'><item></item></channel></rss>",
        "<rss><channel><item></item></rss></channel>",
    ],
)
def test_unusual_documents_are_left_whole(fetcher, text):
    assert fetcher.splitting.split(text) is None


@pytest.mark.parametrize("cut", [1, 9, 25, 45, 60, 75])
def test_a_document_that_breaks_off_gives_its_complete_items(fetcher, rss, cut):
    items = [(f"Item {n}", f"https://a.test/{n}", "<![CDATA[text]]>") for n in range(4)]
    pieces = fetcher.splitting.split(rss(*items)[:-cut])
    assert pieces is not None and pieces.cut_off
    assert len(pieces.items) in (3, 4)
    entries = [entry for text in pieces.documents() for entry in fetcher.parsing._parse(text, URL)["entries"]]
    assert [entry["title"] for entry in entries] == ["Item 0", "Item 1", "Item 2", "Item 3"][: len(pieces.items)]
