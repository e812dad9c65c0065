"""From what was gathered to the answer: keywords, sub-topics, questions; and what a model adds to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from researcher import candidates, kinds, subtopics
from researcher.gathering import Gathering
from researcher.model import Model
from researcher.phrases import Phrase, collect
from researcher.questions import asked, questions, spoken
from researcher.topic import Idea, Topic
from researcher.words import YEAR, fold

KEYWORDS = 20
FEW = 4
"""With fewer articles about the topic, what they have in common may be chance: it is said."""
FROM_MODEL = {"sub_topics": 6, "keywords": 10, "questions": 6}
_PROMPT = (
    "You plan research in news feeds. You get a topic and what a search of articles has found so far. Answer with one JSON "
    'object: {"sub_topics": [at most 6 short phrases, the most important sides of the topic], "keywords": [at most 10 terms '
    'that articles about the topic use, also in other languages], "questions": [at most 6 questions that a reader would '
    "want answered]}. Leave out what the topic excludes."
)


@dataclass
class Found:
    phrases: list[Phrase]
    sub_topics: list[dict[str, Any]]
    keywords: list[str]
    questions: list[str]
    kind: str
    place: str


async def found_in(gathering: Gathering) -> Found:
    topic, about = gathering.wish.topic, gathering.about
    phrases = await collect(topic, about, gathering.others, gathering.titles)
    sub_topics = subtopics.told(subtopics.groups(phrases, len(about)), about) if about else _from_labels(gathering)
    language = spoken(topic, about)
    kind = kinds.kind_of(topic, language, about)
    enough = max(2, len(about) // 50)
    names = [phrase.name for phrase in phrases[:KEYWORDS] if phrase.proper and len(phrase.articles) >= enough]
    keywords = [*_own(topic), *(phrase.name for phrase in phrases if _tells(phrase, len(about)))]
    if not phrases:
        keywords += [row["name"] for row in sub_topics]
    return Found(
        phrases,
        sub_topics,
        _once(keywords)[:KEYWORDS],
        questions(topic, kind, language, about, sub_topics, names, datetime.now(UTC).year),
        kind,
        kinds.place_in(topic, language),
    )


def _tells(phrase: Phrase, about: int) -> bool:
    """A common word is a keyword where several articles have it, and titles."""
    if len(phrase.key) > 1 or phrase.proper:
        return True
    return bool(phrase.titles) and (about <= subtopics.FEW or len(phrase.articles) > 2)


def _own(topic: Topic) -> list[str]:
    """The topic as it is asked, or its sides; quoted phrases; the other names that its ideas go by."""
    if len(topic.sides) > 1:
        whole = [YEAR.sub("", name).strip() for name in topic.names]
    elif topic.question:
        whole = _neighbours(topic)
    else:
        whole = [asked(topic), *([topic.search] if len(topic.ideas) == 1 else [])]
    ideas = [idea for idea in topic.ideas if idea.exact or (len(idea.forms) > 1 and not _hyphened(idea))]
    ideas += [together for _, together in topic.called]
    return [*whole, *(name for idea in ideas for name in _names(idea, topic.language))]


def _names(idea: Idea, language: str) -> list[str]:
    """What it is called in the topic's language, and the short form where it has one."""
    if not idea.only:
        return [idea.name, *map(" ".join, idea.forms[:2])]
    own = [form for form, only in zip(idea.forms, idea.only, strict=True) if only in ("", language)]
    return list(map(" ".join, own[:3]))


def _hyphened(idea: Idea) -> bool:
    return "-" in idea.name and len(idea.forms) == 2


def _neighbours(topic: Topic) -> list[str]:
    """Of a question: its words, those that stand together as one."""
    text, runs = f" {topic.label.lower()} ", [[idea.name] for idea in topic.ideas[:1]]
    for before, idea in pairwise(topic.ideas):
        if f" {before.name} {idea.name} ".lower() in text:
            runs[-1].append(idea.name)
        else:
            runs.append([idea.name])
    return [" ".join(run) for run in runs]


def _from_labels(gathering: Gathering) -> list[dict[str, Any]]:
    """Where no article was read or none fits: the labels of the candidates that name the topic."""
    ranked = candidates.rank(gathering.feeds, gathering.matcher, (), (), gathering.languages)
    topic = gathering.wish.topic
    fitting = [feed for feed in ranked if 2 * len(feed["matched"]) > len(topic.ideas)]
    counts = Counter(label for feed in fitting for label in dict.fromkeys(feed["topics"]))
    # That a feed has news says nothing of the topic.
    own = {fold(name) for name in (topic.label, "news", *(i.name for i in topic.ideas), *topic.other_names({"en"}))}
    return [
        {
            "name": label,
            "keywords": [label],
            "articles": 0,
            "feeds": count,
            "why": f"{count} of {len(fitting)} sources that name the topic are labelled so",
            "examples": [],
        }
        for label, count in counts.most_common(subtopics.MOST + len(own))
        if count > 1 and fold(label) not in own
    ][: subtopics.MOST]


def _once(texts: Sequence[str]) -> list[str]:
    kept: dict[str, str] = {}
    for text in texts:
        if text:
            kept.setdefault(fold(text), text)
    return list(kept.values())


async def ask(model: Model, topic: Topic, found: Found) -> dict[str, Any] | None:
    """What the model would add; None where it gave nothing usable, which its notes say."""
    lines = [
        f"Topic: {topic.text}",
        f"Left out: {', '.join(idea.name for idea in topic.excluded) or 'nothing'}",
        f"Sub-topics found: {'; '.join(row['name'] for row in found.sub_topics) or 'none'}",
        f"Keywords found: {'; '.join(found.keywords)}",
    ]
    answer = await model.ask(_PROMPT, "\n".join(lines), {"sub_topics": list, "keywords": list})
    if answer is None:
        return None
    out = [fold(idea.name) for idea in topic.excluded]
    clean = {}
    for name, most in FROM_MODEL.items():
        given = answer.get(name)
        terms = [" ".join(t.split())[:160] for t in given if isinstance(t, str)] if isinstance(given, list) else []
        clean[name] = [t for t in terms if t and not any(f" {word} " in f" {fold(t)} " for word in out)][:most]
    return clean


def output(gathering: Gathering, found: Found, told: dict[str, Any] | None) -> dict[str, Any]:
    """The answer. `told` is {answer, notes} of the model, where one was asked."""
    wish, about = gathering.wish, gathering.about
    answer = (told or {}).get("answer") or {}
    ranked = candidates.rank(
        gathering.feeds, gathering.matcher, gathering.texts, gathering.summary, gathering.languages
    )
    ranked, silent = _without_silent(ranked)
    sources = ranked[: wish.limit]
    known = {fold(row["name"]) for row in found.sub_topics}
    added = [_of_model(name) for name in answer.get("sub_topics", []) if fold(name) not in known]
    sub_topics = [*found.sub_topics, *added]
    return {
        "topic": wish.topic.text,
        "research": {
            **wish.topic.told(),
            "kind": found.kind,
            "place": found.place,
            "depth": wish.depth,
        },
        "sub_topics": sub_topics,
        "keywords": _once([*found.keywords, *answer.get("keywords", [])]),
        "questions": _once([*answer.get("questions", []), *found.questions]),
        "sources": sources,
        "feeds": sources,
        "unreachable": gathering.unreachable,
        "notes": [*gathering.notes, *_notes(gathering), *silent, *(told or {}).get("notes", [])],
        "totals": {
            "catalogue": gathering.searched,
            "candidates": len(gathering.feeds),
            "read": sum(row.get("status") != "failed" for row in gathering.summary),
            "articles": len(gathering.texts),
            "about": len(about),
            "sources": len(sources),
            "sub_topics": len(sub_topics),
        },
    }


def _without_silent(ranked: Sequence[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """(the sources, a note) without those that were read and say nothing of the topic, where others do."""
    told = [feed for feed in ranked if feed["score"] or feed["items"] is None]
    left = len(ranked) - len(told)
    if not left or not any(feed["score"] for feed in told):
        return list(ranked), []
    return told, [f"{left} {'source that was' if left == 1 else 'sources that were'} read had nothing about the topic."]


def _of_model(name: str) -> dict[str, Any]:
    return {"name": name, "keywords": [name], "articles": 0, "feeds": 0, "why": "the model names it", "examples": []}


def _notes(gathering: Gathering) -> list[str]:
    topic, about, every = gathering.wish.topic, gathering.about, len(gathering.texts)
    notes = []
    tried = len(gathering.summary)
    if tried and all(row.get("status") == "failed" for row in gathering.summary):
        notes.append(f"None of the {tried} best candidates could be read, so what they write about is not known.")
    if every and not about:
        notes.append(f"None of the {every} articles read is about the topic.")
    elif every and len(about) < FEW:
        are = "is" if len(about) == 1 else "are"
        notes.append(
            f"Only {len(about)} of {every} articles read {are} about the topic: little can be said of its parts."
        )
    out = sum(bool(match.excluded) for _, match in gathering.texts)
    if out:
        names = ", ".join(idea.name for idea in topic.excluded)
        notes.append(f"{out} of {every} articles were left out for what the topic excludes ({names}).")
    if topic.years and about and not any(text.year in topic.years for text in about):
        dated = sorted(text.year for text in about if text.year)
        span = f"they are of {dated[0]} to {dated[-1]}" if dated else "they bear no date"
        notes.append(f"No article about the topic is of {_span(topic.years)}: {span}. Feeds carry what is recent.")
    return notes


def _span(years: Sequence[int]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]} to {years[-1]}"
