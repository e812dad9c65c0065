"""`Date`, on the clock of the current worker."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.numbers import to_integer, to_number
from sandbox.runtime.values.proxy import JsProxy

_LIMIT = 8.64e15
_ISO = re.compile(
    r"([+-]\d{6}|\d{4})(?:-(\d\d)(?:-(\d\d))?)?(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?(Z|[+-]\d\d:?\d\d)?\Z"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Replaced by `use_clock`: seconds since the epoch.
_now: list[Callable[[], float]] = [time.time]


def use_clock(now: Callable[[], float]) -> None:
    """Let `Date` read this source of seconds since the epoch."""
    _now[0] = now


def now_ms() -> int:
    """Milliseconds since the epoch, whole, as `Date.now()` gives them."""
    return math.floor(_now[0]() * 1000)


class JsDate(JsProxy):
    """`Date`: milliseconds since the epoch, NaN where the date is invalid. Local time is UTC, as on Cloudflare."""

    __slots__ = ("__weakref__", "_ms")
    js_name = "Date"

    def __init__(self, *parts: Any) -> None:
        if not parts:
            value: float = now_ms()
        elif len(parts) == 1:
            first = parts[0]
            if isinstance(first, JsDate):
                value = first._ms
            elif isinstance(first, str):
                value = parse(first)
            else:
                value = to_number(first)
        else:
            value = JsDate._static_UTC(*parts)
        self._ms: float = math.trunc(value) if abs(value) <= _LIMIT else math.nan

    @staticmethod
    def _called(*_: Any) -> str:
        return JsDate().toString()

    @staticmethod
    def _static_now(*_: Any) -> int:
        return now_ms()

    @staticmethod
    def _static_parse(text: Any = None, *_: Any) -> float:
        return parse(text) if isinstance(text, str) else math.nan

    @staticmethod
    def _static_UTC(year: Any = None, month: Any = 0, *rest: Any) -> float:
        numbers = [to_number(part) for part in (year, month, *rest)]
        if any(number != number for number in numbers):
            return math.nan
        whole = [int(number) for number in numbers] + [1, 0, 0, 0, 0][len(rest) :]
        whole_year = whole[0] + 1900 if 0 <= whole[0] <= 99 else whole[0]
        years, month_index = divmod(whole[1], 12)
        try:
            start = datetime(whole_year + years, month_index + 1, 1, tzinfo=UTC)
            moment = start + timedelta(
                days=whole[2] - 1, hours=whole[3], minutes=whole[4], seconds=whole[5], milliseconds=whole[6]
            )
        except (ValueError, OverflowError):
            return math.nan
        return _ms_of(moment)

    @property
    def _moment(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self._ms)

    def _valid(self) -> bool:
        return self._ms == self._ms

    def getTime(self, *_: Any) -> float:
        return self._ms

    def valueOf(self, *_: Any) -> float:
        return self._ms

    def setTime(self, value: Any = None, *_: Any) -> float:
        self._ms = to_number(value)
        return self._ms

    def toISOString(self, *_: Any) -> str:
        if not self._valid():
            throw("RangeError", "Invalid time value")
        moment = self._moment
        return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z".rjust(24, "0")

    def toJSON(self, *_: Any) -> str | None:
        return self.toISOString() if self._valid() else None

    def toString(self) -> str:
        if not self._valid():
            return "Invalid Date"
        return f"{self._moment:%a %b %d %Y %H:%M:%S} GMT+0000 (Coordinated Universal Time)"

    def toUTCString(self, *_: Any) -> str:
        return f"{self._moment:%a, %d %b %Y %H:%M:%S} GMT" if self._valid() else "Invalid Date"

    def _part(self, read: Callable[[datetime], int]) -> float:
        return read(self._moment) if self._valid() else math.nan

    def getUTCFullYear(self, *_: Any) -> float:
        return self._part(lambda moment: moment.year)

    def getUTCMonth(self, *_: Any) -> float:
        return self._part(lambda moment: moment.month - 1)

    def getUTCDate(self, *_: Any) -> float:
        return self._part(lambda moment: moment.day)

    def getUTCDay(self, *_: Any) -> float:
        return self._part(lambda moment: moment.isoweekday() % 7)

    def getUTCHours(self, *_: Any) -> float:
        return self._part(lambda moment: moment.hour)

    def getUTCMinutes(self, *_: Any) -> float:
        return self._part(lambda moment: moment.minute)

    def getUTCSeconds(self, *_: Any) -> float:
        return self._part(lambda moment: moment.second)

    def getUTCMilliseconds(self, *_: Any) -> float:
        return self._part(lambda moment: moment.microsecond // 1000)

    getFullYear, getMonth, getDate, getDay = getUTCFullYear, getUTCMonth, getUTCDate, getUTCDay
    getHours, getMinutes, getSeconds, getMilliseconds = getUTCHours, getUTCMinutes, getUTCSeconds, getUTCMilliseconds

    def getTimezoneOffset(self, *_: Any) -> int:
        return 0

    def _own_keys(self) -> list[str]:
        return []


def _ms_of(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse(text: str) -> float:
    """`Date.parse`: ISO 8601 as ECMAScript defines it, else the dates of HTTP and mail; NaN where neither fits."""
    found = _ISO.match(text.strip())
    try:
        if found is not None:
            year, month, day, hour, minute, second, fraction, zone = found.groups()
            ms = int((fraction or "0").ljust(3, "0")[:3])
            extra_day = hour == "24"
            moment = datetime(
                int(year),
                int(month or 1),
                int(day or 1),
                0 if extra_day else int(hour or 0),
                int(minute or 0),
                int(second or 0),
                ms * 1000,
                tzinfo=UTC,
            ) + timedelta(days=extra_day)
            return _ms_of(moment) - _offset(zone) * 60_000
        parsed = parsedate_to_datetime(text)
        return _ms_of(parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC))
    except (ValueError, OverflowError, TypeError):
        return math.nan


def _offset(zone: str | None) -> int:
    if zone is None or zone == "Z":
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (to_integer(zone[1:3]) * 60 + to_integer(zone[-2:]))
