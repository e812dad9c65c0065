"""What goes in and what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from researcher.candidates import short
from researcher.topic import Topic, parse
from sandbox.handshake.schema import ProtocolError

DEPTHS = ("quick", "standard", "comprehensive")
FEEDS_READ = {"quick": 0, "standard": 12, "comprehensive": 40}
"""How many candidates the Feed Fetcher reads."""
LIMIT, MAX_LIMIT = 40, 200
MAX_CANDIDATES = 500


@dataclass
class Input:
    """`topic` or `query`; everything but these may come as a parameter of the stage instead."""

    topic: str | None = None
    query: str | None = None
    depth: str | None = None
    """`quick` (nothing is read), `standard` or `comprehensive` (which also asks the catalogue again with what was found)."""
    languages: list[Any] | str | None = None
    """As `en`; sources in other languages are left out."""
    opml: list[Any] | str | None = None
    """Further candidates, as OPML lists: the address of one, its text, or several of either."""
    catalogue: str | None = None
    """The Source Finder's list to look in: `public` (its own), or the address of an OPML list."""
    limit: int | str | None = None
    """Sources in the answer, at most."""

    def __post_init__(self) -> None:
        if not (self.topic or self.query or "").strip():
            raise ProtocolError("topic", "missing, expected what the research is about (or `query`)")
        try:
            parse(self.about)
        except ValueError as error:
            raise ProtocolError("topic" if (self.topic or "").strip() else "query", str(error)) from error
        Wish.of(self, {})

    @property
    def about(self) -> str:
        return ((self.topic or "").strip() or self.query or "").strip()


@dataclass(frozen=True)
class Wish:
    """The checked input, in one form."""

    topic: Topic
    depth: str
    languages: list[str]
    opml: list[str]
    catalogue: str
    limit: int

    @classmethod
    def of(cls, given: Input, parameters: dict[str, Any]) -> Wish:
        """Parameters of the stage win over the input. Raises ProtocolError by the field's name."""

        def value(name: str) -> Any:
            return parameters.get(name) if parameters.get(name) not in (None, "") else getattr(given, name)

        depth = str(value("depth") or "standard").strip().lower()
        if depth not in DEPTHS:
            raise ProtocolError("depth", f"expected {', '.join(DEPTHS[:-1])} or {DEPTHS[-1]}, got {depth[:40]!r}")
        return cls(
            parse(given.about),
            depth,
            [short(one) for one in _listed(value("languages"), "languages")],
            _opml(value("opml")),
            str(value("catalogue") or "").strip(),
            _limit(value("limit")),
        )


def _limit(given: Any) -> int:
    if given is None or given == "":
        return LIMIT
    number = int(given) if isinstance(given, str) and given.strip().isdecimal() else given
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= MAX_LIMIT:
        raise ProtocolError("limit", f"expected a number from 1 to {MAX_LIMIT}, got {str(given)[:40]!r}")
    return number


def _listed(given: Any, name: str) -> list[str]:
    if isinstance(given, str):
        text = given.strip()
        try:
            given = json.loads(text) if text.startswith("[") else text.replace(",", " ").split()
        except ValueError as error:
            raise ProtocolError(name, f"is no JSON list ({error})") from error
    if given is not None and (not isinstance(given, list) or not all(isinstance(one, str) for one in given)):
        raise ProtocolError(name, "expected an array of strings, or one string of them")
    return list(dict.fromkeys(one.strip() for one in given or [] if one.strip()))


def _opml(given: Any) -> list[str]:
    if isinstance(given, str) and given.lstrip().startswith("<"):
        return [given.strip()]
    return _listed(given, "opml")


@dataclass
class Output:
    topic: str
    research: dict[str, Any]
    """How the topic was read: {ideas, phrases, excluded, aspects, years, compared, language, kind, place, depth}."""
    sub_topics: list[dict[str, Any]]
    """{name, keywords, articles, feeds, why, examples}: phrases that stand in the same articles, the most usual first."""
    keywords: list[str]
    questions: list[str]
    sources: list[dict[str, Any]]
    """{url, title, site, description, topics, topic, language, list, found_by, score, parts, matched, items, matching},
    the best first. `score` is the sum of `parts`; `items` is None where the feed was not read."""
    feeds: list[dict[str, Any]]
    """The same list."""
    unreachable: list[dict[str, str]] = field(default_factory=list)
    """{what, reason}"""
    notes: list[str] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)
