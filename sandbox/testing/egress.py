"""Outbound calls in a test: answered by what the test says, and all of them on a list."""

from __future__ import annotations

import inspect
import json as json_text
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.config.models import EgressRoute
from sandbox.egress import Egress
from sandbox.egress.call import Call
from sandbox.egress.observing import Exchange, GoOn
from sandbox.egress.routing import Routes
from sandbox.runtime import exchange
from sandbox.runtime.protocols import Invoke
from sandbox.runtime.redirects import parse
from sandbox.runtime.values import JsException, throw
from sandbox.runtime.web import Request, Response
from sandbox.testing.errors import Misuse
from sandbox.testing.responses import Headers

BY = "test"


@dataclass(frozen=True, slots=True)
class OutboundCall:
    """A call a worker made: `status` 0 and `error` where it got no answer. `by` is who answered: "test" (a route of the
    test), "worker:NAME", "folder", "orchestrator", "network", "refused"."""

    worker: str
    method: str
    url: str
    headers: Headers
    body: bytes
    status: int
    by: str
    error: str | None

    def json(self) -> Any:
        """The request's body as JSON."""
        return json_text.loads(self.body)

    def __repr__(self) -> str:
        return f"<{self.worker}: {self.method} {self.url} -> {self.error or self.status} by {self.by}>"


Handler = Callable[[Request], Any]


@dataclass(slots=True)
class TestRoute:
    """A route of a test, as `egress.route` returns it. `calls` are those it has answered."""

    __test__ = False

    match: str
    _routes: Routes
    _answer: Callable[[Call], Awaitable[Response]]
    calls: list[OutboundCall] = field(default_factory=list)

    def __repr__(self) -> str:
        return f"<route {self.match}, {len(self.calls)} calls>"


class TestEgress:
    """Offline but for what sandbox.toml and the test route. `calls` are all outbound calls that have ended, in order."""

    __test__ = False

    def __init__(self) -> None:
        self.calls: list[OutboundCall] = []
        self.problems: list[Exception] = []
        """What handlers of the test raised: the worker got it as a failed fetch, and may have swallowed it."""
        self._routes: list[TestRoute] = []
        self._invoke: Invoke | None = None
        self._own_port = ""

    def route(
        self,
        match: str,
        handler: Handler | None = None,
        *,
        json: Any = None,
        text: str | None = None,
        body: bytes | None = None,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        worker: str | None = None,
        error: str | None = None,
    ) -> TestRoute:
        """Answer calls to `match` (`*` stands for anything) from now on; the newest route that matches answers.

        By `json`, `text` or `body` with `status` and `headers`; by a hosted `worker`; by `error`, as a connection that
        failed with that text; or by `handler(request)`, a function or coroutine function that gets the JavaScript
        Request and gives a `workers.Response`, a dict or list (JSON), text, bytes, or None (204).
        """
        ways = [way for way in (handler, json, text, body, worker, error) if way is not None]
        if len(ways) > 1:
            raise Misuse(f"route({match!r}): more than one answer", hint="one of json, text, body, worker, error")

        async def answer(call: Call) -> Response:
            if error is not None:
                throw("TypeError", f"fetch of {call.url} failed: {error}")
            if worker is not None:
                assert self._invoke is not None
                return await self._invoke.fetch(worker, call.request())
            if handler is not None:
                given = handler(call.request())
                return _response(await given if inspect.isawaitable(given) else given, status, headers)
            return _response(json if json is not None else text if text is not None else body, status, headers)

        route = TestRoute(match, Routes((EgressRoute(match),)), answer)
        self._routes.insert(0, route)
        return route

    # -- wiring ------------------------------------------------------------------------------------------------------

    def attach(self, egress: Egress, invoke: Invoke, own_port: int) -> None:
        """Stand around a sandbox's outbound calls."""
        self._invoke, self._own_port = invoke, f":{own_port}"
        egress.around.append(self._around)
        egress.observers.append(lambda call: self._ended)

    async def _around(self, call: Call, go_on: GoOn) -> Response:
        route = self._find(call.url)
        if route is None:
            return await go_on(call)
        call.by = BY
        try:
            return await route._answer(call)
        except JsException:
            raise
        except Exception as problem:
            self.problems.append(problem)
            throw(
                "TypeError", f"fetch of {call.url} failed: the test's route raised {type(problem).__name__}: {problem}"
            )

    def _find(self, url: str) -> TestRoute | None:
        try:
            address = parse(url)
        except ValueError:
            return None
        own = address.origin.endswith(self._own_port) and address.host.endswith("localhost")
        for route in self._routes:
            if route._routes.find(address) is not None and not (own and "localhost" not in route.match):
                return route
        return None

    def _ended(self, ended: Exchange) -> None:
        call = OutboundCall(
            ended.worker,
            ended.method,
            ended.url,
            Headers(ended.request_headers),
            ended.request_body or b"",
            ended.status,
            ended.by,
            ended.error,
        )
        self.calls.append(call)
        if ended.by == BY and (route := self._find(ended.url)) is not None:
            route.calls.append(call)


def _response(value: Any, status: int, headers: Mapping[str, str] | None) -> Response:
    value = getattr(value, "js_object", value)
    if isinstance(value, Response):
        return value
    if value is None or isinstance(value, str | bytes):
        return exchange.make_response(value, status=204 if value is None and status == 200 else status, headers=headers)
    return exchange.json_response(value, status=status, headers=headers)
