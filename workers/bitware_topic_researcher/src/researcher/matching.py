"""How much an article is about a topic: whole words by their stems, close together, the title above the text. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from researcher.topic import Idea, Topic
from researcher.words import WORD, fold, language_of, stem

MAX_CHARS = 6_000
"""Of an article's text: what it is about is said early."""
ABOUT = 0.35
"""From this strength on an article counts as one about the topic."""
IN_TITLE, IN_TEXT, IN_PASSING = 1.0, 0.7, 0.4
APART = 0.45
"""What is left where the words of the topic stand far from each other: `staff train` here, `at night` there."""
TITLED = 0.75
"""The same, where one of the words is in the title."""
ALONE = 0.4
"""What is left of less than half of a topic in the few words of a feed's title."""
EARLY = 60
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(slots=True)
class Text:
    """Title and text as words. A form is found by the places of its first word."""

    url: str
    feed_url: str
    title: str
    content: str
    language: str
    year: int | None
    words: list[str] = field(default_factory=list)
    stems: list[str] = field(default_factory=list)
    places: dict[str, list[int]] = field(default_factory=dict)
    """Where each stem stands."""
    capitals: frozenset[str] = frozenset()
    head: int = 0
    """How many of the words are the title's."""
    label: str = ""
    """What to call the article by, where that is not the title that was read."""

    @property
    def name(self) -> str:
        return self.label or self.title


def read(article: dict[str, Any]) -> Text:
    """An article as the Feed Fetcher gives it."""
    title, content = str(article.get("title") or ""), str(article.get("content") or "")[:MAX_CHARS]
    language = str(article.get("language") or "") or language_of(f"{title}. {content}")
    published = str(article.get("pub_date") or "")[:4]
    text = Text(
        str(article.get("article_url") or ""),
        str(article.get("feed_url") or ""),
        title,
        content,
        language,
        int(published) if published.isdecimal() else None,
    )
    written = WORD.findall(title)
    text.head = len(written)
    # An empty word between title and text: no phrase reaches over it.
    written = [*written, "", *WORD.findall(content)]
    text.capitals = frozenset(
        part.removesuffix("s") for word in written for part in word.split("-") if sum(c.isupper() for c in part) > 1
    )
    text.words = [fold(word) for word in written]
    text.stems = [stem(word, language) for word in text.words]
    for at, (word, stemmed) in enumerate(zip(text.words, text.stems, strict=True)):
        for part in _parts(word, stemmed, language):
            text.places.setdefault(part, []).append(at)
    return text


def _parts(word: str, stemmed: str, language: str) -> set[str]:
    """`e-bikes` is found as `bike`, too, and `battery-powered` as `battery`."""
    if "-" not in word:
        return {stemmed}
    return {stemmed, *(stem(part, language) for part in word.split("-") if part)}


@dataclass(frozen=True, slots=True)
class Match:
    strength: float
    matched: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    @property
    def about(self) -> bool:
        return self.strength >= ABOUT


class Matcher:
    """Looks for one topic in texts of any language: the topic's words are stemmed as the text's language has it."""

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        ideas = topic.ideas
        # In German every noun has its capital.
        loud = topic.language != "de"
        named = [i for i in ideas if i.exact or (loud and i.name[0].isupper() and not i.capitals)]
        heads = [head for head in topic.heads if head is not None]
        self._needed = frozenset([*named, *heads] if len(named) < len(ideas) else heads)
        """Of several words a name is needed, whatever else may be missing (`Australia`), and what the others describe."""
        self._forms: dict[tuple[Idea, str], list[tuple[str, ...]]] = {}

    def match(self, text: Text) -> Match:
        excluded = tuple(idea.name for idea in self.topic.excluded if self._find(idea, text))
        if excluded:
            return Match(0.0, (), excluded)
        best, names = 0.0, ()
        sides = 0
        for side in self.topic.sides:
            strength, found = self._side(side, text)
            sides += strength >= ABOUT
            if strength > best:
                best, names = strength, found
        if len(self.topic.sides) > 1 and best:
            best *= 1.0 if sides > 1 else 0.7
        if best and self.topic.years and self._of_year(text):
            best = min(1.0, best * 1.15)
        return Match(round(best, 4), names)

    def matched(self, text: Text) -> list[str]:
        """The names of the ideas that a short text, such as a feed's title, has."""
        return [idea.name for idea, places in self._places(self.topic.ideas, text).items() if places]

    def share(self, text: Text) -> float:
        """The largest share of one side's ideas that a short text has; 0 where it has what the topic leaves out."""
        if any(self._find(idea, text) for idea in self.topic.excluded):
            return 0.0
        return max(self._share(side, text) for side in self.topic.sides)

    def _share(self, side: Sequence[Idea], text: Text) -> float:
        found = sum(map(bool, self._places(side, text).values())) / len(side)
        # `state` alone is not what solid state batteries are about.
        return found if found >= 0.5 else ALONE * found

    def _side(self, side: Sequence[Idea], text: Text) -> tuple[float, tuple[str, ...]]:
        places = self._places(side, text)
        found = [idea for idea in side if places[idea]]
        # Two words are both needed; of more, one in three may be missing.
        if len(found) < (len(side) if len(side) < 3 else -(-2 * len(side) // 3)):
            return 0.0, ()
        if any(idea in self._needed and not places[idea] for idea in side):
            return 0.0, ()
        coverage = len(found) / len(side)
        spots = [places[idea] for idea in found]
        near = 1.0 if window(spots) <= 4 * len(found) + 2 else APART
        if near < 1 and any(places_[0] < text.head for places_ in spots):
            near = TITLED  # the title says what the whole text is about
        if all(places_[0] < text.head for places_ in spots):
            where = IN_TITLE
        else:
            often = min(len(places_) for places_ in spots) > 1 or max(places_[0] for places_ in spots) < EARLY
            where = IN_TEXT if often else IN_PASSING
        return coverage * near * where, tuple(idea.name for idea in found)

    def _of_year(self, text: Text) -> bool:
        if text.year in self.topic.years:
            return True
        return any(int(year) in self.topic.years for year in _YEAR.findall(f"{text.title} {text.content}"))

    def _places(self, ideas: Sequence[Idea], text: Text) -> dict[Idea, list[int]]:
        places = {idea: self._find(idea, text) for idea in ideas}
        for several, together in self.topic.called:
            if places.keys() >= set(several) and (spots := self._find(together, text)):
                places |= {idea: sorted({*places[idea], *spots}) for idea in several}
        return places

    def _find(self, idea: Idea, text: Text) -> list[int]:
        """The places of an idea, in order."""
        found: list[int] = []
        for form in self._stemmed(idea, text.language):
            if idea.proper:
                found += _named(form[0], text)
            elif len(form) == 1 and form[0].isupper() and form[0] in idea.capitals:
                if form[0] in text.capitals:
                    found += self._written(form[0], text)
            elif len(form) == 1 and not idea.exact:
                found += text.places.get(form[0], ())
            else:
                sequence = text.words if idea.exact else text.stems
                first = (
                    [at for at, word in enumerate(text.words) if word == form[0]]
                    if idea.exact
                    else text.places.get(form[0], ())
                )
                found += [at for at in first if tuple(sequence[at : at + len(form)]) == form]
        return sorted(set(found))

    def _written(self, acronym: str, text: Text) -> list[int]:
        lower = fold(acronym)
        plain = [at for at, word in enumerate(text.words) if word in (lower, f"{lower}s", f"{lower}'s")]
        # Capitals within a hyphenated word: `AI-powered`.
        return plain or [at for at, word in enumerate(text.words) if lower in word.split("-")]

    def _stemmed(self, idea: Idea, language: str) -> list[tuple[str, ...]]:
        forms = self._forms.get((idea, language))
        if forms is None:
            forms = []
            for form, only in zip_longest(idea.forms, idea.only, fillvalue=""):
                if only and only != language:
                    continue
                if idea.proper or (len(form) == 1 and form[0] in idea.capitals):
                    forms.append(form)
                elif idea.exact:
                    forms.append(tuple(fold(word) for word in form))
                else:
                    forms.append(tuple(stem(fold(word), language) for word in form))
            self._forms[idea, language] = forms
        return forms


def _named(name: str, text: Text) -> list[int]:
    """The places of a name that is a small word otherwise, where the text writes it as a name within a sentence."""
    written = rf"(?<=[\w,;:(/&] ){re.escape(name)}(?!['’\w])"
    plain = [word for word in WORD.findall(text.title)[1:] if len(word) > 3 and word.islower()]
    if not any(re.search(written, source) for source in (text.content, text.title if plain else "")):
        return []
    return [at for at, word in enumerate(text.words) if word == fold(name)]


def in_capitals(text: str) -> bool:
    """A text written as titles are: `Agents Drive Online Traffic`. Its capitals make no names."""
    long = [word for word in WORD.findall(text) if len(word) > 3]
    return len(long) > 2 and sum(word[0].isupper() for word in long) > 0.6 * len(long)


def window(places: Sequence[Sequence[int]]) -> int:
    """The length of the shortest stretch of words that has one place of each list."""
    if len(places) < 2:
        return 1
    at = [0] * len(places)
    best = 1 << 30
    while True:
        now = [spots[i] for spots, i in zip(places, at, strict=True)]
        best = min(best, max(now) - min(now) + 1)
        lowest = now.index(min(now))
        at[lowest] += 1
        if at[lowest] == len(places[lowest]):
            return best
