"""Candidate sources of several origins as one list, and how well each suits the topic: a score that is the sum of its
parts. Pure."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from researcher.matching import Match, Matcher, Text, read

READ = {"title": 0.1, "topics": 0.15, "description": 0.1, "catalogue": 0.1, "language": 0.05, "articles": 0.5}
"""The most a part gives to a feed's score when articles were read;"""
UNREAD = {"title": 0.25, "topics": 0.35, "description": 0.15, "catalogue": 0.15, "language": 0.1, "articles": 0.0}
"""and when none were, as with depth `quick`."""
OFTEN = 5
"""So many articles about the topic are as good as more."""
HARDLY = 0.1
SHARE = 0.3
"""A feed with this part of its articles about the topic is about it."""


def key(url: str) -> str:
    """What two addresses of one feed have in common: no scheme, no `www.`, no trailing slash, no fragment."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return url.strip()
    query = f"?{parts.query}" if parts.query else ""
    return parts.netloc.lower().removeprefix("www.") + parts.path.rstrip("/") + query


def merge(origins: Iterable[tuple[str, Sequence[Mapping[str, Any]]]]) -> list[dict[str, Any]]:
    """Each feed once, in the order given, with every origin in `found_by`. What the first origin knows of it stays."""
    merged: dict[str, dict[str, Any]] = {}
    for origin, rows in origins:
        for row in rows:
            topics = [str(topic) for topic in row.get("topics") or [] if str(topic).strip()]
            feed = merged.setdefault(
                key(row["url"]),
                {
                    **dict.fromkeys(("title", "site", "description", "language", "list"), ""),
                    "url": row["url"].strip(),
                    "topics": [],
                    "catalogue_score": 0.0,
                    "found_by": [],
                },
            )
            for name in ("title", "site", "description", "language", "list"):
                feed[name] = feed[name] or str(row.get(name) or "")
            feed["topics"] = feed["topics"] or topics or ([str(row["topic"])] if row.get("topic") else [])
            feed["catalogue_score"] = max(feed["catalogue_score"], _number(row.get("score")))
            if origin not in feed["found_by"]:
                feed["found_by"].append(origin)
    return list(merged.values())


def _number(value: Any) -> float:
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) and value == value else 0.0


def in_languages(feeds: Sequence[dict[str, Any]], languages: Sequence[str]) -> tuple[list[dict[str, Any]], int]:
    """(the feeds in those languages or in one nobody names, how many were left out)."""
    wanted = set(languages)
    kept = [feed for feed in feeds if not wanted or not short(feed["language"]) or short(feed["language"]) in wanted]
    return kept, len(feeds) - len(kept)


def short(language: str) -> str:
    """`de-AT` is `de`."""
    return re.split(r"[-_]", language.strip().lower(), maxsplit=1)[0]


def rank(
    feeds: Sequence[dict[str, Any]],
    matcher: Matcher,
    texts: Sequence[tuple[Text, Match]],
    summary: Sequence[Mapping[str, Any]],
    languages: Sequence[str],
) -> list[dict[str, Any]]:
    """The feeds with `score` (0 to 1), its `parts`, what of the topic `matched`, and how many `items` were read and how
    many of them are `matching` (None where the feed was not read). The best first, in the order given where equal."""
    read_of: dict[str, list[tuple[Text, Match]]] = defaultdict(list)
    for text, match in texts:
        read_of[key(text.feed_url)].append((text, match))
    outcome = {key(str(row.get("feed_url") or "")): row for row in summary}
    weights = READ if any(row.get("status") != "failed" for row in summary) else UNREAD
    ranked = []
    for feed in feeds:
        row = outcome.get(key(feed["url"]))
        articles = read_of.get(key(feed["url"]), []) if row is not None and row.get("status") != "failed" else None
        ranked.append(_rate(feed, matcher, articles, row or {}, weights, languages))
    return sorted(ranked, key=lambda feed: -feed["score"])


def _rate(
    feed: dict[str, Any],
    matcher: Matcher,
    articles: list[tuple[Text, Match]] | None,
    row: Mapping[str, Any],
    weights: Mapping[str, float],
    languages: Sequence[str],
) -> dict[str, Any]:
    title = feed["title"] or str(row.get("title") or "")
    language = short(feed["language"]) or _spoken(articles or [])
    fields = {
        name: read({"title": text, "language": language or "en"})
        for name, text in (
            ("title", title),
            ("topics", ". ".join(_named(label, matcher) for label in feed["topics"])),
            ("description", feed["description"]),
        )
    }
    values = {name: matcher.share(text) for name, text in fields.items()}
    values["catalogue"] = feed["catalogue_score"]
    values["language"] = 1.0 if language in languages else 0.5 * bool(language)
    matching = [match for _, match in articles or [] if match.about]
    if articles:
        share, strength = len(matching) / len(articles), sum(match.strength for match in matching)
        values["articles"] = 0.5 * min(1.0, share / SHARE) + 0.5 * min(1.0, strength / OFTEN)
    # What a feed's language is helps as far as something else speaks for it, and little where that is the catalogue alone.
    said = max(values.get(name, 0.0) for name in ("title", "topics", "description", "articles"))
    values["language"] *= max(min(1.0, 2 * said), HARDLY * bool(values["catalogue"]))
    parts = {name: round(weights[name] * value, 4) for name, value in values.items()}
    if articles is None:
        parts.pop("articles", None)
    matched = {name for text in fields.values() for name in matcher.matched(text)}
    matched |= {name for match in matching for name in match.matched}
    plain = {name: feed[name] for name in ("url", "site", "description", "topics", "list", "found_by")}
    return {
        **plain,
        "title": title,
        "topic": feed["topics"][0] if feed["topics"] else "",
        "language": language,
        "score": round(sum(parts.values()), 4),
        "parts": parts,
        "matched": [idea.name for idea in matcher.topic.ideas if idea.name in matched],
        "items": None if articles is None else len(articles),
        "matching": None if articles is None else len(matching),
    }


def _named(label: str, matcher: Matcher) -> str:
    """A label that is a name of the topic, as a sentence would have it: `go` is `on Go`."""
    names = {" ".join(form) for idea in matcher.topic.ideas if idea.proper for form in idea.forms}
    return next((f"on {name}" for name in names if name.casefold() == label.casefold()), label)


def _spoken(articles: Sequence[tuple[Text, Match]]) -> str:
    counts = Counter(text.language for text, _ in articles)
    return counts.most_common(1)[0][0] if counts else ""
