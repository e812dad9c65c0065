"""Cron expressions by Cloudflare's rules."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.config.cron import BadCron, Cron


def moments(text: str, start: str = "2026-01-01T00:00", count: int = 3) -> list[str]:
    """The first moments after `start`, as `MM-DD HH:MM`."""
    begin = datetime.fromisoformat(start).replace(tzinfo=UTC).timestamp()
    found = islice(Cron(text).after(begin), count)
    return [datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M") for seconds in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("* * * * *", ["01-01 00:01", "01-01 00:02", "01-01 00:03"]),
        ("*/30 * * * *", ["01-01 00:30", "01-01 01:00", "01-01 01:30"]),
        ("45 * * * *", ["01-01 00:45", "01-01 01:45", "01-01 02:45"]),
        ("5/20 3 * * *", ["01-01 03:05", "01-01 03:25", "01-01 03:45"]),
        ("0 22-1 * * *", ["01-01 01:00", "01-01 22:00", "01-01 23:00"]),
        ("0 17 * * sun", ["01-04 17:00", "01-11 17:00", "01-18 17:00"]),
        ("0 17 * * 1", ["01-04 17:00", "01-11 17:00", "01-18 17:00"]),  # 1 is Sunday
        ("10 7 * * mon-fri", ["01-01 07:10", "01-02 07:10", "01-05 07:10"]),
        ("10 7 * * FRI-MON", ["01-02 07:10", "01-03 07:10", "01-04 07:10"]),
        ("0 15 1 * *", ["01-01 15:00", "02-01 15:00", "03-01 15:00"]),
        ("0 18 * * 6L", ["01-30 18:00", "02-27 18:00", "03-27 18:00"]),  # the last Friday
        ("0 0 * * MON#2", ["01-12 00:00", "02-09 00:00", "03-09 00:00"]),
        ("0 0 * * L", ["01-03 00:00", "01-10 00:00", "01-17 00:00"]),
        ("59 23 LW * *", ["01-30 23:59", "02-27 23:59", "03-31 23:59"]),
        ("0 0 L * *", ["01-31 00:00", "02-28 00:00", "03-31 00:00"]),
        ("0 0 L-2 2,3 *", ["02-26 00:00", "03-29 00:00", "02-26 00:00"]),
        ("0 0 1W 2-8/3 *", ["02-02 00:00", "05-01 00:00", "08-03 00:00"]),  # Sunday, Friday, Saturday
        ("0 0 31W * *", ["01-30 00:00", "03-31 00:00", "05-29 00:00"]),
        ("0 0 13 * FRI", ["01-02 00:00", "01-09 00:00", "01-13 00:00"]),  # either is enough
        ("0 0 29 FEB *", ["02-29 00:00", "02-29 00:00", "02-29 00:00"]),
        ("0 0 30 2 *", []),
    ],
)
def test_when_it_fires(text: str, expected: list[str]) -> None:
    assert moments(text) == expected


@pytest.mark.parametrize(
    "text",
    "|* * * *|* * * * * *|60 * * * *|* 24 * * *|* * 0 * *|* * 32 * *|* * * 13 *|* * * * 0|* * * * 8|*/0 * * * *|*/60 * * * *"
    "|a * * * *|1-  * * * *|1,,2 * * * *|* * * JANU *|* * W * *|* * 32W * *|* * * * MON#6|* * * * #1|L * * * *|-1 * * * *"
    "|* * L,3 * *|* * L-31 * *|@daily|٣ * * * *|* * * * MON-".split("|"),
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(BadCron):
        Cron(text)


fields = st.tuples(
    st.sampled_from(["*", "*/7", "0", "3-50/9", "58-2", "1,2,59"]),
    st.sampled_from(["*", "*/5", "0", "23", "20-3", "1,13"]),
    st.sampled_from(["*", "1", "31", "*/10", "28-3", "L", "L-5", "LW", "15W", "31W", "1W"]),
    st.sampled_from(["*", "1", "FEB", "NOV-feb", "*/4"]),
    st.sampled_from(["*", "1", "SAT", "FRI-MON", "2L", "TUE#5", "L", "*/3"]),
)


@given(fields, st.integers(0, 4_000_000_000))
def test_moments_are_whole_minutes_and_go_forward(parts: tuple[str, ...], start: int) -> None:
    cron = Cron(" ".join(parts))
    found = list(islice(cron.after(start), 5))
    assert all(moment % 60 == 0 and moment > start for moment in found)
    assert found == sorted(set(found))
    for before, after in zip(found, found[1:], strict=False):
        assert next(cron.after(before)) == after  # nothing is passed over, wherever one begins
        assert next(cron.after(after - 1)) == after


@given(st.integers(2000, 2099), st.integers(1, 12), st.integers(1, 31))
def test_the_nearest_weekday_stays_in_its_month(year: int, month: int, day: int) -> None:
    begin = datetime(year, month, 1, tzinfo=UTC) - timedelta(seconds=1)
    length = calendar.monthrange(year, month)[1]
    moment = next(Cron(f"0 0 {day}W {month} *").after(begin.timestamp()), None)
    if moment is None:  # there is no 30 February in any year
        assert day > 28 and day > length
        return
    found = datetime.fromtimestamp(moment, UTC)
    if day > length:
        assert (found.year, found.month) != (year, month)
    else:
        assert (found.year, found.month) == (year, month)
        assert found.isoweekday() <= 5 and abs(found.day - day) <= 2
