"""Many feeds at once: each fetched, read, stored and checkpointed on its own, then merged without duplicates."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from fetcher.documents import Refused, decode
from fetcher.fetching import Fetch, Traffic, fetch_document
from fetcher.merging import Result, merge
from fetcher.parsing import parse_feed
from fetcher.schemas import FeedRef
from fetcher.store import FeedStore
from fetcher.urls import canonical_url, url_key

log = logging.getLogger("feed_fetcher")

CONNECTIONS = 6
"""Connections an invocation may have open at once on Cloudflare."""


async def _quiet(*_: Any) -> None:
    return None


@dataclass
class Collector:
    """One run over a list of feeds.

    `run` names the run, so that a resumed one knows its own records; `done` holds the outcome of the feeds an earlier
    attempt finished (what `checkpoint` was given), keyed by address.
    """

    fetch: Fetch
    store: FeedStore
    run: str
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    progress: Callable[[int, str], Awaitable[Any]] = _quiet
    checkpoint: Callable[[dict[str, Any]], Awaitable[Any]] = _quiet
    _saving: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)
    _saved: int = field(default=-1, init=False)

    async def collect(self, feeds: list[FeedRef]) -> dict[str, Any]:
        """{articles, feed_summary, totals}: one line of summary per feed, in the order given. No feed's failure is the
        batch's."""
        unique = {canonical_url(feed.url) or feed.url: feed for feed in reversed(feeds)}
        order = [(url, unique[url]) for url in dict.fromkeys(canonical_url(feed.url) or feed.url for feed in feeds)]
        await self.progress(1, f"{len(order)} feeds")
        # The run's name must be known to the next attempt before the first record carries it.
        await self._save()
        connections, parser = asyncio.Semaphore(CONNECTIONS), asyncio.Lock()
        finished = 0

        async def one(url: str, feed: FeedRef) -> Result:
            nonlocal finished
            result = await self._result(url, feed, connections, parser)
            if url not in self.done:
                self.done[url] = result.outcome()
                await self._save()
            finished += 1
            read = result.items_read
            say = f"{finished} of {len(order)}: {feed.url}, " + (f"{read} items" if result.ok else result.reason)
            await self.progress(1 + int(94 * finished / len(order)), say)
            return result

        try:
            # A run that ends early takes its feeds with it: none may write after its end.
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(url, feed)) for url, feed in order]
        except ExceptionGroup as failed:
            # Feeds do not raise; progress and checkpoints may, and one such failure is the run's.
            raise failed.exceptions[0] from None
        await self.progress(96, "merging")
        return await merge([task.result() for task in tasks])

    async def _save(self) -> None:
        async with self._saving:
            # Feeds that finished while the last state was on its way go together; states never overtake each other.
            if len(self.done) != self._saved:
                saved = len(self.done)
                await self.checkpoint({"run": self.run, "done": dict(self.done)})
                self._saved = saved

    async def _result(self, url: str, feed: FeedRef, connections: asyncio.Semaphore, parser: asyncio.Lock) -> Result:
        traffic = Traffic()
        try:
            if canonical_url(feed.url) is None:
                raise Refused("its address is no http(s) address")
            record = await self.store.load(url)
            earlier = self._earlier(url, feed, record)
            if earlier is not None:
                return earlier
            known = record or {}
            async with connections:
                fetched = await fetch_document(
                    feed.url.strip(),
                    traffic,
                    fetch=self.fetch,
                    etag=known.get("etag"),
                    last_modified=known.get("last_modified"),
                )
            if fetched.not_modified:
                if record is None:
                    raise Refused("it answers 304 Not Modified though nothing is stored of it")
                return Result(feed, "not_modified", asdict(traffic), record, new=frozenset())
            # One document at a time: pieces of several feeds would add up within one turn of the loop.
            async with parser:
                parsed = await parse_feed(decode(fetched.body, fetched.content_type), fetched.url)
            seen = {url_key(article["article_url"]) for article in known.get("articles", ())}
            fresh = [at for at, one in enumerate(parsed.articles) if url_key(one["article_url"]) not in seen]
            record = {
                "feed_url": feed.url,
                "etag": fetched.etag,
                "last_modified": fetched.last_modified,
                "run": self.run,
                "new": fresh,
                "traffic": asdict(traffic),
                **asdict(parsed),
            }
            await self._keep(url, record)
            return Result(feed, "fetched", asdict(traffic), record, new=frozenset(fresh))
        except Refused as refused:
            return Result(feed, "failed", asdict(traffic), {"note": str(refused)}, new=frozenset())
        except Exception as error:
            # Whatever a strange document does to a parser, the other feeds go on.
            log.warning("%s failed", feed.url, exc_info=error)
            reason = f"{type(error).__name__}: {error}"[:300]
            return Result(feed, "failed", asdict(traffic), {"note": reason}, new=frozenset())

    async def _keep(self, url: str, record: dict[str, Any]) -> None:
        try:
            await self.store.save(url, record)
        except Exception as error:
            # A key takes one write a second, and a run beside this one may just have read the same feed. What was read is
            # as good unstored: the next run reads it anew.
            log.warning("%s is not stored: %s", url, error)

    def _earlier(self, url: str, feed: FeedRef, record: dict[str, Any] | None) -> Result | None:
        """What an earlier attempt of this run made of the feed, when that is known and its articles are still there."""
        outcome = self.done.get(url)
        if outcome is not None and outcome["status"] == "failed":
            return Result(feed, "failed", outcome["traffic"], {"note": outcome["reason"]}, new=frozenset())
        if record is not None and record["run"] == self.run:
            # Stored in this very run: its own record says what fetching it took, even where the checkpoint came too late.
            return Result(feed, "fetched", record["traffic"], record, new=frozenset(record["new"]))
        if outcome is not None and record is not None and outcome["status"] == "not_modified":
            return Result(feed, "not_modified", outcome["traffic"], record, new=frozenset())
        return None
