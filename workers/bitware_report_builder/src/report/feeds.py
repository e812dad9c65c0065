"""What is told of the feeds a report rests on, and of what could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class FeedSummary:
    """What the Feed Fetcher says of one feed: `status` is fetched, not_modified or failed, `reason` says why in words."""

    feed_url: str
    title: str = ""
    status: str = "fetched"
    reason: str = ""
    items_read: int = 0
    duplicates_by_url: int = 0
    duplicates_by_content: int = 0

    @property
    def name(self) -> str:
        return self.title or self.feed_url

    @property
    def failed(self) -> bool:
        return self.status == "failed"

    @property
    def outcome(self) -> str:
        """For people: the reason of a failure, else what happened and what was odd."""
        plain = {"fetched": "read", "not_modified": "unchanged since the last run"}.get(self.status, self.status)
        return self.reason if self.failed and self.reason else f"{plain}; {self.reason}" if self.reason else plain


def with_unreachable(feeds: Sequence[FeedSummary], unreachable: Iterable[Any]) -> list[FeedSummary]:
    """The feeds, and one failed row for each {what, reason} that none of them tells of; other entries are passed over."""
    rows = list(feeds)
    told = {feed.feed_url for feed in feeds}
    for one in unreachable:
        what, reason = (one.get("what"), one.get("reason")) if isinstance(one, dict) else (None, None)
        if isinstance(what, str) and what and what not in told:
            told.add(what)
            rows.append(FeedSummary(what[:500], status="failed", reason=str(reason or "it could not be reached")[:500]))
    return rows
