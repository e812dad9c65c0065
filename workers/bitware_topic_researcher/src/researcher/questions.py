"""Questions worth taking to the sources: about the sides of the topic that articles speak of, what stands out in them, its
kind, its years; and those that headlines ask themselves. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from researcher import wording as w
from researcher.kinds import place_in
from researcher.matching import Matcher, Text, read
from researcher.topic import Topic
from researcher.vocabulary import ADJECTIVES, ASKING, ASKING_AT_LENGTH
from researcher.words import WORD, YEAR, fold, is_acronym

MOST = 8
ASPECTS, HEADLINES, NAMES = 3, 2, 2
_LONGEST_HEADLINE = 110
_QUESTION = re.compile(r"([^.!?:…]*\?)\s*$")
_IDLE = re.compile(r"^\W*(ready|want|looking|curious|did you|have you|are you|do you|sound)\b", re.I)


def questions(
    topic: Topic,
    kind: str,
    language: str,
    about: Sequence[Text],
    sub_topics: Sequence[dict[str, Any]],
    names: Sequence[str],
    year: int,
) -> list[str]:
    """At most MOST questions, in `language` where there are words for it here, else English. `year` is this year."""
    language = language if language in w.KIND else "en"
    made = [
        *_compared(topic, language),
        *_itself(topic),
        *_headlines(topic, [text for text in about if text.language == language]),
        *_aspects(topic, language, about),
        *(_names(topic, language, about, names) if kind not in ("organisation", "person") else ()),
        *_phrases(language, sub_topics, names if kind not in ("organisation", "person") else ()),
        *_kind(topic, language, kind),
        *_years(topic, language, year),
        *_place(topic, language),
    ]
    return list(dict.fromkeys(made))[:MOST]


def spoken(topic: Topic, about: Sequence[Text]) -> str:
    """The topic's language: what the articles about it are written in says more than its few words."""
    counts = Counter(text.language for text in about)
    return topic.language if topic.language != "en" or not counts else counts.most_common(1)[0][0]


def asked(topic: Topic, language: str = "") -> str:
    """The topic within a sentence: without its years, which have a question of their own, and without the aspects that
    only stand before or behind it. `language` adds the article that English has before `history of jazz`."""
    bare = re.sub(r"\s{2,}", " ", YEAR.sub("", topic.label)).strip(" ,:;-–")
    if len(topic.sides) > 1:
        return bare or topic.label
    words = bare.split()
    said = {fold(word) for word in topic.aspects}
    small = {"the", "a", "and", "&", "what's", "in", "for"}
    while len(words) > 1 and (fold(words[-1]) in said or fold(words[-1]) in small or _dangling(words)):
        words.pop()
    while len(words) > 1 and (fold(words[0]) in ADJECTIVES & said or fold(words[0]) in small):
        words.pop(0)
    text = " ".join(words) or topic.label
    return f"the {text}" if language == "en" and fold(words[0]) in said and len(words) > 1 else text


def _dangling(words: Sequence[str]) -> bool:
    return fold(words[-1]) in {"of", "on", "from", "to", "de", "von", "sur"}


def _compared(topic: Topic, language: str) -> Iterator[str]:
    if len(topic.sides) > 1:
        first, second = (YEAR.sub("", name).strip() for name in topic.names[:2])
        for text in w.COMPARISON[language]:
            yield text.format(a=first, b=second)


def _itself(topic: Topic) -> Iterator[str]:
    if topic.question:
        text = topic.label[:1].upper() + topic.label[1:].rstrip("?")
        yield f"¿{text}?" if topic.language == "es" else f"{text} ?" if topic.language == "fr" else f"{text}?"


def _headlines(topic: Topic, about: Sequence[Text]) -> list[str]:
    """Questions about the topic that the articles' own titles ask."""
    matcher = Matcher(topic)
    found = []
    for text in about:
        match = _QUESTION.search(text.title)
        if not match:
            continue
        # A title may list several stories: `Chip Prices Fall, Can Agents Do Human Work?`
        question = match[1].rsplit(", ", 1)[-1] if match[1].count(", ") > 1 else match[1]
        question = question.strip(" –—-\"“”'»«¿")
        question = question[:1].upper() + question[1:]
        names_it = matcher.matched(read({"title": question, "language": text.language}))
        asks = fold((WORD.findall(question) or [""])[0]) in ASKING | ASKING_AT_LENGTH
        if (
            names_it
            and asks
            and len(question.split()) > 3
            and len(question) <= _LONGEST_HEADLINE
            and not _IDLE.match(question)
        ):
            found.append(f"¿{question}" if text.language == "es" else question)
    return list(dict.fromkeys(found))[:HEADLINES]


def _aspects(topic: Topic, language: str, about: Sequence[Text]) -> Iterator[str]:
    """The sides of the topic that the most articles speak of, from two articles and a fifth of them on. What the topic
    itself is, is no side of it: nobody asks which rules apply to a regulation."""
    if topic.question or len(topic.sides) > 1:
        return
    own = _own_words(topic)
    counts = {
        name: sum(not words.isdisjoint(text.words) for text in about)
        for name, words in w.ASPECT_WORDS.items()
        if words.isdisjoint(own)
    }
    for name in sorted(counts, key=lambda name: -counts[name])[:ASPECTS]:
        if counts[name] >= max(2, 0.2 * len(about)):
            yield w.ASPECT[name][language].format(t=asked(topic, language))


def _names(topic: Topic, language: str, about: Sequence[Text], names: Sequence[str]) -> Iterator[str]:
    if len(topic.sides) > 1 or topic.question:
        return
    own = _own_words(topic)
    telling = [n for n in names if own.isdisjoint(map(fold, re.split(r"[\s-]", n))) and not is_acronym(n)]
    for name in telling[:NAMES]:
        several = language == "en" and " " in name and re.search(r"[^su]s$", name)
        wording = w.NAMES if several else w.NAME[language]
        yield wording.format(p=_with_article(name, language, about), t=asked(topic, language))


def _own_words(topic: Topic) -> set[str]:
    own = {fold(word) for idea in topic.ideas for form in idea.forms for word in form}
    return own | {fold(word) for idea in topic.ideas for word in idea.name.split()}


def _with_article(name: str, language: str, about: Sequence[Text]) -> str:
    """`the White House`, where the articles say it so within their sentences."""
    if language != "en":
        return name
    before = Counter(
        found.lower() for text in about for found in re.findall(rf"(\w+) {re.escape(name)}(?!\w)", text.content)
    )
    return f"the {name}" if 2 * before["the"] > before.total() else name


def _phrases(language: str, sub_topics: Sequence[dict[str, Any]], names: Sequence[str]) -> Iterator[str]:
    """About the sub-topics that are several words, and no names: a single word makes no question."""
    closed = {fold(name) for name in names}
    telling = [
        row["name"]
        for row in sub_topics
        if row["articles"] and len(WORD.findall(row["name"])) > 1 and fold(row["name"]) not in closed
    ]
    for name in telling[:2]:
        yield w.PHRASE[language].format(p=name)


def _kind(topic: Topic, language: str, kind: str) -> Iterator[str]:
    for text in w.KIND[language].get(kind, ()):
        yield text.format(t=asked(topic, language))


def _years(topic: Topic, language: str, year: int) -> Iterator[str]:
    if not topic.years:
        return
    first, last = topic.years[0], topic.years[-1]
    span = str(first) if first == last else f"{first}–{last}"
    wording = w.YEAR if last < year else w.YEAR_AHEAD
    yield wording[language].format(t=asked(topic, language), y=span)


def _place(topic: Topic, language: str) -> Iterator[str]:
    place = place_in(topic, language)
    if place:
        yield w.PLACE[language].format(p=place)
