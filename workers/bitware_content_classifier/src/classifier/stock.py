"""What a feed writes around every article (`The Batch AI News and Insights: ...`) says nothing of the single one. Pure.

The same file lies in each worker that needs it, since folders are deployed alone.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

_WORD = re.compile(r"[^\W_]+(?:['’.+#&-][^\W_]+)*")
FEWEST = 6
"""Articles of a feed that must begin (or end) alike,"""
SHARE = 0.3
"""and this part of all it has."""
SHORTEST = {"title": 2, "content": 3}
LONGEST = 20


def without_stock(articles: Sequence[dict[str, Any]]) -> Iterator[list[tuple[int, dict[str, Any]]]]:
    """The articles without the words that many of the same feed begin or end with, in title and content each: feed by feed,
    (the place in `articles`, the article) of each of its."""
    feeds: dict[str, list[int]] = defaultdict(list)
    for number, article in enumerate(articles):
        feeds[str(article.get("feed_url"))].append(number)
    for numbers in feeds.values():
        made = [dict(articles[number]) for number in numbers]
        for name, shortest in SHORTEST.items():
            for row, text in zip(made, _cut([str(row.get(name) or "") for row in made], shortest), strict=True):
                row[name] = text
        yield list(zip(numbers, made, strict=True))


def _cut(texts: Sequence[str], shortest: int) -> list[str]:
    spans = [[(word[0].casefold(), *word.span()) for word in _WORD.finditer(text)] for text in texts]
    heads, tails = _common(spans, shortest), _common([found[::-1] for found in spans], shortest)
    cut = []
    for text, found, head, tail in zip(texts, spans, heads, tails, strict=True):
        # A text that is nothing else keeps its words.
        if head + tail >= len(found):
            cut.append(text)
            continue
        start = found[head][1] if head else 0
        end = found[-tail - 1][2] if tail else len(text)
        cut.append(text[start:end])
    return cut


def _common(texts: Sequence[Sequence[tuple[str, int, int]]], shortest: int) -> list[int]:
    """How many words each text has in common, from the beginning, with enough of the others."""
    enough = max(FEWEST, SHARE * len(texts))
    if len(texts) < FEWEST:
        return [0] * len(texts)
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = tuple(word for word, _, _ in text[:LONGEST])
        counts.update(words[:size] for size in range(shortest, len(words) + 1))
    lengths = []
    for text in texts:
        words = tuple(word for word, _, _ in text[:LONGEST])
        sizes = [size for size in range(shortest, len(words) + 1) if counts[words[:size]] >= enough]
        lengths.append(max(sizes, default=0))
    return lengths
