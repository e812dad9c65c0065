"""Routes of our own address that neither the orchestrator nor a worker answers: `/api/kv/...`."""

from __future__ import annotations

from urllib.parse import urlsplit

from sandbox.bindings.kv.api import KvApi
from sandbox.orchestrator import Orchestrator
from sandbox.runtime.web import Request, Response


class OwnRoutes:
    """Sends a request to whom it concerns."""

    def __init__(self, orchestrator: Orchestrator, kv: KvApi) -> None:
        self._orchestrator = orchestrator
        self._kv = kv

    async def handle(self, request: Request) -> Response:
        path = urlsplit(request.url).path
        if path == "/api/kv" or path.startswith("/api/kv/"):
            return await self._kv.handle(request)
        return await self._orchestrator.handle(request)
