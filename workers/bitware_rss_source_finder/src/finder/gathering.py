"""One packet of the pipeline: candidates from everywhere, merged and ranked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from finder import lists, schemas
from finder.feeds import Feed, feed, line
from finder.finder import Finder
from finder.ranking import Found, Ranked, rank
from finder.refusals import Refused

EVIDENCE = 0.5
"""What a candidate's quality is worth: it rests on articles somebody read, not on what a feed says of itself."""
FURTHER = 0.05
MOST_FURTHER = 2
"""Being named by several sources says a little."""


@dataclass
class Candidate:
    feed: Feed
    found_by: list[str] = field(default_factory=list)
    quality: float = 0.0


class Candidates:
    """Feeds from several sources, each once: the first to say something of a feed is believed."""

    def __init__(self) -> None:
        self._by_key: dict[str, Candidate] = {}

    def keys(self) -> frozenset[str]:
        return frozenset(self._by_key)

    def put(self, one: Feed, found_by: Iterable[str], quality: float = 0.0) -> None:
        known = self._by_key.setdefault(one.key, Candidate(one))
        mine = known.feed
        known.feed = replace(
            mine,
            title=mine.title or one.title,
            description=mine.description or one.description,
            topics=mine.topics or one.topics,
            language=mine.language or one.language,
            list=mine.list or one.list,
        )
        known.found_by += [way for way in found_by if way not in known.found_by]
        known.quality = max(known.quality, quality)

    def drop(self, keys: Iterable[str]) -> int:
        return sum(self._by_key.pop(key, None) is not None for key in keys)

    def of(self, key: str) -> Candidate:
        return self._by_key[key]

    def feeds(self) -> list[Feed]:
        return [one.feed for one in self._by_key.values()]


async def gather(
    given: schemas.Input,
    finder: Finder,
    state: Mapping[str, Any] | None,
    progress: Callable[[int, str], Awaitable[Any]],
    checkpoint: Callable[[dict[str, Any]], Awaitable[Any]],
) -> dict[str, Any]:
    """The output of the stage. `state` is what `checkpoint` was given by an earlier attempt."""
    if not state:
        await progress(5, "asking sites and lists")
        state = await _look(given, finder)
        await checkpoint(dict(state))
    unreachable, notes = [dict(row) for row in state["unreachable"]], list(state["notes"])
    await progress(60, "searching the catalogue")
    candidates = Candidates()
    for whose, row in (*schemas.candidates(given.feeds), *schemas.candidates(given.more_feeds)):
        try:
            _put_given(candidates, whose, row)
        except Refused as refused:
            what = row.get("url") if isinstance(row, dict) else row
            unreachable.append({"what": line(what, 200) or "?", "way": whose, "reason": str(refused)})
    for way in ("opml", "discovery"):
        for row in state[way]:
            candidates.put(feed(row, ""), [way])
    changes = await finder.store.changes()
    disabled = candidates.drop(changes.disabled)
    if disabled:
        notes.append(f"{disabled} candidates are disabled and were dropped.")
    offered, every = candidates.keys(), False
    try:
        scope = await finder.scope(given.catalogue)
    except Refused as refused:
        unreachable.append({"what": str(given.catalogue), "way": "catalogue", "reason": str(refused)})
    else:
        every = not scope.own
        notes += scope.notes
        for one in scope.feeds:
            candidates.put(one, ["catalogue"])
    found = rank(
        candidates.feeds(),
        given.about,
        keywords=schemas.terms(given.keywords, "keywords"),
        languages=schemas.languages_of(given.languages),
        every=every,
        keep=offered,
    )
    notes += found.notes
    ranked = _judged(candidates, found)[: schemas.limit_of(given.limit)]
    await progress(100, f"{len(ranked)} feeds, {len(unreachable)} not reached")
    return {
        "topic": given.about,
        "feeds": ranked,
        "sources": ranked,
        "unreachable": unreachable,
        "notes": notes,
        "totals": {
            "feeds": len(ranked),
            "offered": len(offered),
            "searched": found.searched,
            "disabled": disabled,
            "unreachable": len(unreachable),
        },
    }


async def _look(given: schemas.Input, finder: Finder) -> dict[str, Any]:
    """What needs the network: sites and OPML lists, at once. One that fails is a line, never the end of the others."""
    sites = schemas.addresses(given.sites or [], "sites", schemas.MAX_SITES)
    state: dict[str, Any] = {"opml": [], "discovery": [], "unreachable": [], "notes": []}

    async def read(opml: str) -> None:
        text = opml.startswith("<")
        try:
            one = lists.of_text(opml, "") if text else await lists.of_address(opml, finder.web, finder.store)
        except Refused as refused:
            row = {"what": "the OPML text" if text else opml, "way": "opml", "reason": str(refused)}
            state["unreachable"].append(row)
            return
        state["opml"] += [each.told() for each in one.feeds]
        state["notes"] += one.notes
        state["unreachable"] += [{**row, "way": "opml"} for row in one.refused]

    async def look() -> None:
        found = await finder.discover(sites)
        state["discovery"] += found.feeds
        state["unreachable"] += [{**row, "way": "discovery"} for row in found.unreachable]

    going = [read(opml) for opml in schemas.opml_lists(given.opml)]
    await asyncio.gather(*going, *([look()] if sites else []))
    return state


def _put_given(candidates: Candidates, whose: str, row: Any) -> None:
    if not isinstance(row, dict):
        raise Refused("it is neither an address nor an object with `url`")
    ways = row.get("found_by")
    named = [way for way in ways if isinstance(way, str)] if isinstance(ways, list) else []
    candidates.put(feed(row, ""), named or [whose], _quality(row))


def _quality(row: Mapping[str, Any]) -> float:
    """What others think of a feed whose articles they read, from 0 to 1: the Universal Researcher says `quality_score`, the
    Topic Researcher `score` beside the `items` it read."""
    quality = row.get("quality_score", row.get("score") if row.get("items") else None)
    known = isinstance(quality, int | float) and not isinstance(quality, bool) and 0 <= quality <= 1
    return float(quality) if known else 0.0


def _judged(candidates: Candidates, found: Found) -> list[dict[str, Any]]:
    """The rows of the answer, the best first by what feeds say of themselves and what others say of them."""
    rows = []
    for one in found.ranked:
        candidate = candidates.of(one.feed.key)
        further = min(MOST_FURTHER, len(candidate.found_by) - 1)
        parts = {**one.parts, "evidence": EVIDENCE * candidate.quality, "several": FURTHER * further}
        rows.append({**Ranked(one.feed, parts, one.matched).told(), "found_by": candidate.found_by})
    return sorted(rows, key=lambda row: -row["score"])
