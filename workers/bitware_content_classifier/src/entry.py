"""Content Classifier: articles in, one explained analysis each out, over the Orchestrator 2.0 handshake protocol."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from classifier.analysis import Article, Batch
from classifier.model import Model
from workers import Request, Response, fetch

from sandbox.handshake import HandshakeWorker, Job

SLICE = 20  # articles between two turns of the event loop
BATCH = 100  # articles between two checkpoints, at the most; a small job has four
PARTIAL_TTL = 86_400


@dataclass
class Input:
    """`articles` as the Feed Fetcher gives them. `topic` may come as a parameter instead."""

    articles: list[Article]
    topic: str | None = None
    keywords: list[str] = field(default_factory=list)


@dataclass
class Output:
    topic: str
    analysis_results: list[dict[str, Any]]
    totals: dict[str, Any]


class Default(HandshakeWorker):
    name = "bitware_content_classifier"
    version = "2.0.0"
    capabilities = {
        "input_types": ["json", "reference"],
        "output_types": ["json"],
        "max_processing_time_ms": 120_000,
        "supports_streaming": False,
        "supports_checkpoints": True,
    }
    resource_requirements = {
        "min_memory_mb": 64,
        "max_memory_mb": 128,
        "estimated_cpu_ms": 10_000,
        "api_calls": {"openai": 1, "anthropic": 0},
    }
    Input = Input
    Output = Output
    example_input = {
        "topic": "night trains",
        "articles": [
            {
                "article_url": "https://newsroom.test/example/capitals",
                "title": "A new night train links three capitals",
                "content": "The operator said the sleeper is reliable, quiet and not expensive. Bookings opened on Monday.",
                "pub_date": "2026-11-02T06:00:00Z",
                "author": "A. Reporter",
            },
            {
                "article_url": "https://newsroom.test/example/entertainment",
                "title": "An evening of entertainment",
                "content": "The museum trains its guides at night. Visitors were delighted.",
            },
            {
                "article_url": "https://newsroom.test/example/sleeper",
                "title": "Who pays for empty berths",
                "content": "Night trains are popular and rarely profitable. A carriage earns money once in a day.",
                "pub_date": "2026-11-09T06:00:00Z",
            },
            {
                "article_url": "https://newsroom.test/example/cheese",
                "title": "Cheese prices fall",
                "content": "Dairies warned that farmers suffer. The council met on Tuesday.",
            },
        ],
    }

    async def process(self, job: Job) -> dict[str, Any]:
        given: Input = job.input
        topic = job.parameters.get("topic") or given.topic or ""
        await job.progress(2, f"reading {len(given.articles)} articles")
        model = Model.bound(self.env, fetch, job.count)
        # A retry must rank as the attempt before it did, whose first articles are kept.
        related = (job.resumed or {}).get("related")
        if related is None:
            related = await _related(model, topic)
        batch = await Batch.gathered(topic, given.articles, [*given.keywords, *related])
        results, partial, starts = await self._resumed(job)
        total = len(given.articles)
        step = max(1, min(BATCH, -(-total // 4)))
        while len(results) < total:
            start = len(results)
            for at in range(start, min(total, start + step)):
                results.append(batch.analyse(at))
                if at % SLICE == SLICE - 1:
                    await asyncio.sleep(0)
            await job.progress(5 + 90 * len(results) / total, f"{len(results)} of {total} articles")
            if len(results) < total:
                await self.env.RESULT_CACHE.put(
                    f"{partial}:{start}", json.dumps(results[start:]), expirationTtl=PARTIAL_TTL
                )
                starts.append(start)
                await job.checkpoint({"partial": partial, "starts": starts, "related": related})
        relevant = [row for row in results if row["relevance_score"] >= 0.25]
        await job.progress(100, f"{len(relevant)} of {total} articles are about the topic")
        return {
            "topic": topic,
            "analysis_results": results,
            "totals": {
                "articles": total,
                "relevant": len(relevant),
                "languages": _count(row["language"] for row in results),
                "concepts": [concept.name for concept in batch.ranker.concepts],
                "notes": model.notes if model else [],
                "related_terms": sorted(batch.ranker.spelling.get(term, term) for term in batch.ranker.expansion),
            },
        }

    async def _resumed(self, job: Job) -> tuple[list[dict[str, Any]], str, list[int]]:
        """What an earlier attempt has finished: the checkpoint says where it lies in RESULT_CACHE, and from which
        article on each part is."""
        results: list[dict[str, Any]] = []
        if not job.resumed:
            return results, f"partial:{job.packet_id}", []
        partial, kept = job.resumed["partial"], []
        for start in job.resumed["starts"]:
            stored = await self.env.RESULT_CACHE.get(f"{partial}:{start}")
            if stored is None or start != len(results):
                break
            results.extend(json.loads(stored))
            kept.append(start)
        return results, partial, kept

    async def route(self, request: Request) -> Response | None:
        """`POST /classify` with the same body as a job's input answers at once, for use by hand."""
        if request.method != "POST" or not request.url.split("?")[0].endswith("/classify"):
            return None
        try:
            body = await request.json()
            articles = [
                Article(
                    article_url=row.get("article_url", ""),
                    title=row["title"],
                    content=row.get("content", ""),
                    author=row.get("author"),
                    pub_date=row.get("pub_date"),
                    language=row.get("language"),
                )
                for row in body["articles"]
            ]
            topic = str(body.get("topic", ""))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            message = f"expected {{topic, articles: [{{title, content}}]}}: {error!r}"
            return Response.json({"success": False, "error": {"code": "bad_input", "message": message}}, status=400)
        batch = Batch(topic, articles)
        return Response.json({"topic": topic, "analysis_results": [batch.analyse(at) for at in range(len(articles))]})


async def _related(model: Model | None, topic: str) -> list[str]:
    """Terms that articles about the topic use, by the model; they count at a low weight."""
    if model is None or not topic:
        return []
    answer = await model.ask(
        'Answer with one JSON object: {"keywords": [at most 10 terms that articles about the topic use, the most telling first]}.',
        topic,
        {"keywords": list},
    )
    return [term[:80] for term in answer["keywords"] if isinstance(term, str)][:10] if answer else []


def _count(values: Any) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts
