"""Articles of all feeds in one list, each story once, with counts that add up."""

import asyncio
from dataclasses import dataclass
from typing import Any

from fetcher.cleaning import count_words
from fetcher.schemas import FeedRef
from fetcher.urls import url_key

MIN_WORDS = 8
"""Words a title and text must have before an equal hash means the same story: "Release notes" twice is two articles."""
_SLICE = 250


@dataclass(frozen=True)
class Result:
    """One feed's outcome: the record of its articles (empty but for a note when it failed) and what fetching it took."""

    source: FeedRef
    status: str
    traffic: dict[str, Any]
    record: dict[str, Any]
    new: frozenset[int]

    @property
    def ok(self) -> bool:
        return self.status != "failed"

    @property
    def reason(self) -> str:
        return str(self.record.get("note") or "")

    @property
    def items_read(self) -> int:
        return int(self.record.get("items_read", 0))

    def outcome(self) -> dict[str, Any]:
        """The part that goes into a checkpoint; the articles are in KV."""
        return {"status": self.status, "traffic": self.traffic, "reason": self.reason}


async def merge(results: list[Result]) -> dict[str, Any]:
    """{articles, feed_summary, totals}. Of two equal articles the first by the order of feeds and items stays, whatever
    order the answers came in."""
    addresses: set[str] = set()
    hashes: set[str] = set()
    articles: list[dict[str, Any]] = []
    summaries: list[dict[str, Any]] = []
    looked_at = 0
    for result in results:
        feed_url, record = result.source.url, result.record
        title = record.get("title") or result.source.title or feed_url
        count = {"articles": 0, "new": 0, "duplicates_by_url": 0, "duplicates_by_content": 0}
        for at, article in enumerate(record.get("articles", ())):
            looked_at += 1
            if looked_at % _SLICE == 0:
                await asyncio.sleep(0)
            key = url_key(article["article_url"])
            same_text = article["content_hash"] in hashes and _says_enough(article)
            if key in addresses or same_text:
                count["duplicates_by_url" if key in addresses else "duplicates_by_content"] += 1
                continue
            addresses.add(key)
            hashes.add(article["content_hash"])
            count["articles"] += 1
            count["new"] += at in result.new
            articles.append({"feed_url": feed_url, "feed_title": title, **article})
        summaries.append(
            {
                "feed_url": feed_url,
                "title": title,
                "topic": result.source.topic or "",
                "status": result.status,
                "reason": result.reason,
                **result.traffic,
                "items_read": result.items_read,
                **count,
                "invalid": int(record.get("invalid", 0)),
            }
        )
    return {"articles": articles, "feed_summary": summaries, "totals": _totals(summaries)}


def _says_enough(article: dict[str, Any]) -> bool:
    return int(article["word_count"]) + count_words(article["title"]) >= MIN_WORDS


_SUMMED = "requests body_bytes items_read articles new duplicates_by_url duplicates_by_content invalid".split()


def _totals(summaries: list[dict[str, Any]]) -> dict[str, int]:
    states = [summary["status"] for summary in summaries]
    counted = {state: states.count(state) for state in ("fetched", "not_modified", "failed")}
    return {"feeds": len(summaries), **counted, **{name: sum(one[name] for one in summaries) for name in _SUMMED}}
