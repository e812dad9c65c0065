"""Feeds of a site: the page itself, what it names with `<link rel="alternate">`, else the usual paths."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

from finder.addresses import address, key, site_address, site_of
from finder.feeds import MAX_TITLE, line
from finder.refusals import Refused, Unreachable
from finder.web import CONNECTIONS, Page, Web

FEED_TYPES = (
    "application/rss+xml",
    "application/atom+xml",
    "application/rdf+xml",
    "application/feed+json",
    "application/json+feed",
)
USUAL_PATHS = (
    "/feed",
    "/rss.xml",
    "/atom.xml",
    "/feed.xml",
    "/index.xml",
    "/rss",
    "/feed/atom",
    "/feed.json",
    "/blog/feed",
    "/blog/rss.xml",
    "/blog/atom.xml",
    "/blog/index.xml",
)
MOST_FEEDS = 20
"""Of one site: what lies beyond are feeds of single pages and comments."""
# Atomic groups: the prolog's comments must not be tried in all their combinations.
_FEED = re.compile(
    r"\ufeff?(?>\s+|<!--.*?-->|<\?.*?\?>|<!doctype\s+(?:rss|rdf|feed)\b[^>\[]*>)*+<(?:[\w.-]+:)?(?:rss|feed|rdf)[\s>]",
    re.S | re.I,
)
_TITLE = re.compile(r"<title\b[^>]*>\s*(?:<!\[CDATA\[)?(.{0,500}?)(?:\]\]>)?\s*</title\s*>", re.S | re.I)
_TAG = re.compile(r"<[^>]*>")
_LINK = re.compile(r"<(?:link|base)\b", re.I)
_WHOLE = re.compile(r"<\w+(?:[^<>\"']{1,500}|\"[^\"]{0,2000}\"|'[^']{0,2000}'){0,60}+>")
_HIDDEN = re.compile(r"<!--|<script\b", re.I)
_END = {"<!--": re.compile("-->"), "<script": re.compile(r"</script\b", re.I)}
MAX_PAGE, MAX_LINKS = 500_000, 500
"""Characters and `<link>`s of a page that are looked at: its head."""
SITE_S = 45.0


@dataclass
class Discovered:
    """`way` of a feed is `itself`, `link` or `path`."""

    feeds: list[dict[str, Any]] = field(default_factory=list)
    unreachable: list[dict[str, str]] = field(default_factory=list)


async def discover(web: Web, sites: list[str]) -> Discovered:
    """The feeds of every site, each feed once, in the order of the sites; a site that has none, or that could not be
    reached, is a line of `unreachable`."""
    found = Discovered()
    seen: set[str] = set()
    places = asyncio.Semaphore(CONNECTIONS)
    going = (_one(web, site, places) for site in sites)
    for site, answer in zip(sites, await asyncio.gather(*going), strict=True):
        if isinstance(answer, Refused):
            found.unreachable.append({"what": site, "reason": str(answer)})
            continue
        for row in answer:
            if key(row["url"]) not in seen:
                seen.add(key(row["url"]))
                found.feeds.append(row)
    return found


async def _one(web: Web, site: str, places: asyncio.Semaphore) -> list[dict[str, Any]] | Refused:
    async with places:
        # Waiting for a place does not count as time of the site.
        try:
            async with asyncio.timeout(SITE_S):
                return await feeds_of(web, site)
        except TimeoutError:
            return Refused(f"its pages took more than {SITE_S:g} s")
        except Refused as refused:
            return refused


async def feeds_of(web: Web, site: str) -> list[dict[str, Any]]:
    """{url, title, site, way} of the feeds of one site, by its address or host name. Raises Refused, in words, where there
    is none, and Unreachable where nothing answers."""
    url = site_address(site)
    if url is None:
        raise Refused("it is no http(s) address and no host name")
    said = "its page names no feed"
    try:
        page = await web.get(url)
    except Unreachable:
        raise
    except Refused as refused:
        # Some sites hide their pages from programs, and not their feeds.
        said = str(refused)
    else:
        url = page.url
        title = feed_title(page)
        if title is not None:
            return [_row(url, title, "itself")]
        named = feed_links(page.text, url)
        if named:
            return [_row(address_, name, "link") for address_, name in named]
    for path in USUAL_PATHS:
        try:
            answer = await web.get(address(path, url) or url)
        except Unreachable:
            raise
        except Refused:
            continue
        title = feed_title(answer)
        if title is not None:
            return [_row(answer.url, title, "path")]
    raise Refused(f"{said}, and there is none at {', '.join(USUAL_PATHS)}")


def feed_title(page: Page) -> str | None:
    """The title of a page that is itself a feed (empty where it has none); None for any other."""
    if _FEED.match(page.text):
        found = _TITLE.search(page.text, 0, 20_000)
        return line(_unescaped(_TAG.sub("", found[1])), MAX_TITLE) if found else ""
    if page.text.lstrip()[:1] == "{" and "json" in page.content_type.lower():
        try:
            document = json.loads(page.text)
        except (ValueError, RecursionError):
            return None
        # https://www.jsonfeed.org/version/1.1/
        if isinstance(document, dict) and "jsonfeed.org" in str(document.get("version")):
            return line(document.get("title"), MAX_TITLE)
    return None


def feed_links(page: str, url: str) -> list[tuple[str, str]]:
    """(address, title) of every feed the page names, http and https only, each once."""
    links = _Links()
    markup = _without_comments(page[:MAX_PAGE])
    for start in islice(_LINK.finditer(markup), MAX_LINKS):
        # One tag at a time: html.parser takes long over a page made to be hard.
        tag = _WHOLE.match(markup, start.start())
        if tag:
            links.feed(tag[0])
            links.reset()
    base = address(links.base, url) or url
    found: dict[str, tuple[str, str]] = {}
    for href, title in links.found:
        absolute = address(href, base) if href else None
        if absolute is not None:
            found.setdefault(key(absolute), (absolute, title))
    return list(found.values())[:MOST_FEEDS]


def _without_comments(page: str) -> str:
    """What a page's comments and scripts say is not said by the page."""
    kept, at = [], 0
    for start in _HIDDEN.finditer(page):
        if start.start() < at:
            continue
        kept.append(page[at : start.start()])
        end = _END[start[0].lower()].search(page, start.end())
        if end is None:
            return "".join(kept)
        at = end.end()
    return "".join([*kept, page[at:]])


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Of attributes given twice the first counts (HTML, 13.2.5.33).
        values = {name: value or "" for name, value in reversed(attrs)}
        if tag == "base" and not self.base:
            self.base = values.get("href", "").strip()
        kind = values.get("type", "").split(";")[0].strip().lower()
        if tag == "link" and "alternate" in values.get("rel", "").lower().split() and kind in FEED_TYPES:
            self.found.append((values.get("href", "").strip(), line(values.get("title"), MAX_TITLE)))


def _row(url: str, title: str, way: str) -> dict[str, Any]:
    return {"url": url, "title": title, "site": site_of(url) or urlsplit(url).netloc, "way": way}


def _unescaped(text: str) -> str:
    # Twice: a title of HTML is escaped once more as XML.
    return unescape(unescape(text))
