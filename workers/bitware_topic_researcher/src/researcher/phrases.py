"""Phrases that come with a topic: more often in the articles about it than in the others that were read. Pure."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from researcher.matching import Text
from researcher.stopwords import LINKS
from researcher.topic import Topic
from researcher.vocabulary import GENERIC
from researcher.words import WORD, dull, fold, stem, stop

LONGEST = 3
CANDIDATES = 250
MOST_ARTICLES = 400
"""About the topic, the strongest: more do not change what they have in common."""
SLICE = 20
"""Articles between two turns of the event loop."""
_CLAUSE = re.compile(r"[,;:()\[\]\"“”„«»!?…–—|/\n]|\s-\s|\.(?=\s|$)")
_NEW = frozenset("york zealand delhi orleans jersey england mexico hampshire caledonia".split())
Key = tuple[str, ...]


@dataclass(slots=True)
class Phrase:
    """`articles` are the numbers of the articles (about the topic) that have it, `titles` of those that have it in the title."""

    key: Key
    articles: set[int] = field(default_factory=set)
    titles: set[int] = field(default_factory=set)
    feeds: Counter[str] = field(default_factory=Counter)
    spellings: Counter[str] = field(default_factory=Counter)
    inside: Counter[bool] = field(default_factory=Counter)
    """Whether it is in capitals, where it stands within a sentence."""
    elsewhere: int = 0
    score: float = 0.0

    @property
    def name(self) -> str:
        """Its most usual spelling; not the capitals of a title or of the beginning of a sentence."""
        best = max(self.spellings.items(), key=lambda row: (row[1], row[0]))[0]
        if self.proper or not self.inside or any(_loud(word) for word in best.split()) or best.islower():
            return best
        lower = [spelling for spelling in sorted(self.spellings) if spelling.islower()]
        return lower[0] if lower else best[0].lower() + best[1:] if " " not in best else best

    @property
    def proper(self) -> bool:
        """A name: written with capitals within sentences, or with several in one word."""
        told = sum(self.inside.values())
        if told:
            return 3 * self.inside[True] >= 2 * told
        return all(_loud(word) for spelling in self.spellings for word in spelling.split())


def _loud(word: str) -> bool:
    return sum(c.isupper() for c in word) > 1


def runs(text: str, language: str) -> Iterator[tuple[bool, list[tuple[str, str, bool]]]]:
    """(whether it begins a clause, (as written, stem, whether it only links) of each word) of every run of words between
    stop words and punctuation."""
    stops = stop(language)
    for clause in _CLAUSE.split(text):
        run: list[tuple[str, str, bool]] = []
        begins = True
        for written in WORD.findall(clause):
            folded = fold(written)
            links = folded in LINKS and bool(run) and language != "de"
            letter = len(folded) == 1 and not (written.isupper() and folded not in "ai")
            small = folded in stops or folded.partition("'")[0] in stops
            if links or not (small or folded.isdigit() or letter):
                run.append((written, stem(folded, language), links))
            else:
                yield begins, run
                begins, run = False, []
        yield begins, run


def phrases_of(text: str, language: str) -> Iterator[tuple[Key, str, bool]]:
    """(stems, as written, whether it begins a clause) of every phrase of one to three words that neither begins nor ends with a word that tells
    nothing."""
    dulls = dull(language)
    for begins, run in runs(text, language):
        for start in range(len(run)):
            for end in range(start + 1, min(len(run), start + LONGEST) + 1):
                part = run[start:end]
                if part[0][2] or part[-1][2]:
                    continue
                first, last = fold(part[0][0]), fold(part[-1][0])
                if not first[0].isalpha() or last in dulls or _no_noun(last, language):
                    continue
                named = len(part) > 1 and first == "new" and last in _NEW
                if (first in dulls or _no_noun(first, language, alone=start == end - 1)) and not named:
                    continue
                if len(part) == 1 and len(first) < 3 and not part[0][0].isupper():
                    continue
                written = " ".join(word for word, _, _ in part)
                yield tuple(stemmed for _, stemmed, _ in part), re.sub(r"['’]s$", "", written), begins and start == 0


def _no_noun(word: str, language: str, alone: bool = True) -> bool:
    """English forms that stand alone as verbs, adverbs or adjectives: `delayed`, `slowly`, `massive`; before a noun they
    may (`restored reef`)."""
    if language != "en" or len(word) < 5:
        return False
    if word.endswith("ly"):
        return True
    return alone and word.endswith(("ed", "ive", "ous", "ful", "able", "less")) and not word.endswith(("eed", "tive"))


async def collect(
    topic: Topic, about: Sequence[Text], others: Sequence[Text], titles: Mapping[str, str]
) -> list[Phrase]:
    """The phrases of the articles about the topic, the strongest first; none is the topic itself or has what it leaves out.
    `titles` are those of the feeds, by address: that a feed names itself says nothing of the topic."""
    own, out = _stems(topic, {text.language for text in about})
    found: dict[Key, Phrase] = {}
    about = about[:MOST_ARTICLES]
    for number, text in enumerate(about):
        if number % SLICE == SLICE - 1:
            await asyncio.sleep(0)
        itself = {stem(fold(word), text.language) for word in WORD.findall(titles.get(text.feed_url, ""))}
        headed = _in_capitals(text.content)
        for source, titled in ((text.title, True), (text.content, False)):
            for key, written, begins in phrases_of(source, text.language):
                if all(part in own or part in LINKS for part in key) or any(part in out for part in key):
                    continue
                if itself.issuperset(key):
                    continue
                phrase = found.setdefault(key, Phrase(key))
                if number not in phrase.articles:
                    phrase.articles.add(number)
                    phrase.feeds[text.feed_url] += 1
                phrase.spellings[written] += 1 if titled or begins else 4
                if titled:
                    phrase.titles.add(number)
                elif not begins and not headed and text.language != "de":
                    phrase.inside[all(word[0].isupper() for word in written.split() if fold(word) not in LINKS)] += 1
    every = {text.feed_url for text in about}
    kept = [p for p in found.values() if _common(p, len(about)) and not _stock(p, len(every))]
    kept.sort(key=lambda phrase: (-len(phrase.articles), -len(phrase.key), phrase.key))
    kept = kept[:CANDIDATES]
    await _count_elsewhere(kept, others)
    for phrase in kept:
        phrase.score = _score(phrase, len(about), len(others), own)
    kept.sort(key=lambda phrase: (-phrase.score, phrase.key))
    return _without_parts([phrase for phrase in kept if phrase.score > 0])


def _common(phrase: Phrase, about: int) -> bool:
    """In two articles; where there are hardly more, what a title says counts, too."""
    return len(phrase.articles) > 1 or (about < 4 and bool(phrase.titles) and len(phrase.key) < 3)


def _in_capitals(text: str) -> bool:
    """A text written as titles are: `Agents Drive Online Traffic`. Its capitals make no names."""
    long = [word for word in WORD.findall(text) if len(word) > 3]
    return len(long) > 2 and sum(word[0].isupper() for word in long) > 0.6 * len(long)


def _stock(phrase: Phrase, feeds: int) -> bool:
    """What one feed alone says again and again is its own heading (`Weekly Digest Issue`), no part of the topic."""
    return feeds >= 4 and len(phrase.articles) > 12 and max(phrase.feeds.values()) > 0.8 * len(phrase.articles)


def _stems(topic: Topic, languages: set[str]) -> tuple[set[str], set[str]]:
    """The stems of the topic's words, and of those it leaves out."""
    own, out = set(), set()
    for language in languages:
        for idea in topic.ideas:
            own |= {stem(fold(word), language) for form in idea.forms for word in form}
        own |= {stem(fold(word), language) for word in topic.aspects}
        own |= {str(year) for year in topic.years}
        # Of a phrase that is left out no single word is.
        out |= {stem(fold(f[0]), language) for idea in topic.excluded for f in idea.forms if len(f) == 1}
    return own, out


async def _count_elsewhere(phrases: Sequence[Phrase], others: Sequence[Text]) -> None:
    by_key = {phrase.key: phrase for phrase in phrases}
    starts: dict[str, list[Phrase]] = {}
    for phrase in phrases:
        starts.setdefault(phrase.key[0], []).append(phrase)
    for number, text in enumerate(others):
        if number % (4 * SLICE) == 0:
            await asyncio.sleep(0)
        seen: set[Key] = set()
        for first in text.places.keys() & starts.keys():
            for phrase in starts[first]:
                size = len(phrase.key)
                if size == 1 or any(tuple(text.stems[at : at + size]) == phrase.key for at in text.places[first]):
                    seen.add(phrase.key)
        for key in seen:
            by_key[key].elsewhere += 1


def _score(phrase: Phrase, about: int, others: int, own: set[str]) -> float:
    """How many articles have it, how much rarer it is elsewhere, and how telling its form is."""
    here = len(phrase.articles) / about
    there = (phrase.elsewhere + 0.5) / (others + 1) if others >= 10 else 0.05
    lift = math.log(here / there) if here > there else 0.0
    if lift <= 0:
        return 0.0
    # What nearly every article has names the topic, no part of it.
    spread = 1.0 if here <= 0.6 or about < 6 else 0.5
    form = 1.0 + 0.45 * (len([part for part in phrase.key if part not in LINKS]) - 1) + 0.25 * phrase.proper
    # `AI solutions` names no part of AI.
    fresh = [word for word in map(fold, phrase.name.split()) if word not in LINKS and stem(word, "en") not in own]
    new = 0.4 if own.intersection(phrase.key) and all(word in GENERIC for word in fresh) else 1.0
    titled = 1 + 0.5 * len(phrase.titles) / len(phrase.articles)
    several = 1.0 + 0.25 * min(3, len(phrase.feeds) - 1)
    return math.log1p(len(phrase.articles)) * lift * form * titled * several * spread * new


def _without_parts(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Of `bus battery`, `bus battery packs` and `battery packs` in the same articles only the strongest."""
    kept: list[Phrase] = []
    for phrase in phrases:
        for other in kept:
            nested = _inside(phrase.key, other.key) or _inside(other.key, phrase.key)
            shared = len(phrase.articles & other.articles)
            if nested and 3 * shared >= 2 * min(len(phrase.articles), len(other.articles)):
                break
        else:
            kept.append(phrase)
    return kept


def _inside(part: Key, whole: Key) -> bool:
    return any(whole[at : at + len(part)] == part for at in range(len(whole) - len(part) + 1))
