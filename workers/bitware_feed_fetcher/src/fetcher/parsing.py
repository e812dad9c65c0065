"""feedparser in slices that give the event loop its turn, and its entries turned into articles."""

import asyncio
import hashlib
import io
from dataclasses import dataclass, field
from typing import Any

import feedparser

from fetcher.cleaning import count_words, html_to_text, one_line, shorten, tidy
from fetcher.dates import iso_date
from fetcher.documents import Refused, check
from fetcher.languages import language_of
from fetcher.splitting import split
from fetcher.urls import canonical_url

MAX_CONTENT = 20_000
"""Characters of an article's text that are handed on. Its word count and hash are those of the whole text."""
MAX_PIECE = 400_000
"""Characters that are parsed in one go; only a single item, or a document that cannot be cut, comes near."""
MAX_TITLE = 500
MAX_NAME = 200


@dataclass
class ParsedFeed:
    title: str = ""
    language: str = ""
    format: str = ""
    """feedparser's name of the format: rss20, rss10, atom10, ..."""
    items_read: int = 0
    invalid: int = 0
    note: str = ""
    """What was wrong with a document that could be read all the same."""
    articles: list[dict[str, Any]] = field(default_factory=list)


async def parse_feed(text: str, url: str) -> ParsedFeed:
    """Reads a feed document (`documents.decode` made its text; `url` is its address, for relative links).

    Between pieces the event loop runs. A piece with a fault in its XML is read by feedparser's forgiving parser, and only
    that piece. Raises Refused when the document is no feed.
    """
    text = check(text)
    pieces = split(text)
    main = pieces.frame if pieces else text
    if len(main) > MAX_PIECE:
        raise Refused(f"it cannot be read in pieces, and {len(main):,} characters are too many to read in one go")
    frame = _parse(main, url)
    if not frame["version"] and not frame["entries"] and pieces is None:
        raise Refused("it is in no known feed format")
    feed = frame["feed"]
    parsed = ParsedFeed(
        title=shorten(one_line(html_to_text(_text(feed, "title"))), MAX_TITLE),
        language=_text(feed, "language"),
        format=frame["version"],
    )
    author = _author(feed) if frame["version"].startswith("atom") else ""
    fault = frame.get("bozo_exception")
    if pieces is None:
        await _take(parsed, frame["entries"], url, author)
    else:
        for document in pieces.documents():
            await asyncio.sleep(0)
            if len(document) > MAX_PIECE:
                parsed.items_read += 1
                parsed.invalid += 1
                continue
            part = _parse(document, url)
            fault = fault or part.get("bozo_exception")
            await _take(parsed, part["entries"], url, author)
    if pieces is not None and pieces.cut_off:
        parsed.note = "the document breaks off; its complete items were read"
    elif fault is not None:
        parsed.note = f"the XML is faulty and was read with care ({_fault(fault)})"
    return parsed


def _parse(document: str, url: str) -> Any:
    # BytesIO always: feedparser opens a str or bytes that happens to be a path or an address. No sanitising and no
    # resolving inside HTML, since only the text of it is kept (cleaning.py).
    return feedparser.parse(
        io.BytesIO(document.encode()),
        response_headers={"content-type": "application/xml; charset=utf-8", "content-location": url},
        sanitize_html=False,
        resolve_relative_uris=False,
    )


def _fault(error: Exception) -> str:
    message = getattr(error, "getMessage", error.__str__)()
    return one_line(str(message))[:120]


_SLICE_CHARS = 60_000


async def _take(parsed: ParsedFeed, entries: list[dict[str, Any]], url: str, author: str) -> None:
    done = 0
    for entry in entries:
        parsed.items_read += 1
        article = to_article(entry, url, author, parsed.language)
        if article is None:
            parsed.invalid += 1
            continue
        parsed.articles.append(article)
        done += 500 + len(article["content"])
        if done > _SLICE_CHARS:
            done = 0
            await asyncio.sleep(0)


def to_article(
    entry: dict[str, Any], feed_url: str, feed_author: str = "", language: str = ""
) -> dict[str, Any] | None:
    """An article as the pipeline passes it on, without the feed's own fields; None for an item nobody could follow or
    read: without an http(s) address, or with neither title nor text."""
    url = _address(entry, feed_url)
    title = shorten(one_line(html_to_text(_text(entry, "title"))), MAX_TITLE)
    content = _content(entry)
    if url is None or not (title or content):
        return None
    return {
        "article_url": url,
        "title": title or shorten(content.split("\n")[0], 100),
        "content": shorten(content, MAX_CONTENT),
        "author": _author(entry) or feed_author,
        "pub_date": iso_date(entry, url),
        "guid": shorten(_text(entry, "id") or url, 1000),
        "content_hash": content_hash(title, content),
        "word_count": count_words(content),
        "language": language_of(content, language),
    }


def content_hash(title: str, content: str) -> str:
    """SHA-256 (hex) of title and text, without regard to case and spacing: the same story under another address."""
    return hashlib.sha256(f"{one_line(title).casefold()}\n{one_line(content).casefold()}".encode()).hexdigest()


def _text(entry: dict[str, Any], name: str) -> str:
    # dict's own get: feedparser's answers a missing field with a related one and a warning.
    value = dict.get(entry, name)
    return value.strip() if isinstance(value, str) else ""


def _address(entry: dict[str, Any], feed_url: str) -> str | None:
    """The first of the item's own addresses that is http(s). A feed proxy's original link comes before its own."""
    links = dict.get(entry, "links") or []
    alternates = [str(link.get("href", "")) for link in links if link.get("rel", "alternate") == "alternate"]
    # A guid that is a permanent link is among them: feedparser makes it the item's link.
    for candidate in (_text(entry, "feedburner_origlink"), _text(entry, "link"), *alternates):
        url = canonical_url(candidate, feed_url) if candidate else None
        if url:
            return url
    return None


def _content(entry: dict[str, Any]) -> str:
    """The fullest text the item has: its content or its summary."""
    bodies = [*(dict.get(entry, "content") or []), dict.get(entry, "summary_detail") or {}]
    best = ""
    for body in bodies:
        value = body.get("value") or ""
        kind = body.get("type") or "text/html"
        text = tidy(value) if kind == "text/plain" and "</" not in value else html_to_text(value)
        if len(text) > len(best):
            best = text
    return best


def _author(entry: dict[str, Any]) -> str:
    people = dict.get(entry, "authors") or []
    names = [one_line(html_to_text(str(person.get("name") or ""))) for person in people]
    name = ", ".join(dict.fromkeys(filter(None, names))) or one_line(html_to_text(_text(entry, "author")))
    return shorten(name, MAX_NAME)
