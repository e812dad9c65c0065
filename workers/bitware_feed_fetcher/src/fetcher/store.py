"""The last good version of every feed, in KV: its validators, its articles, and which run saw an article first."""

import hashlib
import json
from typing import Any

TTL_S = 60 * 86_400
_VERSION = 1


class FeedStore:
    """Records of the `ARTICLES` namespace, one value per feed, so that a feed costs one read and one write."""

    def __init__(self, namespace: Any) -> None:
        self._kv = namespace

    async def load(self, feed_url: str) -> dict[str, Any] | None:
        text = await self._kv.get(self.key(feed_url))
        record = json.loads(text) if text else None
        return record if isinstance(record, dict) and record.get("version") == _VERSION else None

    async def save(self, feed_url: str, record: dict[str, Any]) -> None:
        text = json.dumps({"version": _VERSION, **record}, ensure_ascii=False, separators=(",", ":"))
        await self._kv.put(self.key(feed_url), text, expirationTtl=TTL_S)

    @staticmethod
    def key(feed_url: str) -> str:
        # An address may be longer than the 512 bytes a key has.
        return "feed:" + hashlib.sha256(feed_url.encode()).hexdigest()[:40]
