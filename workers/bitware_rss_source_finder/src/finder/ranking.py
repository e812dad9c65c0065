"""Which feeds are about a topic: full-text relevance on whole words, with each part of the score. Pure.

The score is BM25's with weighted fields (Robertson, Zaragoza and Taylor 2004), divided by what a feed would get that says
everything the topic asks for without end; so it lies between 0 and 1, and its parts add up to it. Words that mean the same
count a little less than the topic's own, labels that lie near count much less.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from finder.feeds import Feed
from finder.texts import FIELDS, FURTHER_LABEL, Text, text_of
from finder.topic import NEAR, SAME, Concept, concepts
from finder.words import is_small

WEIGHTS = {"title": 3.0, "topics": 3.0, "description": 1.0, "site": 0.5}
K1, B = 1.2, 0.4
OTHER_LANGUAGE = 0.6
"""What a feed in another language than the topic's counts, where no language was asked for."""
APART = 0.5
"""What the words of a phrase count that do not stand together."""
CUT = 0.15
"""Feeds with less than this part of the best one's score are left out of an answer from the catalogue."""
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


@dataclass
class _Hit:
    """What a concept is to a feed: by field how often it is said, `own` where in the topic's own words; or else the label
    near it."""

    said: dict[str, float] = field(default_factory=dict)
    own: bool = False
    other: str = ""
    label: str = ""
    near: float = 0.0


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
    wanted = set(languages)
    asked = [one for one in feeds if not wanted or not one.language or one.language in wanted]
    notes = []
    if len(asked) < len(feeds):
        notes.append(
            f"{len(feeds) - len(asked)} feeds in other languages than {', '.join(sorted(wanted))} were left out."
        )
    texts = [text_of(one) for one in asked]
    phrases = {label for text in texts for label in text.labels if len(label) > 1}
    sought = concepts(topic, keywords, phrases)
    hits = [[_hit(concept, text) for text in texts] for concept in sought]
    spoken = "" if wanted else _spoken(asked, texts, sought)
    shares = _shares(sought, hits)
    average = {name: (sum(text.length(name) for text in texts) / len(texts) if texts else 0) or 1 for name in FIELDS}
    ranked = [Ranked(one) for one in asked]
    for concept, share, row in zip(sought, shares, hits, strict=True):
        for one, text, hit in zip(ranked, texts, row, strict=True):
            foreign = spoken and one.feed.language not in ("", spoken)
            _add(one, text, concept, hit, share * (OTHER_LANGUAGE if foreign else 1), average)
        if not concept.keyword:
            notes += _said(concept, row)
    best = max((one.score for one in ranked), default=0.0)
    named = [one for one in ranked if one.parts and (every or one.score >= CUT * best or one.feed.key in keep)]
    unnamed = [one for one in ranked if not one.parts]
    rest, told = _rest([one for one in unnamed if one.feed.key not in keep], every, wanted or {spoken or "en"})
    kept = [*named, *(one for one in unnamed if one.feed.key in keep), *rest]
    kept.sort(key=lambda one: -one.score)
    return Found(kept, len(asked), notes + told)


def _shares(sought: Sequence[Concept], hits: Sequence[Sequence[_Hit]]) -> list[float]:
    """What each concept is of the whole score: its worth by its rarity. Keywords that no feed says are not counted, and
    the others together weigh no more than the topic, however many they are."""
    weights = []
    for concept, row in zip(sought, hits, strict=True):
        said_by = sum(bool(hit.said) for hit in row)
        idle = concept.keyword and not any(hit.said or hit.near for hit in row)
        weights.append(0.0 if idle else concept.worth * _rarity(len(row), said_by))
    keywords = sum(weight for concept, weight in zip(sought, weights, strict=True) if concept.keyword)
    topic = sum(weights) - keywords
    held = topic / keywords if keywords > topic > 0 else 1.0
    whole = topic + keywords * held or 1.0
    return [
        weight * (held if concept.keyword else 1.0) / whole for concept, weight in zip(sought, weights, strict=True)
    ]


def _hit(concept: Concept, text: Text) -> _Hit:
    hit = _Hit()
    for form, as_said, counts in (
        (concept.form, concept.name, 1.0),
        *((other, as_written, SAME) for other, as_written in concept.others),
    ):
        if form[0] not in text.every:
            continue
        for name in FIELDS:
            said = counts * text.says(form, name)
            if said > hit.said.get(name, 0.0):
                hit.said[name] = said
                hit.own = hit.own or form == concept.form
                hit.other = hit.other or as_said
    if not hit.said and len(concept.form) > 1 and text.every.issuperset(concept.form):
        said_apart = {name: _apart(concept, text, name) for name in FIELDS}
        hit.said, hit.own = {name: said for name, said in said_apart.items() if said}, True
    if not hit.said:
        for at, (form, label) in enumerate(concept.labels):
            if form[0] in text.every and form in text.labels:
                place = text.labels.index(form)
                hit.label, hit.near = label, NEAR / (1 + 0.5 * at) / (1 + FURTHER_LABEL * place)
                break
    return hit


def _apart(concept: Concept, text: Text, name: str) -> float:
    """What it counts that a feed says all the words of a phrase, and not together."""
    return APART * sum(text.says((word,), name) for word in concept.form) / len(concept.form)


def _add(one: Ranked, text: Text, concept: Concept, hit: _Hit, share: float, average: dict[str, float]) -> None:
    """What a feed gets for one concept, divided among the fields that say it."""
    if hit.near:
        one.parts["related"] = one.parts.get("related", 0.0) + share * hit.near
        one.matched.append(f"{concept.name} ~ {hit.label}")
    if not hit.said:
        return
    weights = {
        name: WEIGHTS[name] * said / (1 - B + B * text.length(name) / average[name]) for name, said in hit.said.items()
    }
    whole = sum(weights.values())
    gained = share * whole / (K1 + whole)
    for name, weight in weights.items():
        one.parts[name] = one.parts.get(name, 0.0) + gained * weight / whole
    one.matched.append(concept.name if hit.own else f"{concept.name} = {hit.other}")


def _spoken(feeds: Sequence[Feed], texts: Sequence[Text], sought: Sequence[Concept]) -> str:
    """The language that a topic is in, by the feeds that say its own words; empty where none does. One foreign word decides:
    `Champions League` is said everywhere, `Fußball` is not."""
    languages = []
    for concept in sought:
        own = {word for word in concept.form if not is_small(word)}
        counted = Counter(
            feed.language
            for feed, text in zip(feeds, texts, strict=True)
            if feed.language and not own.isdisjoint(text.every)
        )
        languages += [language for language, _ in counted.most_common(1)]
    return next((language for language in languages if language != "en"), languages[0] if languages else "")


def _said(concept: Concept, row: Sequence[_Hit]) -> list[str]:
    """What to say of a concept that no feed names."""
    if any(hit.said for hit in row):
        return []
    stand_in = [label for _, label in concept.labels if any(hit.label == label for hit in row)]
    if not stand_in:
        return [f"No feed says {concept.name!r} of itself."]
    return [f"No feed says {concept.name!r} of itself; feeds on {', '.join(stand_in)} stand in for it."]


def _rest(unnamed: list[Ranked], every: bool, languages: set[str]) -> tuple[list[Ranked], list[str]]:
    if every:
        told = [f"{len(unnamed)} feeds do not name the topic; they follow, since the list was given."]
        return unnamed, told if unnamed else []
    general = [
        one for one in unnamed if one.feed.topics[:1] == (GENERAL_LABEL,) and one.feed.language in ("", *languages)
    ][:GENERAL_FEEDS]
    for one in general:
        one.parts["general"] = GENERAL
    told = [
        f"{len(general)} feeds of general news in {', '.join(sorted(languages))} follow: they may report on anything."
    ]
    return general, told if general else []


def _rarity(feeds: int, said_by: int) -> float:
    return math.log(1 + (feeds - said_by + 0.5) / (said_by + 0.5))
