"""Twenty-one topics and the marks of what is relevant to each: where they are, and how they are counted."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import feedparser

ROOT = Path(__file__).resolve().parents[1]
MARKS = ROOT / "tests" / "fixtures" / "relevance"
NEWSROOM = ROOT / "workers" / "newsroom_sample" / "feeds"


@dataclass(frozen=True)
class Item:
    feed: str
    title: str
    text: str
    language: str = ""
    """What the feed says of itself."""


@dataclass(frozen=True)
class Topic:
    name: str
    corpus: str
    """`real` (the 22 feeds of ../shared/feeds) or `newsroom` (the sample of this repository)."""
    kind: str
    grades: dict[tuple[str, str], int]
    """By feed and title. In the newsroom the title is enough: the feed is empty."""

    def grade(self, item: Item) -> int:
        """2: the item is about the topic, 1: a substantial part of it is, 0: it was not marked."""
        return self.grades.get((item.feed if self.corpus == "real" else "", item.title), 0)

    def precision(self, ranked: Sequence[Item], depth: int) -> float:
        """The share of relevant items among the first `depth`, or as many as are marked where those are fewer."""
        most = min(depth, len(self.grades))
        return sum(bool(self.grade(item)) for item in ranked[:most]) / most


def topics() -> list[Topic]:
    first = json.loads((MARKS / "real_feeds.json").read_text(encoding="utf-8"))["topics"]
    more = json.loads((MARKS / "more_topics.json").read_text(encoding="utf-8"))
    found = [
        Topic(name, "real", judged.get("kind", "plain"), _by_feed(judged["relevant"]))
        for name, judged in {**first, **more["real_feeds"]}.items()
    ]
    return found + [
        Topic(name, "newsroom", judged["kind"], {("", title): 2 for title in judged["relevant"]})
        for name, judged in more["newsroom"].items()
    ]


def _by_feed(marks: Iterable[dict[str, Any]]) -> dict[tuple[str, str], int]:
    return {(mark["feed"], mark["title"]): mark["grade"] for mark in marks}


def items(folder: Path) -> list[Item]:
    """Every item of every feed, as the feed gives it."""
    found = []
    for path in sorted(folder.glob("*.xml")):
        feed = feedparser.parse(io.BytesIO(path.read_bytes()), sanitize_html=False, resolve_relative_uris=False)
        language = feed.feed.get("language", "")
        found += [
            Item(path.stem, entry.get("title", "").strip(), entry.get("summary", ""), language)
            for entry in feed.entries
        ]
    return found
