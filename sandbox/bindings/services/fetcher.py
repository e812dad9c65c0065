"""The object worker code sees as a service binding: `fetch`, `scheduled` and every method of the other worker.

Arguments and results cross by structured clone, as they do between isolates; functions become stubs. What the other
worker raises arrives as a JavaScript error whose cause is the original exception, so that a traceback shows both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from sandbox.clock import Clock
from sandbox.errors import SandboxError, WorkerExceeded, WorkerFailed, text_of
from sandbox.portability.subrequests import count_subrequest
from sandbox.runtime import exchange
from sandbox.runtime.context import current_invocation, io_at_import, one_more_hop
from sandbox.runtime.protocols import Emit, Invoke, Points, silent
from sandbox.runtime.redirects import MAX_REDIRECTS, REDIRECTS, follow
from sandbox.runtime.trace import told_hop
from sandbox.runtime.values import (
    HostObject,
    JsDate,
    JsException,
    JsFunction,
    JsObject,
    JsPromise,
    crosses_rpc,
    js_method,
    jsnull,
    option,
    structured_clone,
    throw,
)
from sandbox.runtime.web import Request, Response

# Names that a promise chain or a coercion would look for: on a stub they must not look like methods.
_NOT_METHODS = frozenset({"then", "catch", "finally", "toJSON", "length", "dup"})


class Fetcher(HostObject):
    """A binding to `service`, or to its named `entrypoint`, with `props` for the callee's `ctx.props`. `caller` is the worker
    that holds the binding, and its name there."""

    js_name = "Fetcher"

    def __init__(
        self,
        invoke: Invoke,
        clock: Clock,
        service: str,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
        points: Points | None = None,
        caller: tuple[str, str] = ("", ""),
        emit: Emit = silent,
    ) -> None:
        self._emit = emit
        self._invoke = invoke
        self._clock = clock
        self._service = service
        self._entrypoint = entrypoint
        self._props = props
        self._points = points or Points()
        self._caller = caller

    @js_method(task=True)
    async def fetch(self, resource: Any, init: Any) -> Response:
        """Send a request to the service; redirects are followed within it, unless the request says otherwise."""
        if isinstance(resource, Request) and (init is None or init is jsnull):
            request = resource
        else:
            request = Request(resource, init)
        response = await self._send(request)
        response._owner = current_invocation.get()
        if response.status not in REDIRECTS or request.redirect != "follow":
            return response
        return await self._follow(request, response)

    async def _send(self, request: Request) -> Response:
        gate = self._points.service
        if gate is not None:
            query = exchange.query_of(request)
            path = exchange.path_of(request) + (f"?{query}" if query else "")
            return cast(Response, await gate.service(*self._caller, path, lambda: self._pass(request)))
        return await self._pass(request)

    async def _pass(self, request: Request) -> Response:
        _before_a_call()
        try:
            call = self._told("fetch", method=request._method, url=request._url)
            with call:
                response = await self._invoke.fetch(
                    self._service, exchange.with_length(request), entrypoint=self._entrypoint, props=self._props
                )
                call.status = response.status
                return response
        except SandboxError as error:
            raise _as_seen(error) from (error.__cause__ or error)

    def _told(self, via: str, **fields: Any) -> told_hop:
        """The span of a call, and its event."""
        return told_hop(self._emit, worker=self._caller[0], to=self._service, via=via, **fields)

    async def _follow(self, request: Request, response: Response) -> Response:
        url, method = request.url, request.method
        headers = exchange.header_pairs(request)
        for _ in range(MAX_REDIRECTS):
            location = exchange.header(response, "location")
            if response.status not in REDIRECTS or location is None:
                return exchange.mark_fetched(response, url=url, redirected=True)
            try:
                onward = follow(url, method, headers, response.status, location)
            except ValueError as error:
                throw("TypeError", f"{url}: {error}")
            if onward.keep_body and request.bodyUsed:
                throw("TypeError", f"{url} redirects, but the request's body is gone and cannot be sent again")
            url, method, headers = onward.url, onward.method, onward.headers
            response = await self._send(exchange.new_request(url, method=method, headers=headers))
        raise JsException("TypeError", f"too many redirects: more than {MAX_REDIRECTS}, the last to {url}")

    @js_method(task=True)
    async def scheduled(self, options: Any) -> JsObject:
        """`scheduled({scheduledTime, cron})` runs the service's handler and tells how it ended."""
        time, cron = option(options, "scheduledTime"), option(options, "cron")
        moment = time.getTime() if isinstance(time, JsDate) else time
        no_retry: list[bool] = []
        outcome = "ok"
        _before_a_call()
        try:
            with self._told("scheduled"):
                await self._invoke.scheduled(
                    self._service,
                    scheduled_time_ms=self._clock.now() * 1000 if moment is None else float(moment),
                    cron="" if cron is None else str(cron),
                    entrypoint=self._entrypoint,
                    no_retry=lambda: no_retry.append(True),
                )
        except WorkerExceeded:
            outcome = "exceededCpu"
        except WorkerFailed:
            outcome = "exception"
        except SandboxError as error:
            raise _as_seen(error) from (error.__cause__ or error)
        return JsObject({"outcome": outcome, "noRetry": bool(no_retry)})

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name in _NOT_METHODS:
            raise AttributeError(name, name=name, obj=self)
        return JsFunction(self._method(name), name)

    def _method(self, name: str) -> Callable[..., JsPromise]:
        def call(*args: Any, **kwargs: Any) -> JsPromise:
            # Keyword arguments arrive as one options object, as from JavaScript.
            given = [*args, JsObject(kwargs)] if kwargs else args
            return JsPromise._in_task(self._rpc(name, [structured_clone(arg) for arg in given]))

        return call

    async def _rpc(self, name: str, args: list[Any]) -> Any:
        gate = self._points.service
        if gate is not None:
            return await gate.service(*self._caller, None, lambda: self._pass_rpc(name, args))
        return await self._pass_rpc(name, args)

    async def _pass_rpc(self, name: str, args: list[Any]) -> Any:
        _before_a_call()
        try:
            # What comes back was cloned on the other side.
            with self._told("rpc", method=name):
                return await self._invoke.rpc(self._service, name, args, entrypoint=self._entrypoint, props=self._props)
        except SandboxError as error:
            raise _as_seen(error) from (error.__cause__ or error)


def _before_a_call() -> None:
    io_at_import("a service is called")
    one_more_hop()
    count_subrequest()


def _as_seen(error: SandboxError) -> JsException:
    """The callee's failure as the caller's JavaScript error. A JavaScript error keeps its name and message."""
    cause = error.__cause__
    if isinstance(cause, JsException):
        return JsException(cause.name, cause.message)
    if isinstance(error, WorkerFailed) and not isinstance(error, WorkerExceeded) and cause is not None:
        return JsException("Error", f"{type(cause).__name__}: {text_of(cause)}")
    return JsException("Error", error.message)


crosses_rpc(Fetcher)
