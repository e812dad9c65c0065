"""Phrases that come with a topic: more often in the articles about it than in the others that were read. Pure."""

from __future__ import annotations

import asyncio
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from researcher.matching import Text, in_capitals
from researcher.stopwords import LINKS, VERBS
from researcher.topic import Topic
from researcher.vocabulary import GENERIC
from researcher.words import WORD, dull, fold, stem, stop

LONGEST = 4
CANDIDATES = 300
MOST_ARTICLES = 400
"""About the topic, the strongest: more do not change what they have in common."""
SLICE = 20
"""Articles between two turns of the event loop."""
_CLAUSE = re.compile(r"[,;:()\[\]\"“”„«»!?…–—|/\n]|\s-\s|\.(?=\s|$)")
_NEW = frozenset("york zealand delhi orleans jersey england mexico hampshire caledonia".split())
_OWNS = re.compile(r"['’]s$")
_BEFORE_VERBS = frozenset(
    """can cannot could will would should may might must they we you he she it who i not don't doesn't didn't won't can't
    let's i'll we'll you'll they'll""".split()
)
_AFTER_VERBS = frozenset("the a an its their his her our your my this these those it them us him me how".split())
HEADS, SEVERAL_HEADS, GERUND = 0.5, 0.35, 0.75
"""A word (or several) that mostly stands before another is no thing of its own: `organic`, `source` of `source code`."""
Key = tuple[str, ...]
_ROMAN = re.compile(r"(?=..)X{0,3}(?:IX|IV|V?I{0,3})")
"""A number is no thing of its own: `Avatar IV`."""


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
    uses: int = 0
    ends: int = 0
    """How often it is the end of a run of words;"""
    verbal: float = 0.0
    """and a verb."""
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

    @property
    def thing(self) -> bool:
        """What a text can be about: no verb, and no word that only describes another."""
        limit = HEADS if len(self.key) == 1 or self.proper else SEVERAL_HEADS
        verb = 0.5 if len(self.key) == 1 else 0.6
        if len(self.key) == 1 and self.key[0].isascii() and all(s.endswith("ing") for s in self.spellings):
            limit = GERUND
        return self.ends >= limit * self.uses and self.verbal < verb * self.uses


def _loud(word: str) -> bool:
    return sum(c.isupper() for c in word) > 1


@dataclass(slots=True)
class _Run:
    """Words between stop words and punctuation: (as written, stem, whether it only links) of each."""

    words: list[tuple[str, str, bool]]
    begins: bool
    """It stands at the beginning of a clause."""
    before: str
    after: str
    """The stop words around it, folded; "" for punctuation."""


def runs(text: str, language: str) -> Iterator[_Run]:
    stops, verbs = stop(language), VERBS.get(language, frozenset())
    for clause in _CLAUSE.split(text):
        words: list[tuple[str, str, bool]] = []
        begins, before = True, ""
        for written in WORD.findall(clause):
            folded = fold(written)
            owns = _OWNS.search(written)
            links = folded in LINKS and bool(words) and language != "de"
            letter = len(folded) == 1 and not (written.isupper() and folded not in "ai")
            small = folded in stops or folded in verbs or (not owns and folded.partition("'")[0] in stops)
            if links or not (small or folded.isdigit() or letter):
                bare = written[: owns.start()] if owns else written
                words.append((bare, stem(fold(bare), language), links))
                if owns:
                    # What somebody has is no part of the name: `Nordbahn's` and `carriages`.
                    yield _Run(words, begins, before, "'s")
                    begins, before, words = False, "'s", []
            else:
                if words:
                    yield _Run(words, begins, before, folded)
                begins, before, words = False, folded, []
        if words:
            yield _Run(words, begins, before, "")


def phrases_of(text: str, language: str, names: bool = False) -> Iterator[tuple[Key, str, bool, float, bool]]:
    """Every phrase of one to four words that neither begins nor ends with a word that tells nothing: (stems, as written,
    whether it begins a clause, how much the words around it make it a verb (0 to 1), whether it is the end of its run).
    With `names` capitals mean something: the last word of `Night Travel Trust` is none that tells nothing."""
    dulls = dull(language)
    for run in runs(text, language):
        words = run.words
        for start in range(len(words)):
            for end in range(start + 1, min(len(words), start + LONGEST) + 1):
                part = words[start:end]
                if part[0][2] or part[-1][2]:
                    continue
                first, last = fold(part[0][0]), fold(part[-1][0])
                named = names and len(part) > 1 and all(word[0].isupper() for word, _, _ in part[-2:])
                if not first[0].isalpha() or ((last in dulls or _no_noun(last, language)) and not named):
                    continue
                town = len(part) > 1 and first == "new" and last in _NEW
                town |= names and len(part) > 1 and all(word[0].isupper() for word, _, _ in part[:2]) and not run.begins
                if (first in dulls or _no_noun(first, language, alone=start == end - 1)) and not town:
                    continue
                if len(part) == 1 and (_ROMAN.fullmatch(part[0][0]) or (len(first) < 3 and not part[0][0].isupper())):
                    continue
                written = " ".join(word for word, _, _ in part)
                after = fold(words[end][0]) if end < len(words) else ""
                ends = not after or after in dulls or _no_noun(after, language)
                verb = (
                    _verbal(run.before if start == 0 else "", run.after if end == len(words) else "")
                    if language == "en"
                    else 0.0
                )
                yield tuple(stemmed for _, stemmed, _ in part), written, run.begins and start == 0, verb, ends


def _verbal(before: str, after: str) -> float:
    if before in _BEFORE_VERBS or after in _AFTER_VERBS:
        return 1.0
    return 0.5 if before == "to" else 0.0


def _no_noun(word: str, language: str, alone: bool = True) -> bool:
    """English forms that stand alone as verbs, adverbs or adjectives: `delayed`, `slowly`, `massive`; before a noun they
    may (`restored reef`)."""
    if language != "en" or len(word) < 5:
        return False
    if word.endswith("ly"):
        return True
    ends = ("ed", "ive", "ous", "ful", "able", "less", "ible")
    return alone and word.endswith(ends) and not word.endswith(("eed", "tive"))


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
        headed = in_capitals(text.content) or text.language == "de"
        for source, titled in ((text.title, True), (text.content, False)):
            for key, written, begins, verbal, ends in phrases_of(source, text.language, not (titled or headed)):
                if all(part in own or part in LINKS for part in key) or any(part in out for part in key):
                    continue
                if itself.issuperset(key):
                    continue
                phrase = found.setdefault(key, Phrase(key))
                if number not in phrase.articles:
                    phrase.articles.add(number)
                    phrase.feeds[text.feed_url] += 1
                phrase.uses += 1
                phrase.ends += ends
                phrase.verbal += verbal
                phrase.spellings[written] += 1 if titled or begins else 4
                if titled:
                    phrase.titles.add(number)
                elif not begins and not headed:
                    phrase.inside[all(word[0].isupper() for word in written.split() if fold(word) not in LINKS)] += 1
    every = {text.feed_url for text in about}
    kept = [p for p in found.values() if _common(p, len(about)) and not _stock(p, len(every))]
    kept = [p for p in _whole(kept) if p.thing]
    kept.sort(key=lambda phrase: (-len(phrase.articles), -len(phrase.key), phrase.key))
    kept = kept[:CANDIDATES]
    await _count_elsewhere(kept, others)
    for phrase in kept:
        phrase.score = _score(phrase, len(about), len(others), own)
    kept.sort(key=lambda phrase: (-phrase.score, phrase.key))
    return _without_parts([phrase for phrase in kept if phrase.score > 0])


def _common(phrase: Phrase, about: int) -> bool:
    """In two articles; where there are hardly more, what a title says counts, too."""
    telling = bool(phrase.titles) and (len(phrase.key) > 1 or phrase.proper)
    return len(phrase.articles) > 1 or (about < 4 and telling)


def _stock(phrase: Phrase, feeds: int) -> bool:
    """What one feed alone says again and again is its own heading (`Weekly Digest Issue`), no part of the topic."""
    return feeds >= 4 and len(phrase.articles) > 12 and max(phrase.feeds.values()) > 0.8 * len(phrase.articles)


def _stems(topic: Topic, languages: set[str]) -> tuple[set[str], set[str]]:
    """The stems of the topic's words, and of those it leaves out."""
    own, out = set(), set()
    for language in languages:
        for idea in (*topic.ideas, *(together for _, together in topic.called)):
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


def _whole(phrases: Sequence[Phrase]) -> list[Phrase]:
    """Without those that hardly ever stand outside a longer one: `Development Kit` of `Agent Development Kit`."""
    longer: dict[Key, int] = {}
    for phrase in phrases:
        size = len(phrase.key)
        for part in {phrase.key[at : at + n] for n in range(1, size) for at in range(size - n + 1)}:
            longer[part] = max(longer.get(part, 0), len(phrase.articles))
    # A single word stands for itself more easily.
    return [p for p in phrases if longer.get(p.key, 0) < (0.75 if len(p.key) > 1 else 0.85) * len(p.articles)]


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
