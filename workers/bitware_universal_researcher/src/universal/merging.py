"""Feeds of several ways as one list, and what their articles say of the topic. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from universal.ways import Found

KEYWORDS = 12
_WORD = re.compile(r"[^\W_]+")
# Words that carry no topic by themselves, of the languages the sample newsroom is written in.
_SMALL = frozenset(
    "a an and are as at be but by for from has have how in into is it its more not of on or that the their this to was "
    "what when which who why will with you your der die das den des ein eine für im in mit nach und von zu zum zur el "
    "la los las de del en para por que una un con se su do da dos das em na no os ao".split()
)


def words(text: str) -> list[str]:
    """Whole words, lower case, without accents: `café` is `cafe`, and `cat` is not in `category`."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.lower()) if not unicodedata.combining(c))
    return [_root(word) for word in _WORD.findall(plain)]


def _root(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def topic_words(topic: str) -> list[str]:
    every = list(dict.fromkeys(words(topic)))
    return [word for word in every if word not in _SMALL] or every


def key(url: str) -> str:
    """What two addresses of one feed have in common: no scheme, no `www.`, no trailing slash, no fragment."""
    parts = urlsplit(url.strip())
    query = f"?{parts.query}" if parts.query else ""
    return parts.netloc.lower().removeprefix("www.") + parts.path.rstrip("/") + query


def merge_feeds(ways: Sequence[Found]) -> list[dict[str, Any]]:
    """Each feed once, in the order of the ways, with every way that led to it in `found_by`. The first title, topic and
    language that a way knows stay."""
    merged: dict[str, dict[str, Any]] = {}
    for found in ways:
        for row in found.feeds:
            feed = merged.setdefault(
                key(row["url"]), {"url": row["url"].strip(), "title": "", "topic": "", "language": "", "found_by": []}
            )
            for name in ("title", "topic", "language"):
                feed[name] = feed[name] or str(row.get(name) or "")
            if found.way not in feed["found_by"]:
                feed["found_by"].append(found.way)
    return list(merged.values())


def judge(
    feeds: list[dict[str, Any]], fetched: dict[str, Any], topic: str, related: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """The feeds that could be read, the best first. `matching` counts articles with every word of the topic, or with
    every word of one related term; `quality_score` (0 to 1) rests on their share and on how many they are."""
    asked = [set(topic_words(topic)), *(set(topic_words(term)) for term in related)]
    counts: dict[str, list[int]] = {}
    for article in fetched["articles"]:
        said = set(words(f"{article['title']} {article['content']}"))
        count = counts.setdefault(key(article["feed_url"]), [0, 0])
        count[0] += 1
        count[1] += any(wanted and wanted <= said for wanted in asked)
    titles = {key(row["feed_url"]): row for row in fetched["feed_summary"] if row["status"] != "failed"}
    judged = []
    for feed in feeds:
        row = titles.get(key(feed["url"]))
        if row is None:
            continue
        items, matching = counts.get(key(feed["url"]), [0, 0])
        score = 0.6 * matching / items + 0.4 * min(1.0, matching / 5) if items else 0.0
        title = feed["title"] or row["title"]
        judged.append({**feed, "title": title, "items": items, "matching": matching, "quality_score": round(score, 3)})
    return sorted(judged, key=lambda feed: -feed["quality_score"])


def keywords(topic: str, articles: Sequence[dict[str, Any]]) -> list[str]:
    """The topic's words, then words that the titles of articles about it have more often than other titles."""
    asked = topic_words(topic)
    about: Counter[str] = Counter()
    every: Counter[str] = Counter()
    matching = 0
    for article in articles:
        title = set(topic_words(article["title"]))
        every.update(title)
        if set(asked) <= set(words(f"{article['title']} {article['content']}")):
            matching += 1
            about.update(title)
    if not articles or not matching:
        return asked
    share = matching / len(articles)
    marked = {
        word: count / (every[word] * share)
        for word, count in about.items()
        if count >= 2 and len(word) > 2 and word not in asked and count / every[word] >= min(0.5, 4 * share)
    }
    ranked = sorted(marked, key=lambda word: (-about[word], -marked[word], word))
    return [*asked, *ranked][:KEYWORDS]
