"""The orchestrator's HTTP API: every route as Request -> Response, without a server. `router.Api` is the door."""
