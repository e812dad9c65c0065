"""Our own address: who answers which route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from sandbox.app.probing import Prober
from sandbox.errors import NotFound, SandboxError, UserError
from sandbox.orchestrator import Orchestrator
from sandbox.orchestrator.api.executions import BUNDLE_TYPE
from sandbox.runtime.exchange import header, header_pairs, json_response, make_response, path_of, read_json, take_body
from sandbox.runtime.playback import Playback
from sandbox.runtime.tape import current_tape
from sandbox.runtime.web import Request, Response

MAX_PROBE_BODY = 64 * 1024
Handler = Callable[[Request], Awaitable[Response]]


class OwnRoutes:
    """Sends a request to whom it concerns: `parts` answer what lies at or below their path (`/api/kv`), the orchestrator
    the rest. No SandboxError leaves `handle`."""

    def __init__(
        self,
        orchestrator: Orchestrator,
        prober: Prober,
        redact: Callable[[str], str],
        parts: Mapping[str, Handler],
    ) -> None:
        self._orchestrator = orchestrator
        self._prober = prober
        self._redact = redact
        self._parts = {"/api/probe": self._probe, **parts}

    async def handle(self, request: Request) -> Response:
        """The answer. Errors, and executions with theirs, may repeat what a worker or a caller said: secrets go out."""
        answer = await self._answer(request)
        if answer.status < 400 and not path_of(request).startswith("/api/executions"):
            return answer
        if header(answer, "content-type") == BUNDLE_TYPE:
            return answer  # scrubbed while it was packed
        headers, body = header_pairs(answer), take_body(answer)
        if isinstance(body, bytes):
            body = self._redact(body.decode(errors="replace")).encode()
            headers = [pair for pair in headers if pair[0] != "content-length"]
        return make_response(body, status=answer.status, headers=headers)

    async def handle_worker(self, request: Request) -> Response:
        """A worker's call to us: only what the protocol gives to workers, each under its token. The rest of the API
        reads without one, for it is guarded by Host and Origin, which a call in process does not pass."""
        tape = current_tape.get()
        if isinstance(tape, Playback):
            return await tape.orchestrator(request)
        path = path_of(request)
        if path != "/health" and not path.startswith(("/api/data", "/api/checkpoints/")):
            refused = UserError(
                f"{path} is not for workers",
                code="not_for_workers",
                status=403,
                hint="they may call /api/data and /api/checkpoints",
            )
            return json_response(refused.as_json(), status=refused.status)
        return await self.handle(request)

    async def _answer(self, request: Request) -> Response:
        path = path_of(request)
        try:
            for base, handler in self._parts.items():
                if path == base or path.startswith(f"{base}/"):
                    return await handler(request)
            answer = await self._prober.handle(request)
            return answer if answer is not None else await self._orchestrator.handle(request)
        except SandboxError as error:
            return json_response(error.as_json(), status=error.status)

    async def _probe(self, request: Request) -> Response:
        """POST {workers: [name or URL, ...]} -> {results: [{worker, failed, cells}], skipped: [name]}.

        An empty list means all that claim the protocol; the others are in `skipped`."""
        if path_of(request) != "/api/probe":
            raise NotFound(f"no route {path_of(request)}", code="no_route")
        if request.method != "POST":
            wrong = SandboxError("/api/probe takes POST", code="method_not_allowed", status=405)
            return json_response(wrong.as_json(), status=405, headers={"allow": "POST"})
        try:
            body = await read_json(request, limit=MAX_PROBE_BODY)
        except ValueError:
            raise UserError("the body: expected a JSON object {workers: [...]}", code="bad_json") from None
        names = body.get("workers", []) if isinstance(body, dict) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError("workers: expected a list of names or URLs", code="bad_field")
        results = [result.as_json() for result in await self._prober.probe(names)]
        probed = {result["worker"] for result in results}
        known = [] if names else [info.name for info in self._orchestrator.directory.all()]
        skipped = [name for name in known if name not in probed]
        return json_response({"success": True, "results": results, "skipped": skipped})
