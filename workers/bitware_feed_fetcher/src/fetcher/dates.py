"""The date of an item as ISO 8601 in UTC, from whatever the feed gives."""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

_FIELDS = ("published", "updated", "created", "issued", "date")
_YEARS = range(1970, 2100)
"""Years an article can be of; a number that was no date reads as some other."""
_IN_PATH = re.compile(r"/(20\d\d|19\d\d)[/-](0?[1-9]|1[0-2])(?:[/-](0?[1-9]|[12]\d|3[01]))?(?=[/-])")


def iso_date(entry: Mapping[str, Any], url: str = "") -> str | None:
    """`2026-11-03T08:15:00Z`, from the first of: a date feedparser understood, a date field read as RFC 822 or ISO 8601,
    the day in the article's own address (`/2026/11/03/`). None when there is none."""
    # feedparser answers `updated` with `published` and a warning; dict.get shows what is really there.
    fields = dict(entry)
    for name in _FIELDS:
        parsed = fields.get(f"{name}_parsed")
        if parsed is not None:
            try:
                moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC)
            except (ValueError, OverflowError, OSError):
                continue
            if moment.year in _YEARS:
                return _iso(moment)
    for name in _FIELDS:
        found = _read(str(fields.get(name) or "").strip())
        if found is not None and found.year in _YEARS:
            return _iso(found)
    in_path = _IN_PATH.search(url)
    if in_path:
        year, month, day = (int(part) if part else 1 for part in in_path.groups())
        try:
            return _iso(datetime(year, month, day, tzinfo=UTC))
        except ValueError:
            return None
    return None


def _read(text: str) -> datetime | None:
    if not text:
        return None
    for reader in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = reader(text)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
        try:
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except OverflowError:
            continue
    return None


def _iso(moment: datetime) -> str:
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")
