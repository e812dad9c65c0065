"""Secrets never leave by way of an error page, a log line or an event: their values are taken out of every text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "[secret]"
LEAST_LENGTH = 6
"""Shorter values would blank out ordinary words."""


class Redaction:
    """Knows the secret values and takes them out of texts, also where they are percent-encoded."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[str] | None = None

    def know(self, values: Iterable[str]) -> None:
        """Replace the known values. Longer ones are taken out first, so that none leaves a rest behind."""
        known = {value for value in values if len(value) >= LEAST_LENGTH}
        known |= {quote(value, safe="") for value in known}
        ordered = sorted(known, key=lambda value: (-len(value), value))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def __call__(self, text: str) -> str:
        return text if self._pattern is None else self._pattern.sub(MASK, text)
