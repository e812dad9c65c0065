"""A topic as what it asks for: words, and the phrases among them that mean something of their own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from finder.related import known, near, same
from finder.words import is_small, is_vague, words, written

SAME = 0.8
"""What another word for it counts, measured by the topic's own."""
NEAR = 0.35
"""What the nearest label counts; the others less."""
KEYWORD = 0.5
"""A whole keyword's worth, measured by a word of the topic."""
VAGUE = 0.4
"""What a word counts that says only a side of a topic."""
MOST_WORDS = 5
"""Of a phrase."""
# `image generation, not video`, `jaguar -car`: what follows must attract no feed.
_LEFT_OUT = re.compile(
    r"(?:^|\s)[-\u2212](?=\w)\w+|[\s,;]*\b(?:not|without|except|excluding|ohne|sans|sin|sem|senza|zonder)\s+\w+",
    re.I,
)

Form = tuple[str, ...]


@dataclass(frozen=True)
class Concept:
    name: str
    """As the topic says it."""
    form: Form
    """Its roots."""
    worth: float
    keyword: bool
    """Not in the topic."""
    others: tuple[tuple[Form, str], ...]
    """(roots, as written) of other words for it."""
    labels: tuple[tuple[Form, str], ...]
    """(roots, label) of labels that lie near, the nearest first."""


def concepts(topic: str, keywords: Iterable[str], phrases: Collection[Form]) -> list[Concept]:
    """What a topic asks for, each once. `phrases` are the labels of the catalogue: one that stands in the topic is taken as
    a whole, so that `united states` is not about states."""
    found: dict[Form, Concept] = {}
    asked: set[Form] = set()
    for text, keyword in ((topic, False), *((one, True) for one in keywords)):
        forms = _forms(written(_LEFT_OUT.sub(" ", text)) or written(text), phrases)
        for form, name in forms:
            # A keyword that is another word for what is asked already adds nothing.
            if form in found or (keyword and form in asked):
                continue
            others, labels = tuple(same(form)), tuple((tuple(words(label)), label) for label in near(form))
            worth = (KEYWORD / len(forms) if keyword else 1.0) * (
                VAGUE if is_vague(form[0]) and len(form) == 1 else 1.0
            )
            found[form] = Concept(name, form, worth, keyword, others, labels)
            asked.update((form, *(other for other, _ in others)))
    return list(found.values())


def _forms(said: list[tuple[str, str]], phrases: Collection[Form]) -> list[tuple[Form, str]]:
    """(roots, as written) of the longest known phrase from each place on, else of the word; words that carry no topic only
    where nothing else is."""
    roots = tuple(root for root, _ in said)
    found: list[tuple[Form, str]] = []
    at = 0
    while at < len(said):
        length = next(
            (n for n in range(min(MOST_WORDS, len(said) - at), 1, -1) if _phrase(roots[at : at + n], phrases)), 1
        )
        found.append((roots[at : at + length], " ".join(as_written for _, as_written in said[at : at + length])))
        at += length
    return [(form, name) for form, name in found if len(form) > 1 or not is_small(form[0])] or found


def _phrase(form: Form, phrases: Collection[Form]) -> bool:
    return known(form) or form in phrases
