"""What goes in and what comes out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from finder.feeds import language, line
from finder.refusals import BadRequest
from sandbox.handshake.schema import ProtocolError

LIMIT, MAX_LIMIT = 40, 500
MAX_SITES = 50
"""Sites of one request: each costs up to fourteen requests, and an invocation on Cloudflare has a thousand."""
MAX_TOPIC = 1000


@dataclass
class Input:
    """`topic` or `query`. Lists may also be one string: of words between commas, of addresses between spaces, or JSON."""

    topic: str | None = None
    query: str | None = None
    keywords: list[Any] | str | None = None
    languages: list[Any] | str | None = None
    """As `en`; feeds in other languages are left out."""
    sites: list[Any] | str | None = None
    """Pages or hosts on which to look for feeds."""
    opml: list[Any] | str | None = None
    """OPML lists: the address of one, its text, or several of either."""
    feeds: list[Any] | dict[str, Any] | str | None = None
    """Candidates to merge in: addresses or {url, title, ...}. Also lists of such lists, or several under names
    (`{"research": [...], "universal": [...]}`), which are then told in `found_by`."""
    more_feeds: list[Any] | dict[str, Any] | str | None = None
    """As `feeds`: a pipeline has two stages' candidates in two fields."""
    limit: int | None = None
    catalogue: str | None = None
    """The address of an OPML list that stands in for the catalogue; empty or `public` is the worker's own."""

    def __post_init__(self) -> None:
        if not (self.topic or self.query or "").strip():
            raise ProtocolError("topic", "missing, expected what the feeds are to be about (or `query`)")
        try:
            limit_of(self.limit)
            addresses(self.sites or [], "sites", MAX_SITES)
            opml_lists(self.opml)
            terms(self.keywords, "keywords")
            languages_of(self.languages)
        except BadRequest as wrong:
            raise ProtocolError("", str(wrong)) from wrong

    @property
    def about(self) -> str:
        return (self.topic or self.query or "").strip()[:MAX_TOPIC]


@dataclass
class Output:
    topic: str
    feeds: list[dict[str, Any]]
    """{url, title, site, description, topics, topic, language, list, score, parts, matched, found_by}, the best first."""
    sources: list[dict[str, Any]]
    """The same list."""
    unreachable: list[dict[str, str]] = field(default_factory=list)
    """{what, way, reason}"""
    notes: list[str] = field(default_factory=list)
    totals: dict[str, int] = field(default_factory=dict)


def terms(given: Any, name: str) -> list[str]:
    """A list of words or phrases. Raises BadRequest."""
    if given is None:
        return []
    if isinstance(given, str):
        given = _json_list(given, name) if given.lstrip().startswith("[") else given.split(",")
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise BadRequest(f"`{name}` has to be a list of texts")
    return [text for one in given if (text := line(one, 200))][:100]


def languages_of(given: Any) -> list[str]:
    """Primary subtags. Raises BadRequest for what names no language."""
    every = terms(given, "languages")
    known = [language(one) for one in every]
    for one, tag in zip(every, known, strict=True):
        if not tag:
            raise BadRequest(f"`languages`: {one!r} is no language; give tags as `en` or `pt-BR`")
    return list(dict.fromkeys(known))


def addresses(given: Any, name: str, most: int) -> list[str]:
    """Texts that are to be addresses, each once. Raises BadRequest."""
    if isinstance(given, str):
        given = _json_list(given, name) if given.lstrip().startswith("[") else given.split()
    if not isinstance(given, list):
        raise BadRequest(f"`{name}` has to be a list of addresses")
    found = []
    for one in given:
        url = one.get("url") if isinstance(one, dict) else one
        if not isinstance(url, str) or not url.strip():
            raise BadRequest(f"`{name}` has an entry that is no address: {line(json.dumps(one), 60)}")
        found.append(url.strip())
    if len(found) > most:
        raise BadRequest(f"`{name}` has {len(found)} entries; {most} is the limit of one request")
    return list(dict.fromkeys(found))


def limit_of(given: Any, default: int = LIMIT) -> int:
    """How many feeds an answer has at most. Raises BadRequest."""
    if given is None:
        return default
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= MAX_LIMIT:
        raise BadRequest(f"`limit` has to be a whole number from 1 to {MAX_LIMIT}")
    return given


def candidates(given: Any) -> list[tuple[str, Any]]:
    """(whose, row) of every candidate, in whichever of its forms `feeds` came. Raises ProtocolError."""
    if given is None:
        return []
    if isinstance(given, str):
        text = given.strip()
        try:
            return candidates(json.loads(text) if text[:1] in ("[", "{") else text.split())
        except ValueError as error:
            raise ProtocolError("feeds", f"is no JSON ({error})") from error
    if isinstance(given, dict) and "url" not in given:
        return [(whose, row) for whose, rows in given.items() for _, row in candidates(rows)]
    rows = [given] if isinstance(given, dict) else given
    if not isinstance(rows, list):
        raise ProtocolError("feeds", "expected addresses, or objects with `url`")
    found: list[tuple[str, Any]] = []
    for row in rows:
        found += (
            candidates(row) if isinstance(row, list) else [("given", {"url": row} if isinstance(row, str) else row)]
        )
    return found


def opml_lists(given: Any) -> list[str]:
    """Each OPML list by itself: its text or its address. Raises BadRequest."""
    if isinstance(given, str):
        text = given.strip()
        return [text] if text.startswith("<") else addresses(text, "opml", 20)
    if not isinstance(given or [], list) or not all(isinstance(one, str) for one in given or []):
        raise BadRequest("`opml` has to be addresses or texts of OPML lists")
    return [one.strip() for one in given or [] if one.strip()]


def _json_list(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise BadRequest(f"`{name}` is no JSON list ({error})") from error
