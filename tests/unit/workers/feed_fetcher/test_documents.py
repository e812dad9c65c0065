import gzip
import time

import pytest

FEED = "<rss version='2.0'><channel><title>Grüße – naïve</title></channel></rss>"


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (FEED.encode(), ""),
        (b"\xef\xbb\xbf" + FEED.encode(), "text/xml; charset=iso-8859-1"),
        (FEED.encode("utf-16"), ""),
        (FEED.encode("utf-16-le").replace(b"<\x00r\x00", b"<\x00?\x00x\x00m\x00l\x00?\x00>\x00<\x00r\x00", 1), ""),
        (FEED.encode("cp1252"), "application/xml; charset=windows-1252"),
        (b"<?xml version='1.0' encoding='windows-1252'?>" + FEED.encode("cp1252"), "application/xml"),
        (b"<?xml version='1.0' encoding='ISO-8859-1'?>" + FEED.encode("cp1252"), ""),
        (b"<?xml version='1.0' encoding='no-such-thing'?>\n" + FEED.encode(), ""),
        (FEED.encode("cp1252"), "text/xml; charset=utf-8"),
    ],
)
def test_every_way_to_say_the_encoding_is_understood(fetcher, data, content_type):
    assert fetcher.documents.decode(data, content_type) == FEED


def test_gzip_is_unpacked_within_the_limit(fetcher):
    packed = gzip.compress(FEED.encode())
    assert fetcher.documents.inflate(packed, 1000) == FEED.encode()
    assert fetcher.documents.inflate(b"plain", 10) == b"plain"
    with pytest.raises(fetcher.documents.Refused, match="larger than 1,000 bytes once unpacked"):
        fetcher.documents.inflate(gzip.compress(b" " * 50_000_000), 1000)
    with pytest.raises(fetcher.documents.Refused, match="damaged"):
        fetcher.documents.inflate(b"\x1f\x8brubbish", 1000)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("<!DOCTYPE html><html></html>", "HTML page"),
        ("<!-- x --> <html><head>", "HTML page"),
        ('{"version": "https://jsonfeed.org/version/1"}', "no RSS or Atom element"),
        ("/etc/passwd", "no RSS or Atom element"),
        ("<!DOCTYPE rss [" + "[a]" * 9000, "does not end"),
    ],
)
def test_what_is_no_feed_is_refused_in_words(fetcher, text, reason):
    with pytest.raises(fetcher.documents.Refused, match=reason):
        fetcher.documents.check(text)


LOL = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
TAIL = "<rss version='2.0'><channel><title>&l9;</title></channel></rss>"


@pytest.mark.parametrize(
    "bomb",
    [
        f'<!DOCTYPE x [<!ENTITY l0 "lol">{LOL}]>{TAIL}',
        f'<!-- <rss > --><!DOCTYPE x [<!ENTITY l0 "lol">{LOL}]>{TAIL}',
        f'<!DOCTYPE x [<!ENTITY l9 "{"a" * 10_000}">]>' + TAIL.replace("&l9;", "&l9;" * 100_000),
        f"<!DOCTYPE x [<!ENTITY % p \"<!ENTITY l9 'x'>\"> %p;]>{TAIL}",
        f'<!DOCTYPE x [<!ENTITY l9 SYSTEM "file:///etc/passwd">]>{TAIL}',
        "<!DOCTYPE x [" + "".join(f'<!ENTITY e{n} "x">' for n in range(400)) + f"]>{TAIL}",
    ],
)
async def test_entity_bombs_are_refused_at_once(fetcher, bomb):
    started = time.perf_counter()
    with pytest.raises(fetcher.documents.Refused, match="entit"):
        await fetcher.parsing.parse_feed(bomb, "https://a.test/")
    assert time.perf_counter() - started < 2


async def test_harmless_declarations_are_read(fetcher):
    text = (
        '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://a.test/rss.dtd" '
        '[<!ENTITY hellip "&#8230;">]><rss version="0.91"><channel><title>On&hellip;</title>'
        "<item><title>And on&hellip;</title><link>https://a.test/1</link></item></channel></rss>"
    )
    parsed = await fetcher.parsing.parse_feed(text, "https://a.test/")
    assert (parsed.title, parsed.articles[0]["title"]) == ("On…", "And on…")


@pytest.mark.parametrize(
    "piece", ["<", "<item>", "<!--", "<?", "<![CDATA[", "<a \"'<a '\"", "<a>", "&", "<!", "<!DOCTYPE "]
)
async def test_hostile_documents_end_soon(fetcher, piece):
    text = "<rss version='2.0'><channel><title>x</title>" + piece * (2_000_000 // len(piece))
    started = time.perf_counter()
    with pytest.raises(fetcher.documents.Refused, match="too many to read in one go"):
        await fetcher.parsing.parse_feed(text, "https://a.test/")
    assert time.perf_counter() - started < 5
