"""Which route answers, and the one shape of every error."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from sandbox.errors import NotFound, SandboxError
from sandbox.orchestrator.api import checkpoints, data, events, executions, references, workers
from sandbox.orchestrator.api.call import Call, refusal

if TYPE_CHECKING:
    from sandbox.orchestrator.orchestrator import Orchestrator
    from sandbox.runtime.web import Request, Response

Handler = Callable[[Call], Awaitable["Response"]]

ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/health", workers.health),
    ("GET", "/api/data/{ref_id}", data.read),
    ("POST", "/api/data", data.upload),
    ("GET", "/api/checkpoints/{packet_id}", checkpoints.read),
    ("PUT", "/api/checkpoints/{packet_id}", checkpoints.put),
    ("DELETE", "/api/checkpoints/{packet_id}", checkpoints.delete),
    ("GET", "/api/workers", workers.workers),
    ("GET", "/api/workers/{name}", workers.worker),
    ("GET", "/api/pipelines", workers.pipelines),
    ("GET", "/api/registry", workers.registry),
    ("POST", "/api/registry", workers.apply_registry),
    ("GET", "/api/references", references.page),
    ("POST", "/api/references", references.plant_anew),
    ("GET", "/api/references/{ref_id}", references.show),
    ("PUT", "/api/references/{ref_id}", references.plant),
    ("POST", "/api/executions", executions.start),
    ("GET", "/api/executions", executions.page),
    ("GET", "/api/executions/{execution_id}", executions.show),
    ("POST", "/api/executions/import", executions.take_in),
    ("GET", "/api/executions/{execution_id}/export", executions.export),
    ("POST", "/api/executions/{execution_id}/cancel", executions.cancel),
    ("POST", "/api/executions/{execution_id}/replay", executions.replay),
    ("POST", "/api/executions/{execution_id}/rerun", executions.rerun),
    ("GET", "/api/executions/{execution_id}/events", events.stream),
)

logger = logging.getLogger("sandbox.orchestrator")


class Api:
    """Answers every request; no exception leaves `handle`."""

    def __init__(self, orchestrator: Orchestrator) -> None:
        self._orchestrator = orchestrator
        self._routes = [(method, _pattern(path), handler) for method, path, handler in ROUTES]

    async def handle(self, request: Request) -> Response:
        try:
            return await self._dispatch(request)
        except SandboxError as error:
            return refusal(error)
        except Exception:
            logger.exception("%s %s failed inside the sandbox", request.method, request.url)
            return refusal(SandboxError("the sandbox failed on this request", code="internal", hint="see its console"))

    async def _dispatch(self, request: Request) -> Response:
        # matched before decoding: an encoded slash is part of an id, never a separator
        path = urlsplit(request.url).path
        method = "GET" if request.method == "HEAD" else request.method
        allowed = []
        for verb, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match is None:
                continue
            if verb == method:
                values = {name: unquote(value) for name, value in match.groupdict().items()}
                return await handler(Call(self._orchestrator, request, values))
            allowed.append(verb)
        if allowed:
            verbs = ", ".join(sorted({*allowed, *(["HEAD"] if "GET" in allowed else [])}))
            wrong = SandboxError(
                f"{path} does not take {request.method}",
                code="method_not_allowed",
                status=405,
                hint=f"it takes {verbs}",
            )
            return refusal(wrong, {"allow": verbs})
        raise NotFound(f"no route {path}", code="no_route", hint=_ELSEWHERE)


_ELSEWHERE = "this is the sandbox's own address; the workers' are listed by `sandbox workers list`"


@functools.cache
def _pattern(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))
