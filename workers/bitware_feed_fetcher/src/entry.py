"""Feed Fetcher: RSS and Atom feeds in, clean articles without duplicates out."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from fetcher import schemas
from fetcher.collecting import Collector
from fetcher.documents import Refused, decode
from fetcher.fetching import Traffic, fetch_document
from fetcher.opml import read_opml
from fetcher.store import FeedStore
from fetcher.urls import canonical_url
from workers import Response, fetch

from sandbox.handshake import HandshakeWorker, Job, NonRetryable, ProtocolError, Schema


class Default(HandshakeWorker):
    name = "bitware_feed_fetcher"
    version = "2.0.0"
    capabilities = {
        "input_types": ["json", "reference"],
        "output_types": ["json"],
        "max_processing_time_ms": 300_000,
        "supports_streaming": False,
        "supports_checkpoints": True,
    }
    resource_requirements = {"min_memory_mb": 64, "max_memory_mb": 128, "estimated_cpu_ms": 4000}
    example_input = {"feeds": [{"url": "https://newsroom.test/harbour-courier.xml"}], "topic": "night trains"}
    Input = schemas.Input
    Output = schemas.Output

    async def process(self, job: Job) -> dict[str, Any]:
        resumed = job.resumed or {}
        collector = Collector(
            fetch,
            FeedStore(self.env.ARTICLES),
            run=resumed.get("run") or uuid4().hex,
            done=dict(resumed.get("done", {})),
            progress=job.progress,
            checkpoint=job.checkpoint,
        )
        collected = await self._collect(job.input, collector)
        rows = collected["feed_summary"]
        if all(row["status"] == "failed" for row in rows):
            # Without this a report about nothing would look like a run that went well.
            feeds = "the feed" if len(rows) == 1 else f"none of the {len(rows)} feeds"
            verb = "could not be read" if len(rows) == 1 else "could be read"
            raise NonRetryable(f"{feeds} {verb}; {rows[0]['feed_url']}: {rows[0]['reason']}"[:1000])
        return collected

    async def route(self, request: Any) -> Any:
        """`POST /fetch` with the same body as a packet's input; `GET /articles?feed=URL[&limit=N]` from the store."""
        url = urlsplit(request.url)
        if url.path == "/fetch" and request.method == "POST":
            return await self._fetch_now(await request.text())
        if url.path == "/articles" and request.method == "GET":
            return await self._stored({name: values[-1] for name, values in parse_qs(url.query).items()})
        return None

    async def _fetch_now(self, body: str) -> Any:
        try:
            wanted: schemas.Input = Schema(schemas.Input).check(json.loads(body or "null"))
            collector = Collector(fetch, FeedStore(self.env.ARTICLES), run=uuid4().hex)
            return _json(await self._collect(wanted, collector))
        except (json.JSONDecodeError, RecursionError) as error:
            return _error(400, "bad_json", f"the body is no JSON: {error}")
        except ProtocolError as error:
            return _error(422, "incompatible_input", str(error))
        except (NonRetryable, Refused) as error:
            return _error(422, "no_feeds", str(error))

    async def _stored(self, query: dict[str, str]) -> Any:
        feed = canonical_url(query.get("feed", ""))
        limit = query.get("limit", "100")
        if feed is None or not limit.isdecimal():
            return _error(400, "bad_query", "say which: /articles?feed=https://...&limit=20")
        record = await FeedStore(self.env.ARTICLES).load(feed)
        if record is None:
            return _error(404, "not_fetched", f"nothing is stored of {feed}; POST /fetch fetches it")
        articles = [{"feed_url": feed, **article} for article in record["articles"][: int(limit)]]
        return _json(
            {"feed_url": feed, "title": record["title"], "stored": len(record["articles"]), "articles": articles}
        )

    async def _collect(self, wanted: schemas.Input, collector: Collector) -> dict[str, Any]:
        feeds = wanted.listed()
        if not feeds and wanted.opml:
            try:
                feeds = read_opml(await _opml_text(wanted.opml.strip()))
            except Refused as refused:
                raise NonRetryable(f"opml: {refused}") from refused
        if not feeds:
            raise NonRetryable("opml: no outline in it has an xmlUrl")
        return {"topic": wanted.topic or "", **await collector.collect(feeds[: schemas.MAX_FEEDS])}


async def _opml_text(opml: str) -> str:
    if opml.startswith("<"):
        return opml
    if canonical_url(opml) is None:
        raise Refused("it is neither OPML nor an http(s) address")
    fetched = await fetch_document(opml, Traffic(), fetch=fetch)
    return decode(fetched.body, fetched.content_type)


def _json(value: Any, status: int = 200) -> Any:
    body = json.dumps(value, ensure_ascii=False)
    return Response(body, status=status, headers={"Content-Type": "application/json"})


def _error(status: int, code: str, message: str) -> Any:
    return _json({"success": False, "error": {"code": code, "message": message, "hint": None}}, status)
