"""What goes in and what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.handshake.schema import ProtocolError

MAX_FEEDS = 300
"""Feeds of one run, of all ways together; what is beyond is named in `unreachable`."""


@dataclass
class Input:
    """`topic` or `query`, and any of the ways. Each list may also be one string, of addresses or of a JSON list."""

    topic: str | None = None
    query: str | None = None
    feeds: list[Any] | str | None = None
    """Addresses of RSS and Atom feeds, or {url, title}."""
    podcasts: list[Any] | str | None = None
    sites: list[Any] | str | None = None
    """Pages or hosts on which to look for feeds."""
    opml: list[Any] | str | None = None
    """OPML lists: the address of one, its text, or several of either."""
    catalogue: str | None = None
    """The Source Finder's list to look in: `public` (its own), or the address of an OPML list."""

    def __post_init__(self) -> None:
        if not (self.topic or self.query or "").strip():
            raise ProtocolError("topic", "missing, expected what the research is about (or `query`)")

    @property
    def about(self) -> str:
        return (self.topic or self.query or "").strip()


@dataclass
class Output:
    topic: str
    keywords: list[str]
    sub_topics: list[str]
    sources: list[dict[str, Any]]
    """{url, title, topic, language, quality_score, found_by, items, matching}: the best first; `feeds` is the same list."""
    feeds: list[dict[str, Any]]
    articles: list[dict[str, Any]]
    """As the Feed Fetcher gives them, each with `found_by`."""
    feed_summary: list[dict[str, Any]]
    ways: list[dict[str, Any]] = field(default_factory=list)
    """{way, asked, feeds, note}, one for each way that was gone."""
    unreachable: list[dict[str, str]] = field(default_factory=list)
    """{what, way, reason}"""
    notes: list[str] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)


def listed(given: list[Any] | str | None, name: str) -> list[dict[str, Any]]:
    """The entries of a list in one form, {url, ...}. Raises ProtocolError for what is no address."""
    if isinstance(given, str):
        text = given.strip()
        try:
            given = json.loads(text) if text.startswith("[") else text.split()
        except ValueError as error:
            raise ProtocolError(name, f"is no JSON list ({error})") from error
    rows = []
    for at, one in enumerate(given or []):
        row = dict(one) if isinstance(one, dict) else {"url": one}
        if not isinstance(row.get("url"), str) or not row["url"].strip():
            raise ProtocolError(f"{name}[{at}]", "expected an address, or an object with `url`")
        rows.append({**row, "url": row["url"].strip()})
    return rows


def opml_lists(given: list[Any] | str | None) -> list[str]:
    """Each OPML list by itself: its text or its address."""
    if isinstance(given, str):
        text = given.strip()
        if text.startswith("<"):
            return [text]
        return [row["url"] for row in listed(text, "opml")]
    return [str(one).strip() for one in given or [] if str(one).strip()]
