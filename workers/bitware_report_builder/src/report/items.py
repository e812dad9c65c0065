"""Articles joined with their analyses: the items a report is made of, chosen by relevance and grouped into stories."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

LEAST_RELEVANCE, SHARE_OF_BEST = 0.15, 0.2
"""For articles that have the whole topic, or nearly;"""
LEAST_OF_A_PART, SHARE_OF_A_PART = 0.3, 0.35
"""for those that have a part of it: of two words one alone says little."""
NEARLY = 0.6
MOST_ITEMS = 60
LEAST_NEAR = 0.1
NEAR_SHARE_OF_BEST = 0.15
MOST_NEAR = 12
WORD = re.compile(r"[^\W_]{3,}")


@dataclass
class Article:
    """What the report needs of an article of the Feed Fetcher."""

    article_url: str
    title: str = ""
    content: str = ""
    feed_url: str = ""
    feed_title: str | None = None
    author: str | None = None
    pub_date: str | None = None
    word_count: int = 0


@dataclass
class Analysis:
    """What the report needs of an analysis of the Content Classifier."""

    article_url: str
    relevance_score: float = 0.0
    sentiment_score: float = 0.0
    confidence_score: float = 0.0
    language: str = "und"
    summary: str = ""
    story: str | None = None
    """The one of an issue's stories that the analysis is of."""
    detected_topics: list[Any] = field(default_factory=list)
    key_phrases: list[str] = field(default_factory=list)
    key_entities: list[Any] = field(default_factory=list)
    explanation: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Item:
    """One relevant article. `id` is made of its address, so it stays the same from report to report."""

    id: str
    article: Article
    analysis: Analysis
    source: str
    date: datetime | None

    @property
    def title(self) -> str:
        return (self.analysis.story or self.article.title).strip() or self.article.article_url

    @property
    def issue(self) -> str:
        """The title of the issue that the story stands in; "" for an article that is one."""
        return self.article.title.strip() if self.analysis.story else ""

    @property
    def link(self) -> str | None:
        """The address where it is one that may be followed: http or https only."""
        return self.article.article_url if urlsplit(self.article.article_url).scheme in ("http", "https") else None

    @property
    def relevance(self) -> float:
        return self.analysis.relevance_score


def item_id(url: str) -> str:
    return "a" + hashlib.sha256(url.encode()).hexdigest()[:8]


def parse_date(text: str | None) -> datetime | None:
    """An ISO date as UTC, None where there is none or it cannot be read."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def source_of(article: Article) -> str:
    """The feed's own title, else the host the article lies on."""
    return (article.feed_title or "").strip() or (urlsplit(article.article_url).hostname or "unknown").removeprefix(
        "www."
    )


def choose(articles: Sequence[Article], analyses: Sequence[Analysis]) -> tuple[list[Item], list[Item], int]:
    """(relevant, near, how many are relevant), the best first: sixty relevant ones at the most, twelve near ones.

    Relevant is, with the whole topic or nearly, what has at least 0.15 and a fifth of the best score; with less of it,
    0.3 and 0.35 of the best. Near is what is below that, and has at least 0.1 and 0.15 of the best."""
    by_url = {analysis.article_url: analysis for analysis in analyses}
    best = max((analysis.relevance_score for analysis in analyses), default=0.0)
    near_floor = max(LEAST_NEAR, best * NEAR_SHARE_OF_BEST)
    items: dict[str, Item] = {}
    for article in articles:
        analysis = by_url.get(article.article_url)
        if analysis is None or analysis.relevance_score < near_floor:
            continue
        identity = item_id(article.article_url)
        items.setdefault(identity, Item(identity, article, analysis, source_of(article), parse_date(article.pub_date)))
    ranked = sorted(items.values(), key=lambda item: (-item.relevance, item.title.casefold(), item.id))
    relevant = [item for item in ranked if item.relevance >= _floor(item.analysis, best)]
    near = [item for item in ranked if item.relevance < _floor(item.analysis, best)]
    return relevant[:MOST_ITEMS], near[:MOST_NEAR], len(relevant)


def _floor(analysis: Analysis, best: float) -> float:
    parts = analysis.explanation.get("relevance")
    coverage = parts.get("coverage") if isinstance(parts, dict) else None
    if isinstance(coverage, int | float) and coverage >= NEARLY:
        return max(LEAST_RELEVANCE, best * SHARE_OF_BEST)
    return max(LEAST_OF_A_PART, best * SHARE_OF_A_PART)


def stories(items: Sequence[Item]) -> list[list[Item]]:
    """Groups of items that tell the same story: titles that share most of their words, or a title and a name."""
    groups: list[tuple[set[str], list[Item]]] = []
    for item in items:
        own = {word.casefold() for word in WORD.findall(item.title)}
        for told, group in groups:
            if own and told and len(own & told) / len(own | told) >= 0.5:
                group.append(item)
                told |= own
                break
        else:
            groups.append((own, [item]))
    return [group for _, group in groups]
