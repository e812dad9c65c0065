"""What the research asked for, held against what was found: which articles speak to a sub-topic, and to which none does."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from report.insights import Sentence, claim
from report.items import Item
from report.wording import capital, count

MOST_ANGLES = 8
MOST_QUESTIONS = 6
LONGEST = 200
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Angle:
    """A sub-topic and the report's articles that carry its words."""

    name: str
    items: tuple[Item, ...]


def angles(sub_topics: Sequence[Any], items: Sequence[Item]) -> list[Angle]:
    """Each sub-topic once, in the given order. A sub-topic is a text, or {name, keywords}: an article speaks to it that
    has every word of the name, or of one keyword, as whole words."""
    texts = [_spaced(f"{item.title} {item.article.content or item.analysis.summary}") for item in items]
    found: dict[str, Angle] = {}
    for given in sub_topics:
        name, keywords = _read(given)
        if not name or name.casefold() in found:
            continue
        asked = [words for words in (_words(phrase) for phrase in (name, *keywords)) if words]
        speaking = [
            item
            for item, text in zip(items, texts, strict=True)
            if any(all(f" {word} " in text for word in words) for words in asked)
        ]
        found[name.casefold()] = Angle(name, tuple(speaking))
    return list(found.values())[:MOST_ANGLES]


def told(found: Sequence[Angle]) -> list[tuple[Angle, Sentence]]:
    """A sentence for each angle that some articles speak to."""
    return [
        (angle, claim(f"{capital(count(len(angle.items), 'article'))} of this report", angle.items))
        for angle in found
        if angle.items
    ]


def questions(given: Sequence[Any]) -> list[str]:
    """Questions in one form: a text each, from texts or {question}."""
    texts = (one.get("question") if isinstance(one, dict) else one for one in given)
    tidy = (" ".join(text.split())[:LONGEST] for text in texts if isinstance(text, str))
    return list(dict.fromkeys(text for text in tidy if text))[:MOST_QUESTIONS]


def _read(given: Any) -> tuple[str, list[str]]:
    row = given if isinstance(given, dict) else {"name": given}
    name = row.get("name")
    keywords = row.get("keywords")
    listed = keywords if isinstance(keywords, list) else []
    return (
        " ".join(name.split())[:LONGEST] if isinstance(name, str) else "",
        [word for word in listed if isinstance(word, str)],
    )


def _words(text: str) -> list[str]:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    return [_root(word) for word in _WORD.findall(plain)]


def _spaced(text: str) -> str:
    return f" {' '.join(_words(text))} "


def _root(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
