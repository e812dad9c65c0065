"""The orchestrator's HTTP API: every route as Request -> Response, without a server."""

from sandbox.orchestrator.api.router import Api

__all__ = ["Api"]
