"""`/api/faults`, as Request -> Response."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from sandbox.errors import NotFound, SandboxError, UserError
from sandbox.intercept.faults import Faults
from sandbox.runtime.exchange import json_response, path_of, read_json
from sandbox.runtime.web import Request, Response

MAX_BODY = 1024 * 1024


class FaultsApi:
    """GET lists, POST adds {kind, ...}, DELETE removes all; `/api/faults/{id}` takes GET and DELETE."""

    def __init__(self, faults: Faults) -> None:
        self._faults = faults

    async def handle(self, request: Request) -> Response:
        parts = [unquote(part) for part in path_of(request).removeprefix("/api/faults").split("/") if part]
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


async def read_object(request: Request, limit: int = MAX_BODY) -> dict[str, Any]:
    """The body as a JSON object; an empty one is {}. Raises UserError."""
    if request._body is None:
        return {}
    try:
        body = await read_json(request, limit=limit)
    except (ValueError, RecursionError):
        raise UserError("the body: expected a JSON object", code="bad_json") from None
    if not isinstance(body, dict):
        raise UserError("the body: expected a JSON object", code="bad_json")
    return body


def not_allowed(request: Request, allowed: str) -> Response:
    wrong = SandboxError(f"{path_of(request)} does not take {request.method}", code="method_not_allowed", status=405)
    return json_response(wrong.as_json(), status=405, headers={"allow": allowed})
