"""Cron expressions as Cloudflare's cron triggers read them, by UTC.

Five fields: minute, hour, day of the month, month, day of the week. Each is `*`, a value, a range, a step (`*/5`, `2-10/3`,
`5/15`), or a list of those; months and days of the week have names, too. Days of the week count from 1, Sunday, to 7, and
ranges may go round (`FRI-MON`). For days of the month `L` is the last one, `L-2` two before it, `15W` the weekday nearest
to the 15th within the month, `LW` the last weekday; for days of the week `6L` is the last Friday of the month, `MON#2` the
second Monday. Where both kinds of days are given, either is enough. [docs: configuration/cron-triggers; cloudflare/saffron]
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

_MONTHS = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()
_WEEKDAYS = "SUN MON TUE WED THU FRI SAT".split()
_FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
_LONGEST_GAP = timedelta(days=8 * 366)  # from one 29 February to the next, around a year like 2100
SATURDAY, SUNDAY = 7, 1


class BadCron(ValueError):
    """The text is no cron expression; the message says which field is wrong."""


class Cron:
    """One expression. Raises BadCron for a text that is none."""

    __slots__ = ("_days", "_hours", "_minutes", "_months", "_weekdays", "text")

    def __init__(self, text: str) -> None:
        fields = text.upper().split()
        if len(fields) != len(_FIELDS):
            raise BadCron(f"{text!r} has {len(fields)} fields, not five: {', '.join(_FIELDS)}")
        self.text = text
        self._minutes = sorted(_values(fields[0], 0, 59, (), _FIELDS[0]))
        self._hours = sorted(_values(fields[1], 0, 23, (), _FIELDS[1]))
        self._days = _Days(fields[2])
        self._months = _values(fields[3], 1, 12, _MONTHS, _FIELDS[3])
        self._weekdays = _Weekdays(fields[4])

    def after(self, seconds: float) -> Iterator[float]:
        """The moments after this one, in seconds since the epoch, without an end; nothing where the expression names no
        day that ever comes (30 February)."""
        start = datetime.fromtimestamp(seconds, UTC)
        day, seen = start.date(), start.date()
        while day - seen <= _LONGEST_GAP:
            if self._on(day):
                seen = day
                for hour in self._hours:
                    for minute in self._minutes:
                        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC).timestamp()
                        if moment > seconds:
                            yield moment
            day += timedelta(days=1)

    def _on(self, day: date) -> bool:
        if day.month not in self._months:
            return False
        if self._days.every:
            return self._weekdays.on(day)
        if self._weekdays.every:
            return self._days.on(day)
        return self._days.on(day) or self._weekdays.on(day)


class _Days:
    """The field for days of the month."""

    def __init__(self, field: str) -> None:
        self.every = field == "*"
        self._from_end: int | None = None
        self._day: int | None = None
        self._working = False
        self._values: frozenset[int] = frozenset()
        if last := re.fullmatch(r"L(?:-(\d{1,2}))?(W?)", field):
            self._from_end, self._working = int(last[1] or 0), bool(last[2])
            if self._from_end > 30:
                raise BadCron(f"day of the month: {field!r} goes back further than a month")
        elif near := re.fullmatch(r"(\d{1,2})W", field):
            self._day, self._working = int(near[1]), True
            if not 1 <= self._day <= 31:
                raise BadCron(f"day of the month: {near[1]} is not from 1 to 31")
        else:
            self._values = _values(field, 1, 31, (), _FIELDS[2])

    def on(self, day: date) -> bool:
        if self._from_end is None and self._day is None:
            return day.day in self._values
        length = calendar.monthrange(day.year, day.month)[1]
        wanted = self._day if self._day is not None else length - (self._from_end or 0)
        if not 1 <= wanted <= length:
            return False
        return day.day == (_working_day(day, wanted, length) if self._working else wanted)


class _Weekdays:
    """The field for days of the week; 1 is Sunday."""

    def __init__(self, field: str) -> None:
        self.every = field == "*"
        self._last: int | None = None
        self._nth: tuple[int, int] | None = None
        self._values: frozenset[int] = frozenset()
        if field == "L":
            self._values = frozenset({SATURDAY})
        elif field.endswith("L"):
            self._last = _value(field[:-1], 1, 7, _WEEKDAYS, _FIELDS[4])
        elif "#" in field:
            name, _, number = field.partition("#")
            if number not in ("1", "2", "3", "4", "5"):
                raise BadCron(f"day of the week: {number!r} after # is not from 1 to 5")
            self._nth = (_value(name, 1, 7, _WEEKDAYS, _FIELDS[4]), int(number))
        else:
            self._values = _values(field, 1, 7, _WEEKDAYS, _FIELDS[4])

    def on(self, day: date) -> bool:
        weekday = day.isoweekday() % 7 + 1
        if self._last is not None:
            return weekday == self._last and day.day + 7 > calendar.monthrange(day.year, day.month)[1]
        if self._nth is not None:
            return (weekday, (day.day - 1) // 7 + 1) == self._nth
        return weekday in self._values


def _working_day(month: date, day: int, length: int) -> int:
    """The day from Monday to Friday that is nearest to `day` and in the same month."""
    weekday = date(month.year, month.month, day).isoweekday()
    if weekday == 6:
        return day - 1 if day > 1 else 3
    if weekday == 7:
        return day + 1 if day < length else day - 2
    return day


def _values(field: str, least: int, most: int, names: list[str] | tuple[str, ...], what: str) -> frozenset[int]:
    found: set[int] = set()
    for item in field.split(","):
        body, slash, step_text = item.partition("/")
        step = 1
        if slash:
            if not re.fullmatch(r"\d{1,2}", step_text, re.ASCII) or not 1 <= int(step_text) <= most:
                raise BadCron(f"{what}: the step {step_text!r} is not from 1 to {most}")
            step = int(step_text)
        first, dash, last = body.partition("-")
        if body == "*":
            start, end = least, most
        else:
            start = _value(first, least, most, names, what)
            end = _value(last, least, most, names, what) if dash else (most if slash else start)
        row = list(range(start, end + 1)) if start <= end else [*range(start, most + 1), *range(least, end + 1)]
        found.update(row[::step])
    return frozenset(found)


def _value(text: str, least: int, most: int, names: list[str] | tuple[str, ...], what: str) -> int:
    if text in names:
        return names.index(text) + 1
    if not re.fullmatch(r"\d{1,2}", text, re.ASCII):
        raise BadCron(f"{what}: {text!r} is no value")
    if not least <= int(text) <= most:
        raise BadCron(f"{what}: {text} is not from {least} to {most}")
    return int(text)
