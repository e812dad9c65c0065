"""What users changed, and copies of OPML lists, in the KV namespace CATALOGUE.

One key for each added and each disabled feed, its row in the key's metadata: changes made at once do not undo each other,
and a list of the keys reads them all.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from finder.addresses import key
from finder.feeds import Feed, feed
from finder.refusals import Refused

ADDED, DISABLED, LISTS = "added:", "disabled:", "opml:"
AT_ONCE = 6
MAX_METADATA = 1024
"""Bytes; Cloudflare's limit of one key's metadata."""
LIST_TTL_S = 30 * 86_400


@dataclass(frozen=True)
class Changes:
    added: tuple[Feed, ...] = ()
    disabled: frozenset[str] = frozenset()
    """Keys of addresses."""


class Store:
    def __init__(self, namespace: Any) -> None:
        self._kv = namespace

    async def changes(self) -> Changes:
        added, disabled = await asyncio.gather(self._rows(ADDED), self._rows(DISABLED))
        feeds = [feed(row) for row in added]
        return Changes(tuple(feeds), frozenset(row["key"] for row in disabled))

    async def add(self, feeds: Iterable[Feed]) -> list[dict[str, str]]:
        """Keeps feeds; {what, reason} of those that cannot be kept."""
        connections = asyncio.Semaphore(AT_ONCE)
        refused = []

        async def one(added: Feed) -> None:
            try:
                row = _row(added)
            except Refused as why:
                refused.append({"what": added.url, "reason": str(why)})
                return
            async with connections:
                await self._kv.put(ADDED + added.key, "", metadata=row)

        await asyncio.gather(*(one(added) for added in feeds))
        return refused

    async def disable(self, address_key: str) -> None:
        await self._kv.put(DISABLED + address_key, "", metadata={"key": address_key})

    async def enable(self, address_key: str) -> None:
        await self._kv.delete(DISABLED + address_key)

    async def copy(self, url: str) -> dict[str, Any] | None:
        """The copy of an OPML list: {etag, last_modified, feeds}."""
        text = await self._kv.get(LISTS + key(url))
        return json.loads(text) if text else None

    async def keep_copy(self, url: str, copy: dict[str, Any]) -> None:
        text = json.dumps(copy, ensure_ascii=False, separators=(",", ":"))
        await self._kv.put(LISTS + key(url), text, expirationTtl=LIST_TTL_S)

    async def _rows(self, prefix: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        more: dict[str, str] = {}
        while True:
            page = await self._kv.list(prefix=prefix, **more)
            rows += [one["metadata"] for one in page["keys"] if isinstance(one.get("metadata"), dict)]
            if page["list_complete"]:
                return rows
            more = {"cursor": page["cursor"]}


def _row(added: Feed) -> dict[str, Any]:
    row = added.told()
    row = {name: row[name] for name in ("url", "title", "site", "description", "topics", "language", "list")}
    for name in ("description", "topics", "site", "title"):
        if len(json.dumps(row)) > MAX_METADATA:
            row[name] = [] if name == "topics" else ""
    if len(json.dumps(row)) > MAX_METADATA:
        raise Refused("its address is too long to be kept")
    return row
