"""How many relevant items appeared when: by day, week, month, quarter or year, and what the counts say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from report.items import Item
from report.wording import count, day, spelled


@dataclass(slots=True)
class Bucket:
    """One day, week, month, quarter or year; `start` is its first day."""

    start: datetime
    label: str
    items: list[Item]


def _unit(days: int) -> str:
    """The smallest unit that gives at most about 26 buckets."""
    for unit, longest in (("day", 14), ("week", 180), ("month", 780), ("quarter", 2340)):
        if days <= longest:
            return unit
    return "year"


def _start(moment: datetime, unit: str) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match unit:
        case "week":
            return midnight - timedelta(days=midnight.weekday())
        case "month":
            return midnight.replace(day=1)
        case "quarter":
            return midnight.replace(day=1, month=(midnight.month - 1) // 3 * 3 + 1)
        case "year":
            return midnight.replace(day=1, month=1)
    return midnight


def _next(start: datetime, unit: str) -> datetime:
    days = {"day": 1, "week": 7, "month": 32, "quarter": 95, "year": 370}[unit]
    return _start(start + timedelta(days=days), unit)


def _label(start: datetime, unit: str) -> str:
    match unit:
        case "month":
            return f"{start:%b %Y}"
        case "quarter":
            return f"Q{(start.month + 2) // 3} {start.year}"
        case "year":
            return str(start.year)
    return f"{start.day} {start:%b}"


def buckets(items: Sequence[Item]) -> tuple[str, list[Bucket]]:
    """The unit ("day", "week", "month", "quarter", "year") and the buckets in order, empty ones included."""
    dated = sorted((item for item in items if item.date), key=lambda item: item.date or datetime.min)
    if not dated:
        return "day", []
    first, last = dated[0].date, dated[-1].date
    assert first and last
    unit = _unit((last - first).days)
    result: list[Bucket] = []
    start = _start(first, unit)
    while start <= last:
        result.append(Bucket(start, _label(start, unit), []))
        start = _next(start, unit)
    for item in dated:
        assert item.date
        own = _start(item.date, unit)
        next(bucket for bucket in result if bucket.start == own).items.append(item)
    return unit, result


def describe(unit: str, row: Sequence[Bucket]) -> list[tuple[str, list[Item]]]:
    """Sentences about the course of the coverage, each with the items it rests on."""
    if sum(bool(bucket.items) for bucket in row) < 2:
        return []
    told: list[tuple[str, list[Item]]] = []
    busiest = max(row, key=lambda bucket: len(bucket.items))
    total = [item for bucket in row for item in bucket.items]
    when = {
        "day": f"The busiest day was {day(busiest.start)}",
        "week": f"The busiest week began on {day(busiest.start)}",
        "month": f"The busiest month was {busiest.start:%B %Y}",
    }.get(unit, f"The busiest {unit} was {busiest.label}")
    alone = sum(len(bucket.items) == len(busiest.items) for bucket in row) == 1
    if len(busiest.items) > 1 and alone:
        told.append((f"{when}, with {count(len(busiest.items), 'article')} of {len(total)}.", list(busiest.items)))
    half = len(row) // 2
    early = [item for bucket in row[:half] for item in bucket.items]
    late = [item for bucket in row[-half:] for item in bucket.items]
    if len(total) >= 6:
        if len(late) >= 1.5 * max(1, len(early)):
            word = "Coverage grew"
        elif len(early) >= 1.5 * max(1, len(late)):
            word = "Coverage faded"
        else:
            word = "Coverage was even"
        told.append(
            (
                f"{word}: {count(len(early), 'article')} in the first half of the period, {spelled(len(late))} in the second.",
                early + late,
            )
        )
    return told
