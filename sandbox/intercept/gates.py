"""Stands at every point of `runtime.protocols.Points`, and around outbound calls, while something is there to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from sandbox.clock import Clock
from sandbox.config.faults import KV_POINTS, STEPS
from sandbox.egress.call import Call
from sandbox.egress.observing import Around
from sandbox.errors import ConnectionLost
from sandbox.intercept.bodies import shaped
from sandbox.intercept.breakpoints import Breakpoints
from sandbox.intercept.faults import Fault, Faults, Struck
from sandbox.intercept.held import Holder, Interrupted
from sandbox.intercept.messages import (
    call_message,
    checked_call,
    checked_operation,
    checked_request,
    checked_step,
    kv_message,
    request_message,
    step_message,
)
from sandbox.intercept.places import Passing
from sandbox.runtime import exchange
from sandbox.runtime.protocols import KvOperation, Points
from sandbox.runtime.values import JsException
from sandbox.runtime.web import Request, Response

LOST = "Network connection lost."
_NULL_BODY = frozenset({204, 205, 304})


class Gates:
    """Implements every gate. `around` is what egress lets stand around outbound calls."""

    def __init__(
        self,
        points: Points,
        around: list[Around],
        faults: Faults,
        breakpoints: Breakpoints,
        holder: Holder,
        clock: Clock,
    ) -> None:
        self._points = points
        self._around = around
        self._faults = faults
        self._breakpoints = breakpoints
        self._holder = holder
        self._clock = clock

    def refresh(self) -> None:
        """Stand where something is to be done, and nowhere else."""

        def stands(points: tuple[str, ...]) -> bool:
            return self._faults.stand_at(points) or self._breakpoints.stand_at(points)

        self._points.request = self if stands(("request",)) else None
        self._points.service = self if stands(("service",)) else None
        self._points.kv = self if stands(KV_POINTS) else None
        self._points.step = self if stands(STEPS) else None
        if self.outbound in self._around:
            self._around.remove(self.outbound)
        if stands(("outbound",)):
            self._around.insert(0, self.outbound)  # outside of what answers by itself: a fault strikes that as well

    async def request(
        self, worker: str, request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        passing = Passing("request", worker, _target(str(request.url)))
        found = self._breakpoints.meet(passing)
        if found is not None:
            edited = await self._holder.hold(found, passing, request_message(request), checked_request(request))
            request = request if edited is None else edited
        return await self._answered(self._faults.meet(passing), lambda: proceed(request))

    async def service(self, worker: str, binding: str, path: str | None, proceed: Callable[[], Awaitable[Any]]) -> Any:
        struck = self._faults.meet(Passing("service", worker, path, (binding,)))
        if struck is None:
            return await proceed()
        try:
            if path is not None:
                return await self._answered(struck, proceed)
            await self._wait(struck)
            if struck.end is not None:  # a method has no status: its caller sees an error either way
                raise _lost(struck.end)
        except ConnectionLost as error:
            raise JsException("Error", LOST) from error
        return await proceed()

    async def outbound(self, call: Call, go_on: Callable[[Call], Awaitable[Response]]) -> Response:
        passing = Passing("outbound", call.worker, call.url)
        found = self._breakpoints.meet(passing)
        try:
            if found is not None:
                await self._holder.hold(found, passing, call_message(call), checked_call(call))
            struck = self._faults.meet(passing)
            if struck is not None and struck.end is not None:
                call.by = "fault"
            return await self._answered(struck, lambda: go_on(call))
        except (ConnectionLost, Interrupted) as error:
            raise JsException("TypeError", f"fetch of {call.url} failed: {error.message}") from error

    async def kv(self, operation: KvOperation) -> int | None:
        names = (operation.binding, operation.namespace)
        passing = Passing(f"kv.{operation.name}", operation.worker, None, names, tuple(operation.keys))
        found = self._breakpoints.meet(passing)
        if found is not None:
            try:
                await self._holder.hold(found, passing, kv_message(operation), checked_operation(operation))
            except (ConnectionLost, Interrupted) as error:
                raise JsException("Error", error.message) from error
        struck = self._faults.meet(passing)
        if struck is None:
            return None
        await self._wait(struck)
        if struck.end is None:
            return None
        if struck.end.config.kind == "drop":
            raise JsException("Error", LOST)
        return struck.end.config.status or HTTPStatus.TOO_MANY_REQUESTS

    async def hold(self, worker: str, path: str, body: bytes | None) -> bytes | None:
        step = step_of(path)
        passing = Passing(step, worker)
        found = self._breakpoints.meet(passing)
        if found is None or body is None:
            return body
        edited: bytes | None = await self._holder.hold(found, passing, step_message(body), checked_step(step, body))
        return body if edited is None else edited

    async def step(
        self, worker: str, path: str, request: Request, proceed: Callable[[str, Request], Awaitable[Response]]
    ) -> Response:
        struck = self._faults.meet(Passing(step_of(path), worker))
        return await self._answered(struck, lambda: proceed(worker, request))

    async def _answered(self, struck: Struck | None, proceed: Callable[[], Awaitable[Response]]) -> Response:
        if struck is None:
            return await proceed()
        await self._wait(struck)
        end = struck.end
        if end is None:
            response = await proceed()
        elif end.config.kind == "drop":
            raise _lost(end)
        else:
            body = None if end.config.status in _NULL_BODY else end.config.body
            headers = {name.lower(): value for name, value in end.config.headers.items()}
            response = exchange.make_response(body, status=end.config.status, headers=headers)
        return shaped(response, struck.shapes, self._clock) if struck.shapes else response

    async def _wait(self, struck: Struck) -> None:
        if struck.delay:
            await self._clock.sleep(struck.delay)


def step_of(path: str) -> str:
    """`process` of `/api/process`, `progress` of `/api/progress/packet_1`; "" of anything else."""
    name = path.removeprefix("/api/").partition("/")[0]
    return name if name in STEPS else ""


def _lost(fault: Fault) -> ConnectionLost:
    return ConnectionLost(f"the fault {fault.id} cut it on purpose")


def _target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
