"""Topic Researcher: a topic in; sub-topics, keywords, questions and ranked candidate sources out."""

from __future__ import annotations

from typing import Any

from researcher import research, schemas
from researcher.gathering import Gathering
from researcher.model import Model
from workers import fetch

from sandbox.handshake import HandshakeWorker, Job, NonRetryable, ProtocolError


class Default(HandshakeWorker):
    name = "bitware_topic_researcher"
    version = "2.0.0"
    capabilities = {
        "input_types": ["text", "json", "reference"],
        "output_types": ["json"],
        "max_processing_time_ms": 120_000,
        "supports_streaming": False,
        "supports_checkpoints": True,
    }
    resource_requirements = {
        "min_memory_mb": 64,
        "max_memory_mb": 128,
        "estimated_cpu_ms": 5000,
        "api_calls": {"openai": 1, "anthropic": 0},
    }
    example_input = {"topic": "night trains", "catalogue": "https://newsroom.test/feeds.opml"}
    Input = schemas.Input
    Output = schemas.Output

    async def process(self, job: Job) -> dict[str, Any]:
        try:
            wish = schemas.Wish.of(job.input, job.parameters)
        except ProtocolError as wrong:
            raise NonRetryable(f"parameters: {wrong}") from wrong
        model = Model.bound(self.env, fetch, job.count)
        finder, fetcher = (getattr(self.env, name, None) for name in ("SOURCE_FINDER", "FEED_FETCHER"))
        state = dict(job.resumed or {})
        gathering = Gathering(wish, finder, fetcher, fetch)
        if "candidates" not in state:
            await job.progress(5, "looking for candidate sources")
            await gathering.candidates()
            if not gathering.feeds:
                raise NonRetryable(gathering.nothing())
            state["candidates"] = gathering.state()
            await job.checkpoint(state)
        else:
            gathering.restore(state["candidates"])
        await job.progress(20, f"{len(gathering.feeds)} candidates, reading the best of them")
        await gathering.read()
        await job.progress(60, f"{len(gathering.texts)} articles, {len(gathering.about)} about the topic")
        found = await research.found_in(gathering)
        if wish.depth == "comprehensive" and await gathering.widen(found.keywords):
            await job.progress(75, f"{len(gathering.texts)} articles, {len(gathering.about)} about the topic")
            found = await research.found_in(gathering)
        if model is not None and "model" not in state:
            await job.progress(80, "asking the model")
            # A retry must not pay for the same answer again.
            state["model"] = {"answer": await research.ask(model, wish.topic, found), "notes": model.notes}
            await job.checkpoint(state)
        output = research.output(gathering, found, state.get("model"))
        totals = output["totals"]
        await job.progress(100, f"{totals['sources']} sources, {totals['sub_topics']} sub-topics")
        return output
