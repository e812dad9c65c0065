"""What goes in and what comes out."""

import json
from dataclasses import dataclass, field

from sandbox.handshake.schema import ProtocolError

MAX_FEEDS = 1000


@dataclass
class FeedRef:
    url: str
    title: str | None = ""
    topic: str | None = ""
    language: str | None = ""
    quality_score: float | None = None


@dataclass
class Input:
    """Feeds as objects or addresses, or one string of addresses; where there are none, OPML: its text, or where it lies."""

    feeds: list[FeedRef | str] | str | None = None
    opml: str | None = None
    topic: str | None = ""

    def __post_init__(self) -> None:
        if not self.feeds and not (self.opml or "").strip():
            raise ProtocolError("feeds", "missing, expected an array of feeds or their addresses (or `opml`)")
        if len(self.feeds or ()) > MAX_FEEDS and not isinstance(self.feeds, str):
            raise ProtocolError("feeds", f"at most {MAX_FEEDS} feeds at a time, got {len(self.feeds or ())}")

    def listed(self) -> list[FeedRef]:
        """The feeds of `feeds`, in one form."""
        feeds = self.feeds or []
        if isinstance(feeds, str):
            feeds = _from_text(feeds)
        return [feed if isinstance(feed, FeedRef) else FeedRef(feed) for feed in feeds]


def _from_text(text: str) -> list[FeedRef | str]:
    if text.lstrip().startswith("["):
        try:
            return [FeedRef(str(one["url"])) if isinstance(one, dict) else str(one) for one in json.loads(text)]
        except (ValueError, KeyError) as error:
            raise ProtocolError("feeds", f"is no JSON array of feeds ({error})") from error
    return list(text.split())


@dataclass
class Article:
    article_url: str
    """Canonical: lower-case host, no tracking parameters, no fragment."""
    feed_url: str
    feed_title: str
    title: str
    content: str
    """Plain text, 20,000 characters at most."""
    author: str
    pub_date: str | None
    """ISO 8601 in UTC."""
    guid: str
    content_hash: str
    """SHA-256 of title and text, case and spacing apart."""
    word_count: int
    language: str
    """Two letters, or "" when unknown."""


@dataclass
class FeedSummary:
    feed_url: str
    title: str
    topic: str
    status: str
    """`fetched`, `not_modified` (articles from the last fetch) or `failed`."""
    reason: str
    """Why it failed, in words; for a feed that could be read, what was odd about it."""
    http_status: int | None
    moved_to: str | None
    requests: int
    body_bytes: int
    items_read: int
    """Items of the document: articles + duplicates_by_url + duplicates_by_content + invalid."""
    articles: int
    new: int
    """Articles handed on that no earlier run had seen in this feed."""
    duplicates_by_url: int
    duplicates_by_content: int
    invalid: int


@dataclass
class Totals:
    feeds: int
    fetched: int
    not_modified: int
    failed: int
    requests: int
    body_bytes: int
    items_read: int
    articles: int
    new: int
    duplicates_by_url: int
    duplicates_by_content: int
    invalid: int


@dataclass
class Output:
    topic: str
    articles: list[Article] = field(default_factory=list)
    feed_summary: list[FeedSummary] = field(default_factory=list)
    totals: Totals | None = None
