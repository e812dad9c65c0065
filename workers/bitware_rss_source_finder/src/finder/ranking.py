"""Which feeds are about a topic: full-text relevance on whole words, with each part of the score. Pure.

The score is BM25's with weighted fields (Robertson, Zaragoza and Taylor 2004), divided by what a feed would get that says
every word of the topic without end; so it lies between 0 and 1, and its parts add up to it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from finder.feeds import Feed
from finder.related import nearby, says
from finder.words import topic_words, words

WEIGHTS = {"title": 3.0, "topics": 2.5, "description": 1.0, "site": 1.0}
K1, B = 1.2, 0.6
KEYWORD = 0.5
"""A keyword's worth, measured by a word of the topic."""
RELATED = 0.3
"""The share of a word's worth that a nearby topic label gets for it."""
GENERAL = 0.01
GENERAL_FEEDS = 12
"""General news may report on anything, so a few of them follow what names the topic."""
GENERAL_LABEL = "news"
DIGITS = 4


@dataclass
class Ranked:
    feed: Feed
    parts: dict[str, float] = field(default_factory=dict)
    matched: list[str] = field(default_factory=list)

    @property
    def score(self) -> float:
        return round(sum(self.parts.values()), DIGITS)

    def told(self) -> dict[str, Any]:
        parts = {name: round(value, DIGITS) for name, value in self.parts.items() if value}
        return {**self.feed.told(), "score": self.score, "parts": parts, "matched": self.matched}


@dataclass(frozen=True)
class Found:
    ranked: list[Ranked]
    searched: int
    notes: list[str]


@dataclass(frozen=True)
class _Text:
    """A feed's words by field, counted."""

    counts: Mapping[str, Counter[str]]
    lengths: Mapping[str, int]

    @classmethod
    def of(cls, feed: Feed) -> _Text:
        fields = {
            "title": words(feed.title),
            "topics": words(" ".join(feed.topics)),
            "description": words(feed.description),
            "site": words(feed.site),
        }
        return cls({name: Counter(said) for name, said in fields.items()}, {n: len(s) for n, s in fields.items()})

    def has(self, word: str) -> bool:
        return any(word in counts for counts in self.counts.values())


def rank(
    feeds: Sequence[Feed],
    topic: str,
    *,
    keywords: Iterable[str] = (),
    languages: Iterable[str] = (),
    every: bool = False,
    keep: Collection[str] = (),
) -> Found:
    """The feeds about a topic, the best first.

    `languages` keeps feeds of these, and those whose language nobody says. With `every`, feeds that do not name the topic
    follow with a score of 0 (a short list that someone chose); without it only a few of general news do, and those whose
    keys are in `keep`.
    """
    wanted_languages = set(languages)
    asked = [one for one in feeds if not wanted_languages or not one.language or one.language in wanted_languages]
    notes = []
    if len(asked) < len(feeds):
        notes.append(
            f"{len(feeds) - len(asked)} feeds in other languages than {', '.join(sorted(wanted_languages))} were left out."
        )
    worth = dict.fromkeys(topic_words(topic), 1.0)
    for keyword in keywords:
        for word in topic_words(keyword):
            worth.setdefault(word, KEYWORD)
    texts = [_Text.of(one) for one in asked]
    said_by = {word: sum(text.has(word) for text in texts) for word in worth}
    rarity = {word: _rarity(len(asked), count) for word, count in said_by.items()}
    most = sum(worth[word] * rarity[word] for word in worth) or 1.0
    average = {name: (sum(text.lengths[name] for text in texts) / len(texts) if texts else 0) or 1 for name in WEIGHTS}
    ranked = [Ranked(one) for one in asked]
    for one, text in zip(ranked, texts, strict=True):
        for word in worth:
            _add(one, text, word, worth[word] * rarity[word] / most, average)
    notes += _related(ranked, [word for word in worth if not said_by[word]], worth, rarity, most)
    notes += _rest([one for one in ranked if not one.parts and one.feed.key not in keep], every, wanted_languages)
    kept = [one for one in ranked if every or one.parts or one.feed.key in keep]
    kept.sort(key=lambda one: -one.score)
    return Found(kept, len(asked), notes)


def _add(one: Ranked, text: _Text, word: str, share: float, average: Mapping[str, float]) -> None:
    """What a feed gets for saying a word, divided among the fields that say it."""
    weights = {
        name: weight * counts[word] / (1 - B + B * text.lengths[name] / average[name])
        for name, weight in WEIGHTS.items()
        if (counts := text.counts[name])[word]
    }
    whole = sum(weights.values())
    if not whole:
        return
    gained = share * whole / (K1 + whole)
    for name, weight in weights.items():
        one.parts[name] = one.parts.get(name, 0.0) + gained * weight / whole
    one.matched.append(word)


def _related(
    ranked: list[Ranked], unsaid: list[str], worth: Mapping[str, float], rarity: Mapping[str, float], most: float
) -> list[str]:
    """For a word that no feed says, feeds with a nearby topic label stand in; said in a note."""
    notes = []
    for word in unsaid:
        labels = nearby(word)
        known = {label for label in labels if any(says(label, one.feed.topics) for one in ranked)}
        if not known:
            notes.append(f"No feed says {word!r} of itself.")
            continue
        told = [label for label in labels if label in known]
        notes.append(f"No feed says {word!r} of itself; feeds on {', '.join(told)} stand in for it.")
        share = RELATED * worth[word] * rarity[word] / most
        for one in ranked:
            at = next((at for at, label in enumerate(told) if says(label, one.feed.topics)), None)
            if at is not None:
                # The table names the nearest label first.
                one.parts["related"] = one.parts.get("related", 0.0) + share / (1 + at)
                one.matched.append(f"{word} ~ {told[at]}")
    return notes


def _rest(unnamed: list[Ranked], every: bool, languages: set[str]) -> list[str]:
    if every:
        return (
            [f"{len(unnamed)} feeds do not name the topic; they follow, since the list was given."] if unnamed else []
        )
    general = [
        one
        for one in unnamed
        if one.feed.topics[:1] == (GENERAL_LABEL,) and (languages or one.feed.language in ("", "en"))
    ][:GENERAL_FEEDS]
    for one in general:
        one.parts["general"] = GENERAL
    if not general:
        return []
    spoken = "" if languages else "English "
    return [f"{len(general)} feeds of {spoken}general news follow: they may report on anything."]


def _rarity(feeds: int, said_by: int) -> float:
    return math.log(1 + (feeds - said_by + 0.5) / (said_by + 0.5))
