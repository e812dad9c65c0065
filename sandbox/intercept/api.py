"""`/api/faults`, `/api/breakpoints` and `/api/held`, as Request -> Response."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote

import sandbox.orchestrator.codec as codec
from sandbox.errors import NotFound, SandboxError, UserError
from sandbox.intercept.breakpoints import Breakpoints
from sandbox.intercept.faults import Faults
from sandbox.intercept.held import Holder
from sandbox.runtime.exchange import json_response, path_of, query_of, read_bytes
from sandbox.runtime.web import Request, Response

MAX_BODY = 1024 * 1024
MAX_MESSAGE = 16 * 1024 * 1024


class FaultsApi:
    """GET lists, POST adds {kind, ...}, DELETE removes all; `/api/faults/{id}` takes GET and DELETE."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def handle(self, request: Request) -> Response:
        parts = _parts(request, "/api/faults")
        match [str(request.method), *parts]:
            case ["GET"]:
                return json_response({"success": True, "faults": [fault.as_json() for fault in self._faults]})
            case ["POST"]:
                fault = self._faults.add(**await read_object(request))
                return json_response({"success": True, "fault": fault.as_json()}, status=201)
            case ["DELETE"]:
                return json_response({"success": True, "removed": self._faults.clear()})
            case ["GET", id_]:
                return json_response({"success": True, "fault": self._faults.get(id_).as_json()})
            case ["DELETE", id_]:
                return json_response({"success": True, "fault": self._faults.remove(id_).as_json()})
            case [_] | [_, _]:
                return not_allowed(request, "GET, POST, DELETE" if not parts else "GET, DELETE")
        raise NotFound(f"no route {path_of(request)}", code="no_route")


class BreakpointsApi:
    """GET lists, POST {point: "process:WORKER"} sets, DELETE removes all; `/api/breakpoints/{id}` takes DELETE."""

    def __init__(self, breakpoints: Breakpoints) -> None:
        self._breakpoints = breakpoints

    async def handle(self, request: Request) -> Response:
        match [str(request.method), *_parts(request, "/api/breakpoints")]:
            case ["GET"]:
                found = [known.as_json() for known in self._breakpoints]
                return json_response({"success": True, "breakpoints": found})
            case ["POST"]:
                body = await read_object(request)
                point = body.get("point")
                if not isinstance(point, str):
                    raise UserError('point: expected a text such as "process:WORKER"', code="bad_field")
                return json_response(
                    {"success": True, "breakpoint": self._breakpoints.add(point).as_json()}, status=201
                )
            case ["DELETE"]:
                return json_response({"success": True, "removed": self._breakpoints.clear()})
            case ["DELETE", id_]:
                return json_response({"success": True, "breakpoint": self._breakpoints.remove(id_).as_json()})
            case [_]:
                return not_allowed(request, "GET, POST, DELETE")
            case [_, _]:
                return not_allowed(request, "DELETE")
        raise NotFound(f"no route {path_of(request)}", code="no_route")


class HeldApi:
    """GET lists (`?execution_id=` those of one execution), GET `/api/held/{id}` shows, POST `/api/held/{id}/continue` with
    {message?, fail?} lets go."""

    def __init__(self, holder: Holder) -> None:
        self._holder = holder

    async def handle(self, request: Request) -> Response:
        match [str(request.method), *_parts(request, "/api/held")]:
            case ["GET"]:
                wanted = parse_qs(query_of(request)).get("execution_id", [None])[-1]
                found = [held.as_json() for held in self._holder if wanted in (None, held.execution_id)]
                return json_response({"success": True, "held": found})
            case ["GET", id_]:
                return json_response({"success": True, "held": self._holder.get(id_).as_json()})
            case ["POST", id_, "continue"]:
                body = await read_object(request, MAX_MESSAGE)
                for name in body:
                    if name not in ("message", "fail"):
                        raise UserError(f"{name}: unknown", hint="known fields: message, fail", code="bad_field")
                held = self._holder.go_on(id_, body.get("message"), fail=bool(body.get("fail")))
                return json_response({"success": True, "id": held.id, "how": held.how})
            case [_] | [_, _]:
                return not_allowed(request, "GET")
            case [_, _, "continue"]:
                return not_allowed(request, "POST")
        raise NotFound(f"no route {path_of(request)}", code="no_route")


def _parts(request: Request, base: str) -> list[str]:
    return [unquote(part) for part in path_of(request).removeprefix(base).split("/") if part]


async def read_object(request: Request, limit: int = MAX_BODY) -> dict[str, Any]:
    """The body as a JSON object; an empty one is {}. Raises UserError."""
    if request._body is None:
        return {}
    try:
        data = await read_bytes(request, limit=limit)
    except ValueError:
        raise UserError(f"the body is over {limit // 2**20} MiB", code="body_too_large", status=413) from None
    body = codec.loads(data)
    if not isinstance(body, dict):
        raise UserError("the body: expected a JSON object", code="bad_json")
    return body


def not_allowed(request: Request, allowed: str) -> Response:
    wrong = SandboxError(f"{path_of(request)} does not take {request.method}", code="method_not_allowed", status=405)
    return json_response(wrong.as_json(), status=405, headers={"allow": allowed})
