import asyncio
import io

import pytest

URL = "https://example.com/feeds/x.xml"


async def parse(fetcher, text, url=URL):
    return await fetcher.parsing.parse_feed(text, url)


async def test_an_rss_item_becomes_an_article(fetcher, rss):
    item = """<item><title>A &amp;amp; B &lt;i&gt;now&lt;/i&gt;</title><link>/a?utm_source=x#y</link><guid isPermaLink="false">tag:id-1</guid>
      <author>ed@example.com (Ed Itor)</author><pubDate>Tue, 03 Nov 2026 09:15:00 +0100</pubDate>
      <description>short</description>
      <content:encoded xmlns:content="http://purl.org/rss/1.0/modules/content/"><![CDATA[<p>The <b>longer</b> text.</p>
      <script>alert(1)</script>]]></content:encoded></item>"""
    parsed = await parse(fetcher, rss(item, channel="<title>Kanal</title><language>de-AT</language>"))
    article = parsed.articles[0]
    assert (parsed.title, parsed.language, parsed.format) == ("Kanal", "de-AT", "rss20")
    assert article.pop("content_hash") == fetcher.parsing.content_hash("a & b  NOW", "the longer text.")
    assert article == {
        "article_url": "https://example.com/a",
        "title": "A & B now",
        "content": "The longer text.",
        "author": "Ed Itor",
        "pub_date": "2026-11-03T08:15:00Z",
        "guid": "tag:id-1",
        "word_count": 3,
        "language": "de",
    }


async def test_an_atom_entry_takes_the_feeds_author_and_base(fetcher):
    text = """<feed xmlns="http://www.w3.org/2005/Atom" xml:base="https://base.test/blog/" xml:lang="fr"><title>F</title>
      <author><name>Ana</name></author><entry><title type="text">1 &lt; 2</title><link rel="self" href="no"/>
      <link href="post/1"/><id>tag:1</id><updated>2026-11-03T08:15:00.5Z</updated>
      <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Un</p><p>deux</p></div></content></entry></feed>"""
    article = (await parse(fetcher, text)).articles[0]
    assert article["article_url"] == "https://base.test/blog/post/1"
    assert (article["author"], article["title"], article["content"]) == ("Ana", "1 < 2", "Un\ndeux")
    assert (article["pub_date"], article["language"]) == ("2026-11-03T08:15:00Z", "fr")


async def test_items_that_lead_nowhere_or_say_nothing_are_counted(fetcher, rss):
    parsed = await parse(
        fetcher,
        rss(
            ("fine", "https://example.com/1", "text"),
            ("no link", "", "text"),
            ("script", "javascript:alert(1)", "text"),
            ("", "https://example.com/2", ""),
            ("", "https://example.com/3", "Only a text. It is its own title."),
            "<item><title>by guid</title><guid isPermaLink='true'>https://example.com/4</guid></item>",
        ),
    )
    assert (parsed.items_read, parsed.invalid) == (6, 3)
    assert [article["article_url"][-1] for article in parsed.articles] == ["1", "3", "4"]
    assert parsed.articles[1]["title"] == "Only a text. It is its own title."


@pytest.mark.parametrize(
    ("fields", "date"),
    [
        ("<pubDate>2026-11-03</pubDate>", "2026-11-03T00:00:00Z"),
        ("<pubDate>Tue, 3 Nov 26 10:00:00 EST</pubDate>", "2026-11-03T15:00:00Z"),
        (
            "<dc:date xmlns:dc='http://purl.org/dc/elements/1.1/'>2026-11-03T10:00:00+02:00</dc:date>",
            "2026-11-03T08:00:00Z",
        ),
        (
            "<pubDate>soon</pubDate><updated xmlns='http://www.w3.org/2005/Atom'>2026-11-04T00:00:00Z</updated>",
            "2026-11-04T00:00:00Z",
        ),
        ("<pubDate>soon</pubDate><link>https://example.com/2026/11/05/x</link>", "2026-11-05T00:00:00Z"),
        ("<link>https://example.com/2026/13/05/x</link>", None),
        ("<pubDate>" + "1" * 5000 + "</pubDate>", None),
    ],
)
async def test_dates_are_utc_with_fallbacks(fetcher, rss, fields, date):
    link = "" if "<link>" in fields else "<link>https://example.com/x</link>"
    parsed = await parse(fetcher, rss(f"<item><title>x</title>{link}{fields}</item>"))
    assert parsed.articles[0]["pub_date"] == date


async def test_the_language_is_that_of_the_words(fetcher, rss):
    german = (
        "Die Stadt hat den Plan für das Jahr beschlossen, und die Bäume werden auf dem Platz mit der Linde gesetzt. "
        * 2
    )
    parsed = await parse(
        fetcher,
        rss(("x", "https://a.test/1", german), ("x", "https://a.test/2", "zu kurz"), channel="<language>en</language>"),
    )
    assert [article["language"] for article in parsed.articles] == ["de", "en"]


async def test_long_texts_are_cut_but_counted_whole(fetcher, rss):
    parsed = await parse(
        fetcher, rss(("x", "https://a.test/1", "word " * 10_000), ("x", "https://a.test/2", "word " * 9_999))
    )
    first, second = parsed.articles
    assert len(first["content"]) <= fetcher.parsing.MAX_CONTENT and first["content"].endswith("…")
    assert (first["word_count"], second["word_count"]) == (10_000, 9_999)
    assert first["content_hash"] != second["content_hash"]


async def test_one_faulty_item_spoils_only_its_piece(fetcher, rss, monkeypatch):
    monkeypatch.setattr(fetcher.parsing.split.__globals__["Split"].documents, "__defaults__", (1,))
    parsed = await parse(
        fetcher,
        rss(("a", "https://a.test/1", "x"), ("b & b", "https://a.test/2", "x<br>"), ("c", "https://a.test/3", "x")),
    )
    assert [article["title"] for article in parsed.articles] == ["a", "b & b", "c"]
    assert "faulty" in parsed.note


async def test_a_document_that_breaks_off_says_so(fetcher, rss):
    parsed = await parse(fetcher, rss(("a", "https://a.test/1", "x"), ("b", "https://a.test/2", "x"))[:-40])
    assert [article["title"] for article in parsed.articles] == ["a"]
    assert "breaks off" in parsed.note


async def test_the_loop_gets_its_turn_between_pieces(fetcher, rss):
    text = rss(*((f"Title {n}", f"https://a.test/{n}", "word " * 100) for n in range(1000)))
    turns = 0

    async def ticker():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    ticking = asyncio.create_task(ticker())
    parsed = await parse(fetcher, text)
    ticking.cancel()
    assert parsed.items_read == 1000
    assert turns >= len(text) / fetcher.splitting.GROUP_CHARS


async def test_feedparser_only_ever_gets_streams(fetcher, rss, monkeypatch):
    given = []
    parse_whole = fetcher.parsing.feedparser.parse

    def watched(source, **options):
        given.append(type(source))
        return parse_whole(source, **options)

    monkeypatch.setattr(fetcher.parsing.feedparser, "parse", watched)
    await parse(fetcher, rss(("a", "https://a.test/1", "x")))
    await parse(fetcher, rss())
    assert set(given) == {io.BytesIO}


async def test_the_real_feeds_are_read_whole_and_dated(fetcher, real_feeds):
    read = dated = 0
    for name, data in real_feeds.items():
        parsed = await parse(fetcher, fetcher.documents.decode(data), f"https://feeds.test/{name}")
        assert parsed.note == "" and parsed.title
        read += parsed.items_read
        dated += sum(article["pub_date"] is not None for article in parsed.articles)
        assert not any("<" in article["title"] for article in parsed.articles)
    assert (read, dated) == (2005, 2005)
