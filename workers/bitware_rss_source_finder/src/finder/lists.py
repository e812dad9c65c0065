"""OPML lists by their address or as text, with a copy kept of those that have one."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from finder.addresses import address
from finder.feeds import Feed, feed, line, of_outline
from finder.loose import loose_outlines
from finder.opml import Malformed, read_opml
from finder.refusals import Refused, Unreachable
from finder.store import Store
from finder.web import Page, Web

log = logging.getLogger("rss_source_finder")


@dataclass
class FeedList:
    name: str
    feeds: list[Feed] = field(default_factory=list)
    refused: list[dict[str, str]] = field(default_factory=list)
    """{what, reason} of entries that are no feed."""
    notes: list[str] = field(default_factory=list)


def of_text(text: str, name: str) -> FeedList:
    """The feeds of an OPML text. Raises Refused in words."""
    read = FeedList(name)
    try:
        outlines = read_opml(text)
    except Malformed as malformed:
        outlines = loose_outlines(text)
        if not outlines:
            raise
        read.notes.append(f"{name or 'The OPML text'}: {malformed}; its outlines were read one by one.")
    seen: set[str] = set()
    for outline in outlines:
        try:
            one = of_outline(outline, name)
        except Refused as refused:
            read.refused.append({"what": line(outline.url, 200), "reason": str(refused)})
            continue
        if one.key not in seen:
            seen.add(one.key)
            read.feeds.append(one)
    return read


async def of_address(given: str, web: Web, store: Store) -> FeedList:
    """The feeds of the list at an address: asked for with the validators of the copy in KV, which stands in, and is said
    to, where nothing answers. Raises Refused in words."""
    url = address(given)
    if url is None:
        raise Refused("it is no http(s) address")
    copy = await store.copy(url) or {}
    try:
        page = await web.get(url, etag=copy.get("etag"), last_modified=copy.get("last_modified"))
    except Unreachable as unreachable:
        if not copy:
            raise
        return _of_copy(url, copy, f"{url}: {unreachable}; the copy of it kept here is used.")
    if page.not_modified:
        return _of_copy(url, copy)
    read = of_text(page.text, url)
    try:
        await store.keep_copy(url, _copy(page, read))
    except Exception as error:
        # A key takes one write a second, and a run beside this one may just have read the same list.
        log.warning("%s is not kept: %s", url, error)
    return read


def _copy(page: Page, read: FeedList) -> dict[str, Any]:
    rows = [one.told() for one in read.feeds]
    return {
        "etag": page.etag,
        "last_modified": page.last_modified,
        "feeds": rows,
        "refused": read.refused,
        "notes": read.notes,
    }


def _of_copy(url: str, copy: dict[str, Any], *notes: str) -> FeedList:
    return FeedList(url, [feed(row, url) for row in copy["feeds"]], copy["refused"], [*copy.get("notes", []), *notes])
