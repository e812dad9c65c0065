"""Words for numbers, dates and lists, as a person writes them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

NUMBERS = "no one two three four five six seven eight nine ten eleven twelve".split()


def spelled(number: int) -> str:
    """`three`, from thirteen on `13`."""
    return NUMBERS[number] if number < len(NUMBERS) else f"{number:,}"


def count(number: int, one: str, many: str | None = None) -> str:
    """`count(3, "article")` -> "three articles"; numerals from thirteen."""
    return f"{spelled(number)} {one if number == 1 else many or one + 's'}"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def day(moment: datetime, *, year: bool = False) -> str:
    """`9 November`, with the year where asked."""
    return f"{moment.day} {moment:%B}" + (f" {moment.year}" if year else "")


def span(first: datetime, last: datetime) -> str:
    """`between 3 October and 18 November 2026`, `on 3 October 2026`."""
    if first.date() == last.date():
        return f"on {day(first, year=True)}"
    return f"between {day(first, year=first.year != last.year)} and {day(last, year=True)}"


def sentence(text: str) -> str:
    """With a full stop at its end, exactly one."""
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…", ".”", "!”", "?”")) else text + "."
