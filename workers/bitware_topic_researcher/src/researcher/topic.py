"""What a topic asks for: ideas to find, ideas to leave out, quoted phrases, years, sides of a comparison. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from researcher import vocabulary as v
from researcher.words import STOP, WORD, fold, is_acronym, language_of

_YEAR = re.compile(r"(?:19|20)\d\d")
_YEARS = re.compile(r"((?:19|20)\d\d)[-/]((?:19|20)?\d\d)")
_ITEM = re.compile(
    r"""(?P<minus>(?<!\S)-(?=["“„«\w]))"""
    r"""|["“”„«](?P<quote>[^"“”„«»]+)["“”»]"""
    r"""|(?P<comma>[,;])|(?P<break>[:()/|!?]|(?<=\s)[-–—](?=\s))"""
    rf"""|(?P<word>vs\.|&|{WORD.pattern})"""
)
MOST_YEARS = 30
MAX_LENGTH = 500


@dataclass(frozen=True)
class Idea:
    """One thing an article must speak of: any of `forms`, each a run of words as written. `exact` forms (quoted) are
    compared as they stand, the others by their stems; a form in `capitals` only where the text has it in capitals."""

    name: str
    forms: tuple[tuple[str, ...], ...]
    exact: bool = False
    capitals: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Topic:
    """`sides` has one entry, or one for each thing that is compared; each is a tuple of ideas."""

    text: str
    label: str
    """The topic as a person would name it: what is left out is not in it, nor are quotes."""
    sides: tuple[tuple[Idea, ...], ...]
    names: tuple[str, ...]
    """The sides as written."""
    aspects: tuple[str, ...]
    excluded: tuple[Idea, ...]
    years: tuple[int, ...]
    language: str

    @property
    def ideas(self) -> tuple[Idea, ...]:
        return tuple(dict.fromkeys(idea for side in self.sides for idea in side))

    @property
    def search(self) -> str:
        """What to ask a catalogue: the words of the ideas, without operators, years and aspects."""
        return " ".join(idea.name for idea in self.ideas)

    def told(self) -> dict[str, object]:
        return {
            "ideas": [idea.name for idea in self.ideas],
            "phrases": [idea.name for idea in self.ideas if idea.exact],
            "excluded": [idea.name for idea in self.excluded],
            "aspects": list(self.aspects),
            "years": list(self.years),
            "compared": list(self.names) if len(self.names) > 1 else [],
            "language": self.language,
        }


@dataclass(frozen=True)
class _Item:
    kind: str
    """`word`, `quote`, `comma`, `break` or `minus`."""
    text: str
    start: int
    end: int

    @property
    def folded(self) -> str:
        return fold(self.text)


def parse(text: str) -> Topic:
    """Read a topic. Raises ValueError, in words, where it names nothing to look for."""
    text = " ".join(text[:MAX_LENGTH].split())
    items = [_item(found) for found in _ITEM.finditer(text)]
    language = language_of(text) if _speaks(items) else "en"
    wanted, unwanted = _divide(items, language)
    if not any(item.kind in ("word", "quote") for item in wanted):
        # "not" or "sin" may be all there is of it: then it is a word like any other.
        wanted, unwanted = [item for item in items if item.kind != "minus"], []
        if any(item.kind == "minus" for item in items) or not any(i.kind in ("word", "quote") for i in wanted):
            raise ValueError("it names nothing to look for")
    years = tuple(dict.fromkeys(year for item in wanted for year in _years(item)))
    loud = _shouted(items)
    parts = _sides(wanted)
    sides, names, aspects = [], [], []
    for part in parts:
        ideas, how = _ideas(part, language, loud)
        if ideas:
            sides.append(ideas)
            names.append(_text(text, part))
            aspects += how
    if not sides:
        # Years alone, or small words alone: they are what is looked for.
        sides = [tuple(_plain(item.text) for item in wanted if item.kind in ("word", "quote"))]
        names, aspects = [_text(text, wanted)], []
    label = _text(text, wanted)
    excluded = tuple(_excluded(group, language) for group in unwanted if group)
    return Topic(text, label, tuple(sides), tuple(names), tuple(dict.fromkeys(aspects)), excluded, years, language)


def _item(found: re.Match[str]) -> _Item:
    kind = found.lastgroup or "word"
    return _Item(kind, " ".join(found[kind].split()), found.start(), found.end())


def _speaks(items: list[_Item]) -> bool:
    return any(item.kind == "word" for item in items)


def _divide(items: list[_Item], language: str) -> tuple[list[_Item], list[list[_Item]]]:
    """(what is wanted, groups of what is not)."""
    wanted: list[_Item] = []
    unwanted: list[list[_Item]] = []
    excluding = False
    at = 0
    while at < len(items):
        item = items[at]
        if item.kind == "minus":
            if at + 1 < len(items):
                unwanted.append([items[at + 1]])
            at += 2
            continue
        if _negates(items, at, language):
            while (wanted and wanted[-1].kind == "comma") or (wanted and wanted[-1].folded in v.BACK | v.AND - {"&"}):
                wanted.pop()
            excluding = True
            unwanted.append([])
        elif not excluding:
            wanted.append(item)
        elif item.folded in v.BACK or (item.kind == "comma" and not _list_goes_on(items[at + 1 :])):
            excluding = False
        elif item.folded in v.AND or item.kind in ("comma", "break"):
            unwanted.append([])
        else:
            unwanted[-1].append(item)
        at += 1
    return wanted, unwanted


def _negates(items: list[_Item], at: int, language: str) -> bool:
    """`Doctors Without Borders` is a name; `original sin` ends in it; inside quotes there is no negation."""
    item = items[at]
    if item.kind != "word" or at + 1 == len(items) or not item.text.islower():
        return False
    if item.folded in v.NEGATIONS:
        return True
    return (
        item.folded in v.AMBIGUOUS_NEGATIONS
        and at > 0
        and (language != "en" or not any(i.folded in STOP["en"] for i in items if i.kind == "word"))
    )


def _list_goes_on(rest: list[_Item]) -> bool:
    """Whether the comma stands in a list such as `games, crypto or music`."""
    for item in rest:
        if item.folded in v.BACK or item.kind == "break":
            return False
        if item.folded in v.AND:
            return True
    return False


def _years(item: _Item) -> Iterator[int]:
    if item.kind != "word":
        return
    span = _YEARS.fullmatch(item.text)
    if span:
        first = int(span[1])
        last = int(span[2] if len(span[2]) == 4 else span[1][:2] + span[2])
        yield from range(first, min(last, first + MOST_YEARS) + 1)
    elif _YEAR.fullmatch(item.text):
        yield int(item.text)


def _sides(items: list[_Item]) -> list[list[_Item]]:
    between = any(item.folded in v.DIFFERENCE for item in items)
    parts: list[list[_Item]] = [[]]
    for at, item in enumerate(items):
        if item.kind == "word":
            splits = item.folded in v.VERSUS or (item.folded in v.OR and 0 < at < len(items) - 1)
            if splits or (between and item.folded in v.AND and parts[-1]):
                parts.append([])
                continue
            if item.folded in v.DIFFERENCE:
                continue
        parts[-1].append(item)
    return parts


def _shouted(items: list[_Item]) -> bool:
    """A topic all in capitals: then capitals say nothing."""
    written = [item.text for item in items if item.kind == "word" and any(c.isalpha() for c in item.text)]
    return len(written) > 1 and all(text.upper() == text for text in written)


def _ideas(items: list[_Item], language: str, loud: bool) -> tuple[tuple[Idea, ...], list[str]]:
    """(ideas, aspects) of one side. Where all words are aspects, they are the ideas."""
    ideas: list[Idea] = []
    aspects: list[_Item] = []
    kept = [item for item in items if item.kind == "quote" or (item.kind == "word" and not list(_years(item)))]
    at = 0
    while at < len(kept):
        item = kept[at]
        group, length = _short_form(kept[at:], loud)
        if item.kind == "quote":
            ideas.append(_quoted(item.text))
        elif group:
            ideas.append(_grouped(" ".join(i.text for i in kept[at : at + length]), group))
            at += length - 1
        elif item.folded in v.ASPECTS:
            aspects.append(item)
        elif not loud and is_acronym(item.text):
            ideas.append(
                Idea(item.text, ((item.text.removesuffix("s"),),), capitals=frozenset({item.text.removesuffix("s")}))
            )
        elif item.text != "&" and not _small(item.folded, language):
            ideas.append(_plain(item.text))
        at += 1
    if not ideas:
        return tuple(_plain(item.text) for item in aspects), []
    return tuple(dict.fromkeys(ideas)), [item.text for item in aspects]


def _small(folded: str, language: str) -> bool:
    return (
        folded in STOP["en"]
        or folded in STOP.get(language, ())
        or folded in v.SMALL
        or (len(folded) == 1 and not folded.isdigit())
    )


def _short_form(items: list[_Item], loud: bool) -> tuple[tuple[str, ...] | None, int]:
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


def _plain(text: str) -> Idea:
    return Idea(text, (tuple(WORD.findall(text)) or (text,),))


def _quoted(text: str) -> Idea:
    return Idea(text, (tuple(WORD.findall(text)) or (text,),), exact=True)


def _grouped(written: str, group: tuple[str, ...]) -> Idea:
    return Idea(
        written,
        tuple(tuple(name.split()) for name in group),
        capitals=frozenset(name for name in group if is_acronym(name)),
    )


def _excluded(group: list[_Item], language: str) -> Idea:
    quoted = len(group) == 1 and group[0].kind == "quote"
    said = [item for item in group if item.kind == "quote" or not _small(item.folded, language)] or group
    words = tuple(word for item in said for word in WORD.findall(item.text))
    return Idea(" ".join(item.text for item in said), (words or (said[0].text,),), exact=quoted)


def _text(text: str, items: list[_Item]) -> str:
    """The items as they were written, without quotes, and without what stood between them and was left out."""
    pieces: list[str] = []
    for before, item in zip([None, *items], items, strict=False):
        glued = before is not None and item.kind == "comma"
        space = "" if not pieces or glued else " "
        pieces.append(space + item.text)
    return "".join(pieces).strip(" ,;:-–—/|") or text
