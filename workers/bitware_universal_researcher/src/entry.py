"""Universal Researcher: every way to a topic's feeds at once, merged, each find with where it came from."""

from __future__ import annotations

import asyncio
from typing import Any

from universal import merging, schemas, ways
from universal.discovery import feeds_of
from universal.model import Model
from universal.opml import Refused
from workers import fetch

from sandbox.handshake import HandshakeWorker, Job, NonRetryable

FROM_CATALOGUE = 40


class Default(HandshakeWorker):
    name = "bitware_universal_researcher"
    version = "2.0.0"
    capabilities = {
        "input_types": ["text", "json", "reference"],
        "output_types": ["json"],
        "max_processing_time_ms": 300_000,
        "supports_streaming": False,
        "supports_checkpoints": True,
    }
    resource_requirements = {
        "min_memory_mb": 64,
        "max_memory_mb": 128,
        "estimated_cpu_ms": 4000,
        "api_calls": {"openai": 1, "anthropic": 0},
    }
    example_input = {"topic": "night trains", "catalogue": "https://newsroom.test/feeds.opml"}
    Input = schemas.Input
    Output = schemas.Output

    async def process(self, job: Job) -> dict[str, Any]:
        given: schemas.Input = job.input
        model = Model.bound(self.env, fetch, job.count)
        state = job.resumed or {}
        if "feeds" not in state:
            await job.progress(5, "asking every way")
            found = await self._ways(given)
            feeds = merging.merge_feeds(found)
            if not feeds:
                raise NonRetryable(_nothing(found))
            state = {
                "feeds": feeds,
                "ways": [one.told() for one in found],
                "unreachable": [row for one in found for row in one.unreachable],
            }
            await job.checkpoint(state)
        feeds, beyond = state["feeds"][: schemas.MAX_FEEDS], state["feeds"][schemas.MAX_FEEDS :]
        await job.progress(30, f"reading {len(feeds)} feeds")
        # The model is asked while the feeds are read.
        fetched, (sub_topics, related) = await asyncio.gather(
            self._read(feeds, given.about), _research(model, given.about)
        )
        await job.progress(85, "merging")
        sources = merging.judge(feeds, fetched, given.about, related)
        ways_of = {merging.key(feed["url"]): feed["found_by"] for feed in feeds}
        articles = [{**one, "found_by": ways_of.get(merging.key(one["feed_url"]), [])} for one in fetched["articles"]]
        unreachable = [
            *state["unreachable"],
            *(
                {
                    "what": row["feed_url"],
                    "way": "+".join(ways_of.get(merging.key(row["feed_url"]), [])),
                    "reason": row["reason"],
                }
                for row in fetched["feed_summary"]
                if row["status"] == "failed"
            ),
            *(
                {
                    "what": feed["url"],
                    "way": "+".join(feed["found_by"]),
                    "reason": f"beyond the first {len(feeds)} feeds",
                }
                for feed in beyond
            ),
        ]
        await job.progress(100, f"{len(sources)} feeds, {len(articles)} articles, {len(unreachable)} not reached")
        return {
            "topic": given.about,
            "keywords": list(dict.fromkeys([*merging.keywords(given.about, articles), *related])),
            "sub_topics": sub_topics,
            "sources": sources,
            "feeds": sources,
            "articles": articles,
            "feed_summary": fetched["feed_summary"],
            "ways": state["ways"],
            "unreachable": unreachable,
            "notes": model.notes if model else [],
            "totals": {"feeds": len(sources), "articles": len(articles), "unreachable": len(unreachable)},
        }

    async def _ways(self, given: schemas.Input) -> list[ways.Found]:
        finder = getattr(self.env, "SOURCE_FINDER", None)
        connections = asyncio.Semaphore(ways.CONNECTIONS)
        sites = [row["url"] for row in schemas.listed(given.sites, "sites")]
        lists = schemas.opml_lists(given.opml)
        going = []
        if finder is not None:
            going.append(ways.catalogue(finder, given.about, FROM_CATALOGUE, given.catalogue or ""))
        if sites:
            going.append(ways.discovery(finder, sites) if finder is not None else self._discover(sites, connections))
        if lists:
            going.append(ways.opml(fetch, lists, connections))
        found = list(await asyncio.gather(*going))
        for way, rows in (("feeds", given.feeds), ("podcasts", given.podcasts)):
            if rows:
                found.append(ways.given(way, schemas.listed(rows, way)))
        return found

    async def _discover(self, sites: list[str], connections: asyncio.Semaphore) -> ways.Found:
        """What the Source Finder would do, where none is bound."""
        found = ways.Found("discovery", len(sites))

        async def one(site: str) -> list[dict[str, Any]]:
            try:
                async with connections:
                    return await feeds_of(fetch, site)
            except Refused as refused:
                found.failed(site, str(refused))
                return []

        for rows in await asyncio.gather(*(one(site) for site in sites)):
            found.feeds += rows
        return found

    async def _read(self, feeds: list[dict[str, Any]], topic: str) -> dict[str, Any]:
        """The Feed Fetcher reads them: six at once, each bounded in size and time, each story once."""
        asked = [{name: feed[name] for name in ("url", "title", "topic", "language")} for feed in feeds]
        try:
            answer: dict[str, Any] = await ways.ask(self.env.FEED_FETCHER, "/fetch", {"feeds": asked, "topic": topic})
        except Refused as refused:
            raise RuntimeError(f"bitware_feed_fetcher: {refused}") from refused
        return answer


async def _research(model: Model | None, topic: str) -> tuple[list[str], list[str]]:
    """(sub-topics, related terms) by the model; both empty without it."""
    if model is None:
        return [], []
    answer = await model.ask(
        "You plan research in news feeds. Answer with one JSON object: "
        '{"sub_topics": [at most 6 short phrases], "keywords": [at most 8 terms that articles about the topic use]}.',
        topic,
        {"sub_topics": list, "keywords": list},
    )
    if answer is None:
        return [], []
    return _terms(answer["sub_topics"], 6), _terms(answer["keywords"], 8)


def _terms(given: list[Any], most: int) -> list[str]:
    return [" ".join(term.split())[:80] for term in given if isinstance(term, str) and term.strip()][:most]


def _nothing(found: list[ways.Found]) -> str:
    if not found:
        return "no way to go: give `feeds`, `podcasts`, `sites` or `opml`"
    reasons = [f"{row['what']}: {row['reason']}" for one in found for row in one.unreachable]
    return "no feed was found" + (" (" + "; ".join(reasons)[:600] + ")" if reasons else "")
