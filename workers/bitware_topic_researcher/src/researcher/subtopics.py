"""Sub-topics: phrases that stand in the same articles, as groups with the number of articles that carry them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from researcher.matching import Text
from researcher.phrases import Phrase

MOST = 8
CONSIDERED = 60
KEYWORDS, COMMON = 6, 2
TOGETHER = 0.5
"""Phrases belong together when they share this part of all their articles,"""
FEW = 12
"""With so few articles about the topic two that share a word say something."""
OFTEN = 0.4
"""or when one has at least two articles with the other, and this part of its own."""


@dataclass
class Group:
    phrases: list[Phrase]
    articles: set[int]


def groups(phrases: Sequence[Phrase], about: int) -> list[Group]:
    """Groups of phrases, each grown around its strongest phrase, the one with most articles first. `about` is the number
    of all articles about the topic."""
    left = list(phrases[:CONSIDERED])
    made: list[Group] = []
    while left:
        seed = left.pop(0)
        near = [phrase for phrase in left if _together(seed, phrase)]
        if len(seed.articles) < 2 or not _names_one([seed, *near], about):
            continue
        group = Group([seed, *near], _carried([seed, *near]))
        taken = {phrase.key for phrase in near}
        left = [phrase for phrase in left if phrase.key not in taken]
        if any(len(group.articles & other.articles) > 0.7 * len(group.articles | other.articles) for other in made):
            continue
        made.append(group)
    made = sorted(made, key=lambda group: -_weight(group))[:MOST]
    return sorted(made, key=lambda group: (-len(group.articles), -_weight(group)))


def _together(seed: Phrase, phrase: Phrase) -> bool:
    shared = len(phrase.articles & seed.articles)
    return shared >= TOGETHER * len(phrase.articles | seed.articles) or (
        shared >= 2 and shared >= OFTEN * len(phrase.articles)
    )


def _carried(phrases: Sequence[Phrase]) -> set[int]:
    """The articles with the first phrase, and those with two of the others."""
    counts = Counter(number for phrase in phrases[1:] for number in phrase.articles)
    return phrases[0].articles | {number for number, count in counts.items() if count > 1}


def _names_one(phrases: Sequence[Phrase], about: int) -> bool:
    """Whether a group can be named: by a name or several words, or by a common word that titles have."""
    seed = phrases[0]
    if _longer(phrases) is not None:
        return True
    return bool(seed.titles) and (about <= FEW or (len(seed.articles) > 2 and len(phrases) > 1))


def _longer(phrases: Sequence[Phrase]) -> Phrase | None:
    """The first phrase if it is a name or several words, else one of nearly as many articles that is."""
    first = phrases[0]
    for phrase in phrases:
        if (len(phrase.key) > 1 or phrase.proper) and 3 * len(phrase.articles) >= 2 * len(first.articles):
            return phrase
    return None


def _name(group: Group) -> str:
    return (_longer(group.phrases) or group.phrases[0]).name


def _keywords(group: Group) -> list[str]:
    """Longer phrases and names; of common words, which stand in other articles as well, the first two."""
    common = [phrase.key for phrase in group.phrases if len(phrase.key) == 1 and not phrase.proper][:COMMON]
    kept = [phrase for phrase in group.phrases if len(phrase.key) > 1 or phrase.proper or phrase.key in common]
    return [phrase.name for phrase in kept[:KEYWORDS]]


def _weight(group: Group) -> float:
    return sum(phrase.score for phrase in group.phrases[:3])


def told(found: Sequence[Group], texts: Sequence[Text]) -> list[dict[str, Any]]:
    """{name, keywords, articles, feeds, why, examples} of each group."""
    rows = []
    for group in found:
        first = group.phrases[0]
        numbers = sorted(group.articles, key=lambda n: (n not in first.titles, n not in first.articles, n))
        examples = [{"title": texts[n].name, "url": texts[n].url} for n in numbers[:2]]
        feeds = {texts[n].feed_url for n in group.articles}
        many = f"{len(group.articles)} of {len(texts)} articles about the topic, in {len(feeds)} " + (
            "feed" if len(feeds) == 1 else "feeds"
        )
        rows.append(
            {
                "name": _name(group),
                "keywords": _keywords(group),
                "articles": len(group.articles),
                "feeds": len(feeds),
                "why": f"{many}, for one “{examples[0]['title']}”" if examples else many,
                "examples": examples,
            }
        )
    return rows
