"""RSS Source Finder: owns a catalogue of feeds, finds those on a topic, discovers feeds of sites, imports OPML lists."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from finder import api, gathering, schemas
from finder.finder import Finder
from finder.refusals import BadRequest
from workers import Response, fetch

from sandbox.handshake import HandshakeWorker, Job, NonRetryable


class Default(HandshakeWorker):
    name = "bitware_rss_source_finder"
    version = "2.0.0"
    capabilities = {
        "input_types": ["text", "json", "reference"],
        "output_types": ["json"],
        "max_processing_time_ms": 300_000,
        "supports_streaming": False,
        "supports_checkpoints": True,
    }
    resource_requirements = {"min_memory_mb": 64, "max_memory_mb": 128, "estimated_cpu_ms": 1000}
    example_input = {"topic": "night trains", "catalogue": "https://newsroom.test/feeds.opml"}
    Input = schemas.Input
    Output = schemas.Output

    async def process(self, job: Job) -> dict[str, Any]:
        given: schemas.Input = job.input
        # In a pipeline the input is what earlier stages found, and where to look is a parameter of the run.
        catalogue = given.catalogue or job.parameters.get("catalogue")
        given = replace(given, catalogue=catalogue if isinstance(catalogue, str) else None)
        try:
            output = await gathering.gather(given, self._finder(), job.resumed, job.progress, job.checkpoint)
        except BadRequest as wrong:
            raise NonRetryable(str(wrong)) from wrong
        if not output["feeds"]:
            reasons = "; ".join(f"{row['what']}: {row['reason']}" for row in output["unreachable"])
            raise NonRetryable("no feed was found" + (f" ({reasons[:600]})" if reasons else ""))
        return output

    async def route(self, request: Any) -> Any:
        """`/find`, `/discover`, `/feeds`, `/feeds/disable`, `/feeds/enable`, `/import`: see README.md."""
        answer = await api.answer(str(request.js_object.method), request.url, request.text, self._finder())
        if answer is None:
            return None
        status, body = answer
        text = json.dumps(body, ensure_ascii=False)
        return Response(text, status=status, headers={"Content-Type": "application/json"})

    def _finder(self) -> Finder:
        return Finder(self.env.CATALOGUE, fetch)
