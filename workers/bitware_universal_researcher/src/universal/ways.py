"""The ways to feeds. All are gone at once; one that fails says so, and the others go on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from universal.opml import Refused, read_opml

CONNECTIONS = 6
"""Connections an invocation may have open at once on Cloudflare."""
TIMEOUT_S = 30.0
MAX_TEXT = 2 * 1024 * 1024
_INSIDE = "https://service"
"""A service binding takes any host; the path is what counts."""

Fetch = Callable[..., Awaitable[Any]]


@dataclass
class Found:
    """What one way led to."""

    way: str
    asked: int
    feeds: list[dict[str, Any]] = field(default_factory=list)
    unreachable: list[dict[str, str]] = field(default_factory=list)
    note: str = ""

    def failed(self, what: str, reason: str) -> None:
        self.unreachable.append({"what": what, "way": self.way, "reason": reason})

    def told(self) -> dict[str, Any]:
        return {"way": self.way, "asked": self.asked, "feeds": len(self.feeds), "note": self.note}


async def ask(service: Any, path: str, body: dict[str, Any]) -> Any:
    """POST to another worker and read its JSON. Raises Refused in words."""
    try:
        async with asyncio.timeout(TIMEOUT_S * 4):
            headers = {"Content-Type": "application/json"}
            response = await service.fetch(_INSIDE + path, method="POST", headers=headers, body=json.dumps(body))
            text = await response.text()
        answer = json.loads(text)
    except TimeoutError as error:
        raise Refused(f"no answer within {TIMEOUT_S * 4:g} s") from error
    except ValueError as error:
        raise Refused("its answer is no JSON") from error
    except Exception as error:
        # A binding to a worker that is not there, or that fails, raises what the runtime likes.
        raise Refused(f"it could not be asked ({error})") from error
    if int(response.status) != 200:
        error_ = answer.get("error") if isinstance(answer, dict) else None
        reason = error_.get("message") if isinstance(error_, dict) else error_
        raise Refused(f"it answers {response.status}: {reason or 'no reason given'}")
    return answer


async def catalogue(finder: Any, topic: str, limit: int, where: str) -> Found:
    """The Source Finder's catalogue, or the list `where` in its stead, by service binding."""
    found = Found("catalogue", 1)
    try:
        answer = await ask(finder, "/find", {"topic": topic, "limit": limit, "catalogue": where})
        found.feeds = _rows(answer)
    except Refused as refused:
        found.failed("bitware_rss_source_finder", str(refused))
    return found


async def discovery(finder: Any, sites: list[str]) -> Found:
    """Feeds that the given sites name, looked for by the Source Finder."""
    found = Found("discovery", len(sites))
    try:
        answer = await ask(finder, "/discover", {"sites": sites})
        found.feeds = _rows(answer)
        missed = answer.get("unreachable", []) if isinstance(answer, dict) else []
        for one in missed:
            if isinstance(one, dict):
                what = one.get("what") or one.get("site") or one.get("url") or "?"
                found.failed(str(what), str(one.get("reason") or "no reason given"))
    except Refused as refused:
        for site in sites:
            found.failed(site, f"the Source Finder: {refused}")
    return found


async def opml(fetch: Fetch, lists: list[str], connections: asyncio.Semaphore) -> Found:
    """OPML lists, each by its address or as text."""
    found = Found("opml", len(lists))

    async def one(given: str) -> list[dict[str, Any]]:
        name = "the OPML text" if given.startswith("<") else given
        try:
            if given.startswith("<"):
                return read_opml(given)
            async with connections:
                return read_opml(await text_of(fetch, given))
        except Refused as refused:
            found.failed(name, str(refused))
            return []

    for rows in await asyncio.gather(*(one(given) for given in lists)):
        found.feeds += rows
    return found


def given(way: str, rows: list[dict[str, Any]]) -> Found:
    """Feeds whose addresses came with the request."""
    return Found(way, len(rows), rows)


async def text_of(fetch: Fetch, url: str) -> str:
    """GET a text of at most 2 MB. Raises Refused in words."""
    if not url.lower().startswith(("http://", "https://")):
        raise Refused("it is no http(s) address")
    try:
        async with asyncio.timeout(TIMEOUT_S):
            response = await fetch(url)
            if int(response.status) != 200:
                raise Refused(f"it answers {response.status}")
            text = str(await response.text())
    except TimeoutError as error:
        raise Refused(f"no complete answer within {TIMEOUT_S:g} s") from error
    except OSError as error:
        raise Refused(f"it could not be reached ({error})") from error
    if len(text) > MAX_TEXT:
        raise Refused(f"it is larger than {MAX_TEXT:,} characters")
    return text


def _rows(answer: Any) -> list[dict[str, Any]]:
    rows = answer.get("feeds") if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise Refused("its answer has no `feeds`")
    return [row for row in rows if isinstance(row, dict) and isinstance(row.get("url"), str)]
