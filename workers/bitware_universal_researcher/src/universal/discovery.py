"""Feeds that a site names, for use where no Source Finder is bound: `<link rel="alternate">` of its page, else the usual paths."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

from universal.opml import Refused
from universal.ways import Fetch, text_of

FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
USUAL_PATHS = ("/feed", "/rss.xml", "/atom.xml", "/feed.xml", "/index.xml")
MOST_FEEDS = 10
"""Of one site: what lies beyond are feeds of single pages and comments."""
_FEED = re.compile(r"\s*(?:<\?xml[^>]*>|<!--.*?-->|\s)*<(?:rss|feed|rdf:RDF)[\s>]", re.S | re.I)


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.found: list[tuple[str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "base" and not self.base:
            self.base = values.get("href", "")
        kind = values.get("type", "").split(";")[0].strip().lower()
        if tag == "link" and "alternate" in values.get("rel", "").lower().split() and kind in FEED_TYPES:
            self.found.append((values.get("href", "").strip(), " ".join(values.get("title", "").split())))


def feed_links(page: str, url: str) -> list[dict[str, Any]]:
    """{url, title} of every feed the page names, absolute, http and https only, each once."""
    links = _Links()
    links.feed(page)
    base = urljoin(url, links.base)
    found: dict[str, dict[str, Any]] = {}
    for href, title in links.found:
        address = urljoin(base, href)
        if href and urlsplit(address).scheme in ("http", "https"):
            found.setdefault(address, {"url": address, "title": title})
    return list(found.values())[:MOST_FEEDS]


async def feeds_of(fetch: Fetch, site: str) -> list[dict[str, Any]]:
    """The feeds of one site, by its address or host name. Raises Refused, in words, where there is none."""
    url = site if "://" in site else f"https://{site}"
    page = await text_of(fetch, url)
    if _FEED.match(page):
        return [{"url": url, "title": ""}]
    named = feed_links(page, url)
    if named:
        return named
    for path in USUAL_PATHS:
        address = urljoin(url, path)
        try:
            if _FEED.match(await text_of(fetch, address)):
                return [{"url": address, "title": ""}]
        except Refused:
            continue
    raise Refused(f"it names no feed, and there is none at {', '.join(USUAL_PATHS)}")
