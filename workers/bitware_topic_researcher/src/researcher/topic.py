"""What a topic asks for: ideas to find, ideas to leave out, quoted phrases, years, sides of a comparison. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from researcher import vocabulary as v
from researcher.ideas import Idea, Item, excluded, head_of, ideas_of, language_of_names, plain, proper_name, years_in
from researcher.words import STOP, WORD, fold, spoken_in

_ITEM = re.compile(
    r"""(?P<minus>(?<!\S)-(?=["“„«\w]))"""
    r"""|["“”„«](?P<quote>[^"“”„«»]+)["“”»]"""
    r"""|(?P<comma>[,;])|(?P<break>[:()/|!?]|(?<=\s)[-–—](?=\s))"""
    rf"""|(?P<word>vs\.|&|{WORD.pattern})"""
)
MAX_LENGTH = 500


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
    heads: tuple[Idea | None, ...] = ()
    """Of each side the word that the others only describe, where that can be told: `maintainers` of `open source maintainers`."""
    called: tuple[tuple[tuple[Idea, ...], Idea], ...] = ()
    """What several ideas together are called otherwise, also in other languages: `night`, `trains`, and `Nachtzug`."""
    question: bool = False
    """It is one itself: `how do language models learn`."""

    @property
    def ideas(self) -> tuple[Idea, ...]:
        return tuple(dict.fromkeys(idea for side in self.sides for idea in side))

    @property
    def search(self) -> str:
        """What to ask a catalogue: the words of the ideas, without operators, years and aspects."""
        return " ".join(idea.name for idea in self.ideas)

    def other_names(self, languages: Collection[str]) -> list[str]:
        """What the ideas are called besides in these languages: short forms, what they stand for, known names."""
        names = []
        for idea in (*self.ideas, *(together for _, together in self.called)):
            only = idea.only or ("", "")
            names += [
                " ".join(form)
                for form, spoken in zip(idea.forms, only, strict=False)
                if spoken in languages or not spoken
            ]
        own = {fold(idea.name) for idea in self.ideas}
        return [name for name in dict.fromkeys(names) if fold(name) not in own]

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


def parse(text: str) -> Topic:
    """Read a topic. Raises ValueError, in words, where it names nothing to look for."""
    text = " ".join(text[:MAX_LENGTH].split())
    items = [_item(found) for found in _ITEM.finditer(text)]
    language = spoken_in(text) if _speaks(items) else "en"
    wanted, unwanted = _divide(items, language)
    if not any(item.kind in ("word", "quote") for item in wanted):
        # "not" or "sin" may be all there is of it: then it is a word like any other.
        wanted, unwanted = [item for item in items if item.kind != "minus"], []
        if any(item.kind == "minus" for item in items) or not any(i.kind in ("word", "quote") for i in wanted):
            raise ValueError("it names nothing to look for")
    years = tuple(dict.fromkeys(year for item in wanted for year in years_in(item)))
    loud = _shouted(items)
    parts = _sides(wanted)
    sides, names, aspects, heads, called = [], [], [], [], []
    for part in parts:
        ideas, how, known = ideas_of(part, language, loud)
        called += known
        if not ideas and len(parts) > 1:
            # `rust vs go`: a small word that is compared is a name.
            ideas = tuple(proper_name(item.text) for item in part if item.kind == "word" and not list(years_in(item)))[
                -1:
            ]
        if ideas:
            sides.append(ideas)
            names.append(_text(text, part))
            heads.append(head_of(part, ideas, language))
            aspects += how
    if not sides:
        # Years alone, or small words alone: they are what is looked for.
        sides = [tuple(plain(item.text) for item in wanted if item.kind in ("word", "quote"))]
        names, aspects, heads = [_text(text, wanted)], [], [None]
    label = _text(text, wanted)
    if language == "en":
        language = language_of_names(wanted, sides)
    question = len(sides) == 1 and _asks(wanted)
    return Topic(
        text,
        label,
        tuple(sides),
        tuple(names),
        tuple(dict.fromkeys(aspects)),
        tuple(excluded(group, language) for group in unwanted if group),
        years,
        language,
        (None,) if question else tuple(heads),
        tuple(called),
        question,
    )


def _item(found: re.Match[str]) -> Item:
    kind = found.lastgroup or "word"
    return Item(kind, " ".join(found[kind].split()), found.start(), found.end())


def _speaks(items: list[Item]) -> bool:
    return any(item.kind == "word" for item in items)


def _divide(items: list[Item], language: str) -> tuple[list[Item], list[list[Item]]]:
    """(what is wanted, groups of what is not)."""
    wanted: list[Item] = []
    unwanted: list[list[Item]] = []
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


def _negates(items: list[Item], at: int, language: str) -> bool:
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


def _list_goes_on(rest: list[Item]) -> bool:
    """Whether the comma stands in a list such as `games, crypto or music`."""
    for item in rest:
        if item.folded in v.BACK or item.kind == "break":
            return False
        if item.folded in v.AND:
            return True
    return False


def _sides(items: list[Item]) -> list[list[Item]]:
    between = any(item.folded in v.DIFFERENCE for item in items)
    parts: list[list[Item]] = [[]]
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


def _shouted(items: list[Item]) -> bool:
    """A topic all in capitals: then capitals say nothing."""
    written = [item.text for item in items if item.kind == "word" and any(c.isalpha() for c in item.text)]
    return len(written) > 1 and all(text.upper() == text for text in written)


def _asks(items: list[Item]) -> bool:
    words = [item for item in items if item.kind in ("word", "quote")]
    mark = items[-1].kind == "break" and items[-1].text == "?"
    if len(words) < 3 or words[0].text.isupper():
        return False
    first = words[0].folded
    return first in v.ASKING or (first in v.ASKING_AT_LENGTH and (mark or len(words) > 4))


def _text(text: str, items: list[Item]) -> str:
    """The items as they were written, without quotes, and without what stood between them and was left out."""
    pieces: list[str] = []
    for before, item in zip([None, *items], items, strict=False):
        glued = before is not None and (item.kind == "comma" or item.text in "?!")
        space = "" if not pieces or glued else " "
        pieces.append(space + item.text)
    return "".join(pieces).strip(" ,;:-–—/|") or text
