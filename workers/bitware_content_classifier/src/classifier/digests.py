"""Issues that tell several stories under one title: `Chip Prices Fall, Robots Fold Laundry, New Rules for Drones`. Pure.

The same file lies in each worker that needs it, since folders are deployed alone.
"""

from __future__ import annotations

import re
from typing import Any

STORIES = 3
"""So many parts of a title, all but one of them of two words or more, are stories of their own."""
_BETWEEN = re.compile(r"[,;|]\s+|[?!]\s+(?=[A-Z])")
_GOES_ON = re.compile(
    r"(?:and|or|but|und|oder|y|e|et|which|who|that|with|for|in|on|of|from|to|by|says|including)(?![\w-])", re.I
)


def stories(title: str) -> list[str]:
    """The stories a title lists; an empty list where it tells one."""
    parts = [part.strip() for part in _BETWEEN.split(title) if part.strip()]
    whole = sum(len(part.split()) > 1 for part in parts)
    if len(parts) < STORIES or whole < len(parts) - 1 or any(_GOES_ON.match(part) for part in parts):
        return []
    return parts


def parts_of(article: dict[str, Any]) -> list[dict[str, Any]]:
    """What stands for an article's `title` and `content` in each of its stories: a part of the title alone, or the text,
    which such an issue seldom gives to more than one. [{}] for an article that tells one."""
    told = stories(str(article.get("title") or ""))
    if not told:
        return [{}]
    return [*({"title": story, "content": ""} for story in told), {"title": "", "content": article.get("content")}]
