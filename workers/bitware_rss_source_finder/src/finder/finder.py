"""What the finder does, apart from how it is asked: find, discover, list, add, disable, enable, import."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from finder import lists
from finder.addresses import key, site_address
from finder.catalogue import public
from finder.discovery import Discovered, discover
from finder.feeds import Feed, feed, line
from finder.ranking import Found, rank
from finder.refusals import BadRequest, Refused
from finder.store import Changes, Store
from finder.web import Fetch, Web
from finder.words import words

MOST_ADDED = 400
"""New feeds of one request: each is a write to KV, and an invocation on Cloudflare has a thousand operations."""


@dataclass
class Scope:
    """The feeds that a question is put to."""

    feeds: list[Feed]
    changes: Changes
    own: bool
    """Whether this is the worker's own catalogue, not a list that stands in for it."""
    notes: list[str] = field(default_factory=list)


class Finder:
    def __init__(self, namespace: Any, fetch: Fetch) -> None:
        self.store, self.web = Store(namespace), Web(fetch)

    async def scope(self, catalogue: str | None = None) -> Scope:
        """The catalogue with what users added and without what they disabled; or the OPML list at an address, without
        what they disabled. Raises Refused where that list cannot be read."""
        changes = await self.store.changes()
        wanted = (catalogue or "").strip()
        if wanted.lower() in ("", "public"):
            return Scope(_enabled([*public(), *changes.added], changes), changes, own=True)
        read = await lists.of_address(wanted, self.web, self.store)
        notes = list(read.notes)
        if read.refused:
            notes.append(f"{len(read.refused)} entries of {read.name} are no feeds.")
        return Scope(_enabled(read.feeds, changes), changes, own=False, notes=notes)

    async def find(self, topic: str, keywords: Sequence[str], languages: Sequence[str], catalogue: str | None) -> Found:
        """The catalogue's feeds on a topic, the best first. Raises Refused where the catalogue is a list that cannot be
        read."""
        scope = await self.scope(catalogue)
        found = rank(scope.feeds, topic, keywords=keywords, languages=languages, every=not scope.own)
        return Found(found.ranked, found.searched, [*scope.notes, *found.notes])

    async def discover(self, sites: list[str]) -> Discovered:
        """The feeds of sites, without those that are disabled."""
        changes = await self.store.changes()
        found = await discover(self.web, sites)
        found.feeds = [row for row in found.feeds if key(row["url"]) not in changes.disabled]
        return found

    async def add(self, rows: Iterable[Any]) -> dict[str, Any]:
        """{added, known, refused, notes} of rows with `url`, or addresses."""
        feeds, refused = [], []
        for row in rows:
            given = {"url": row} if isinstance(row, str) else row
            try:
                if not isinstance(given, dict):
                    raise Refused("it is neither an address nor an object with `url`")
                feeds.append(feed({**given, "list": ""}))
            except Refused as why:
                refused.append({"what": _named(row), "reason": str(why)})
        return await self._keep(feeds, refused)

    async def import_opml(self, opml: str) -> dict[str, Any]:
        """{added, known, refused, notes} of an OPML list, by its text or its address. Raises Refused where it cannot be read."""
        text = opml.strip()
        read = lists.of_text(text, "") if text.startswith("<") else await lists.of_address(text, self.web, self.store)
        done = await self._keep([feed({**one.told(), "list": ""}) for one in read.feeds], list(read.refused))
        return {**done, "notes": [*read.notes, *done["notes"]]}

    async def disable(self, given: Any) -> dict[str, Any]:
        """Never to be found again, wherever it comes from. Raises BadRequest where it is no address."""
        url = _address(given)
        await self.store.disable(key(url))
        return {"url": url, "disabled": True, "known": await self._knows(url)}

    async def enable(self, given: Any) -> dict[str, Any]:
        """The opposite of `disable`. Raises BadRequest where it is no address."""
        url = _address(given)
        was = key(url) in (await self.store.changes()).disabled
        await self.store.enable(key(url))
        return {"url": url, "disabled": False, "was_disabled": was, "known": await self._knows(url)}

    async def listed(self, topic: str, language: str, offset: int, limit: int) -> dict[str, Any]:
        """A page of the catalogue: feeds of a topic label and of a language, disabled ones marked."""
        changes = await self.store.changes()
        label = words(topic)
        every = [
            one
            for one in _once([*public(), *changes.added])
            if (not language or one.language == language)
            and (not label or any(words(each) == label for each in one.topics))
        ]
        rows = [{**one.told(), "disabled": one.key in changes.disabled} for one in every[offset : offset + limit]]
        return {"feeds": rows, "total": len(every), "offset": offset, "disabled": len(changes.disabled)}

    async def _knows(self, url: str) -> bool:
        wanted = key(url)
        return any(one.key == wanted for one in public()) or any(
            one.key == wanted for one in (await self.store.changes()).added
        )

    async def _keep(self, feeds: list[Feed], refused: list[dict[str, str]]) -> dict[str, Any]:
        changes = await self.store.changes()
        known = {one.key for one in public()} | {one.key for one in changes.added}
        unknown = _once(one for one in feeds if one.key not in known)
        for one in unknown[MOST_ADDED:]:
            refused.append(
                {"what": one.url, "reason": f"beyond the {MOST_ADDED} new feeds of one request; send it again"}
            )
        added = unknown[:MOST_ADDED]
        refused += await self.store.add(added)
        missed = {row["what"] for row in refused}
        disabled = [one.url for one in feeds if one.key in changes.disabled]
        return {
            "added": sum(one.url not in missed for one in added),
            "known": len(feeds) - len(unknown),
            "refused": refused,
            "notes": [f"{url} is disabled; POST /feeds/enable brings it back." for url in disabled[:20]],
        }


def _enabled(feeds: Iterable[Feed], changes: Changes) -> list[Feed]:
    return [one for one in _once(feeds) if one.key not in changes.disabled]


def _once(feeds: Iterable[Feed]) -> list[Feed]:
    seen: dict[str, Feed] = {}
    for one in feeds:
        seen.setdefault(one.key, one)
    return list(seen.values())


def _address(given: Any) -> str:
    url = site_address(given) if isinstance(given, str) else None
    if url is None:
        raise BadRequest("`url` has to be the http(s) address of a feed")
    return url


def _named(row: Any) -> str:
    given = row.get("url") if isinstance(row, dict) else row
    return line(given if isinstance(given, str) else repr(row), 200)
