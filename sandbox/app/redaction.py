"""Secrets never leave by way of an error page, a log line or an event: their values are taken out of every text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from sandbox.ids import MASK

LEAST_LENGTH = 6
"""Shorter values would blank out ordinary words."""


class Redaction:
    """Knows the secret values and takes them out of texts: as they are, line by line (a key of several lines is printed
    so), percent-encoded, and as they stand in JSON and in Python's repr."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None
        self._known: tuple[str, ...] = ()

    def know(self, values: Iterable[str]) -> None:
        """Replace the known values. Longer ones are taken out first, so that none leaves a rest behind."""
        known: set[str] = set()
        for value in values:
            forms = (value, *value.splitlines(), quote(value, safe=""), quote_plus(value))
            known.update(forms, (_inside(json.dumps(value)), _inside(json.dumps(value, ensure_ascii=False))))
            known.add(_inside(repr(value)))
        known = {text for text in known if len(text) >= LEAST_LENGTH}
        self._known = tuple(known)
        self._pattern = (
            None  # made when the first text comes: that costs the start of a test more than all the rest here
        )

    def __call__(self, text: str) -> str:
        if self._pattern is None:
            if not self._known:
                return text
            ordered = sorted(self._known, key=lambda value: (-len(value), value))
            self._pattern = re.compile("|".join(map(re.escape, ordered)))
        return self._pattern.sub(MASK, text)

    def has(self, text: str) -> bool:
        """Whether a secret is in there. Quicker than taking it out, by far for long texts without one."""
        return any(form in text for form in self._known)


def _inside(quoted: str) -> str:
    return quoted[1:-1]
