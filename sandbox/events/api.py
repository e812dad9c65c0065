"""`/api/requests...` and `/api/logs`: the log from outside, as Request -> Response. No SandboxError leaves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import sandbox.events.filters as filters
import sandbox.events.queries as queries
from sandbox.config.names import WorkerNames
from sandbox.errors import SandboxError
from sandbox.events.log import EventLog
from sandbox.events.records import REQUEST, Entry, body_json
from sandbox.events.store import Reader
from sandbox.runtime.exchange import json_response
from sandbox.runtime.web import Request, Response

MOST = 1000
_MESSAGE = ("request_headers", "response_headers", "request_body", "response_body")
_BODIES = ("request_body", "response_body")


class EventsApi:
    """`replay(id, options)` does a request again (see `sandbox.app.replaying`); `workers()` names the workers there are."""

    def __init__(
        self,
        log: EventLog,
        replay: Callable[[str, Request], Awaitable[Response]],
        workers: Callable[[], Iterable[str]],
    ) -> None:
        self._log = log
        self._replay = replay
        self._workers = workers

    async def handle(self, request: Request) -> Response:
        try:
            return await self._dispatch(request)
        except SandboxError as error:
            return json_response(error.as_json(), status=error.status)

    async def _dispatch(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        path = [unquote(part) for part in parts.path.removeprefix("/api/").split("/") if part]
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        query = filters.absolute(query, self._log.clock.now())
        workers = WorkerNames(self._workers())
        match [request.method, *path]:
            case ["GET", "requests"]:
                found = await self._log.read(lambda reader: _requests(reader, query, workers))
                return json_response({"success": True, **found})
            case ["GET", "requests", name]:
                return json_response({"success": True, **await self._log.read(lambda reader: show(reader, name))})
            case ["POST", "requests", name, "replay"]:
                return await self._replay(name, request)
            case ["GET", "logs"]:
                found = await self._log.read(lambda reader: _logs(reader, query, workers))
                return json_response({"success": True, **found})
            case [_, "requests"] | [_, "requests", _] | [_, "logs"]:
                return _not_allowed(request.method, parts.path, "GET")
            case [_, "requests", _, "replay"]:
                return _not_allowed(request.method, parts.path, "POST")
        raise SandboxError(f"no route {parts.path}", code="no_route", status=404)


def show(reader: Reader, name: str) -> dict[str, Any]:
    """A request whole, and everything else of its trace."""
    entry = queries.request(reader, name)
    assert entry.span is not None
    trace = queries.of_trace(reader, entry.span.trace_id)
    events = [_whole(reader, other) for other in trace if other.seq != entry.seq]
    return {"request": _whole(reader, entry), "events": events}


def _whole(reader: Reader, entry: Entry) -> dict[str, Any]:
    """An event with its bodies."""
    shown = entry.as_json()
    for key in _BODIES:
        body = entry.fields.get(key)
        if body is not None:
            shown[key] = body_json(body, queries.content(reader, body))
    return shown


def _requests(reader: Reader, query: Mapping[str, str], workers: WorkerNames) -> dict[str, Any]:
    limit = filters.whole_number(query, "limit", 20, MOST)
    own, method, text = query.get("all") == "1", query.get("method", "").upper(), query.get("grep", "")
    status = filters.status(query.get("status"))

    def fits(entry: Entry) -> bool:
        fields = entry.fields
        return (
            (own or entry.worker is not None)
            and (not method or fields["method"] == method)
            and (not text or text in fields["url"])
            and status(entry)
        )

    wanted = filters.read(query, workers, kinds=(REQUEST,))
    found = queries.newest(reader, wanted, limit, fits)
    if not found:
        filters.check(reader, wanted, workers)
        filters.check_method(reader, wanted, method)
    cursor = str(found[-1].seq) if len(found) == limit else None
    return {"requests": [_light(entry) for entry in found], "cursor": cursor}


def _logs(reader: Reader, query: Mapping[str, str], workers: WorkerNames) -> dict[str, Any]:
    """The newest events that fit, oldest first; with `after`, those that follow it."""
    limit = filters.whole_number(query, "limit", 100, MOST)
    wanted = filters.read(query, workers, loud=query.get("loud") == "1")
    if wanted.after is not None:
        found = queries.oldest(reader, wanted, limit)
    else:
        found = queries.newest(reader, wanted, limit)[::-1]
        if not found:
            filters.check(reader, wanted, workers)
    return {"events": [_light(entry) for entry in found], "last": reader.last(), "more": len(found) == limit}


def _light(entry: Entry) -> dict[str, Any]:
    return {key: value for key, value in entry.as_json().items() if key not in _MESSAGE}


def _not_allowed(method: str, path: str, allowed: str) -> Response:
    wrong = SandboxError(f"{path} does not take {method}", code="method_not_allowed", status=405)
    return json_response(wrong.as_json(), status=405, headers={"allow": allowed})
