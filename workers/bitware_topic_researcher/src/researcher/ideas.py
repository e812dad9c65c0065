"""The ideas of a topic: what each of its words, or several together, stands for. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from researcher import vocabulary as v
from researcher.concepts import Row, concept
from researcher.words import STOP, WORD, fold, is_acronym

_YEAR = re.compile(r"(?:19|20)\d\d")
_YEARS = re.compile(r"((?:19|20)\d\d)[-/]((?:19|20)?\d\d)")
MOST_YEARS = 30


@dataclass(frozen=True)
class Idea:
    """One thing an article must speak of: any of `forms`, each a run of words as written. `exact` forms (quoted) are
    compared as they stand, the others by their stems; a form in `capitals` only where the text has it in capitals. A
    `proper` idea is a name that is a small word otherwise (`Go`): it needs its capital within a sentence. `only` says for
    each form in which language it counts, "" for all."""

    name: str
    forms: tuple[tuple[str, ...], ...]
    exact: bool = False
    capitals: frozenset[str] = frozenset()
    proper: bool = False
    only: tuple[str, ...] = ()


@dataclass(frozen=True)
class Item:
    kind: str
    """`word`, `quote`, `comma`, `break` or `minus`."""
    text: str
    start: int
    end: int

    @property
    def folded(self) -> str:
        return fold(self.text)


def years_in(item: Item) -> Iterator[int]:
    if item.kind != "word":
        return
    span = _YEARS.fullmatch(item.text)
    if span:
        first = int(span[1])
        last = int(span[2] if len(span[2]) == 4 else span[1][:2] + span[2])
        yield from range(first, min(last, first + MOST_YEARS) + 1)
    elif _YEAR.fullmatch(item.text):
        yield int(item.text)


def ideas_of(
    items: list[Item], language: str, loud: bool
) -> tuple[tuple[Idea, ...], list[str], list[tuple[tuple[Idea, ...], Idea]]]:
    """(ideas, aspects, what several ideas are called otherwise) of one side. Where all words are aspects, they are the ideas."""
    ideas: list[Idea] = []
    aspects: list[Item] = []
    called: list[tuple[tuple[Idea, ...], Idea]] = []
    kept = [item for item in items if item.kind == "quote" or (item.kind == "word" and not list(years_in(item)))]
    at = 0
    while at < len(kept):
        item = kept[at]
        group, length = _short_form(kept[at:], loud)
        if item.kind == "quote":
            ideas.append(_quoted(item.text))
        elif group:
            ideas.append(_grouped(" ".join(i.text for i in kept[at : at + length]), group))
            at += length - 1
        elif _is_aspect(kept, at, language):
            aspects.append(item)
        elif known := concept(tuple(i.text if i.kind == "word" else "" for i in kept[at:]), language):
            row, length, _ = known
            written = tuple(i.text for i in kept[at : at + length])
            if length == 1:
                ideas.append(_known(written, row))
            else:
                several = tuple(plain(i.text) for i in kept[at : at + length] if not small(i.folded, language))
                ideas += several
                called.append((several, _known(written, row)))
                at += length - 1
        elif not loud and is_acronym(item.text):
            ideas.append(
                Idea(item.text, ((item.text.removesuffix("s"),),), capitals=frozenset({item.text.removesuffix("s")}))
            )
        elif not loud and len(item.text) == 1 and item.text.isupper() and item.text not in "AEIOY":
            ideas.append(proper_name(item.text))  # `R programming`
        elif item.text != "&" and not small(item.folded, language):
            ideas.append(plain(item.text))
        at += 1
    if not ideas:
        return tuple(plain(item.text) for item in aspects), [], []
    return tuple(dict.fromkeys(ideas)), [item.text for item in aspects], called


def _is_aspect(kept: list[Item], at: int, language: str) -> bool:
    """By where it stands: `history of jazz`, `AI trends`, `latest AI`, but not `solid state batteries`."""
    item = kept[at]
    if item.kind != "word" or item.folded not in v.ASPECTS:
        return False
    before, after = kept[:at], kept[at + 1 :]
    told = [i for i in after if not small(i.folded, language) and i.folded not in v.ASPECTS]
    if item.folded in v.ADJECTIVES:
        first = all(i.folded in v.ASPECTS or small(i.folded, language) for i in before)
        return first and not (item.folded == "new" and after and after[0].folded in v.TOWNS)
    if before and f"{before[-1].folded} {item.folded}" in v.BOUND:
        return False
    rest = [i for i in after if i.folded not in v.AND and i.folded not in v.ASPECTS]
    leads = bool(rest) and small(rest[0].folded, language) and (rest[0] is after[0] or after[0].folded in v.AND)
    return leads or (not told and item.folded not in v.LEADING_ONLY)


def head_of(items: list[Item], ideas: tuple[Idea, ...], language: str) -> Idea | None:
    """The last word before a preposition in English and German, the first in the others; None in a list of things."""
    if any(item.kind in ("comma", "break") or item.folded in v.AND for item in items):
        return None
    if language not in ("en", "de"):
        return ideas[0]
    words = {fold(word): idea for idea in ideas for word in WORD.findall(idea.name)}
    head = None
    for item in items:
        idea = words.get(fold((WORD.findall(item.text) or [item.text])[-1]))
        if idea is None and head is not None and item.folded not in v.ASPECTS:
            break
        head = idea or head
    return head


def small(folded: str, language: str) -> bool:
    return (
        folded in STOP["en"]
        or folded in STOP.get(language, ())
        or folded in v.SMALL
        or (len(folded) == 1 and not folded.isdigit())
    )


def _short_form(items: list[Item], loud: bool) -> tuple[tuple[str, ...] | None, int]:
    """The group of names that the words begin with, and how many words it takes."""
    written = [item.text if item.kind == "word" else "" for item in items]
    for group in v.SHORT_FORMS:
        for name in group:
            parts = name.split()
            if len(parts) == 1 and is_acronym(name):
                word = written[0].removesuffix("s")
                lower = fold(word)
                known = word == name or (fold(name) == lower and (loud or lower not in STOP["en"]))
                if known and (word.upper() == word or len(name) > 1):
                    return group, 1
            elif len(parts) <= len(written):
                said = [fold(word) for word in written[: len(parts)]]
                if said[:-1] == [fold(p) for p in parts[:-1]] and said[-1].removesuffix("s") == fold(parts[-1]):
                    return group, len(parts)
    return None, 0


def plain(text: str) -> Idea:
    """`self-driving` is also `self driving`."""
    parts = tuple(text.split("-"))
    apart = (parts,) if len(parts) > 1 and all(part.isalpha() and len(part) > 1 for part in parts) else ()
    return Idea(text, (tuple(WORD.findall(text)) or (text,), *apart))


def _known(written: tuple[str, ...], row: Row) -> Idea:
    """The words as asked, in all languages, and what the thing is called in each."""
    others = [(language, name) for language, name in row if name != written]
    forms, only = (written, *(name for _, name in others)), ("", *(language for language, _ in others))
    return Idea(" ".join(written), forms, only=only)


def proper_name(text: str) -> Idea:
    """A small word as a name: `Go`, `R`."""
    name = text[:1].upper() + text[1:]
    return Idea(text, ((name,), *v.NAMED.get(fold(text), ())), proper=True)


def _quoted(text: str) -> Idea:
    return Idea(text, (tuple(WORD.findall(text)) or (text,),), exact=True)


def _grouped(written: str, group: tuple[str, ...]) -> Idea:
    return Idea(
        written,
        tuple(tuple(name.split()) for name in group),
        capitals=frozenset(name for name in group if is_acronym(name)),
    )


def excluded(group: list[Item], language: str) -> Idea:
    quoted = len(group) == 1 and group[0].kind == "quote"
    said = [item for item in group if item.kind == "quote" or not small(item.folded, language)] or group
    words = tuple(word for item in said for word in WORD.findall(item.text))
    return Idea(" ".join(item.text for item in said), (words or (said[0].text,),), exact=quoted)


def language_of_names(items: list[Item], sides: list[tuple[Idea, ...]]) -> str:
    """What the names of known things say of the language of a topic that has no small words: `comboios noturnos`."""
    words = tuple(item.text for item in items if item.kind == "word")
    found = [known[2] for at in range(len(words)) if (known := concept(words[at:], "en"))]
    ideas = {idea for side in sides for idea in side}
    return found[0] if found and len(set(found)) == 1 and len(ideas) < 3 else "en"
