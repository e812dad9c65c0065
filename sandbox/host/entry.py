"""A request's way through one port: guard, dispatch, convert, call, answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

from aiohttp import HttpVersion11, web

from sandbox.clock import Clock
from sandbox.errors import ClientGone, ConnectionLost, LimitExceeded, SandboxError, WorkerExceeded, WorkerFailed
from sandbox.events import EventLog
from sandbox.events.bodies import Recorded, Taped
from sandbox.host import guard
from sandbox.host.convert import LimitedBody, Outgoing, ascii_target, read_body, to_outgoing, to_request
from sandbox.host.dispatch import Dispatch, Target
from sandbox.host.errors import PAGE_CSP, error_answer, wants_html
from sandbox.host.page import Overview, overview_page
from sandbox.host.wire import Ready, as_response, build_head, close_body, has_left, plain, pump
from sandbox.runtime.protocols import Emit, silent
from sandbox.runtime.trace import HEADER, STATE_HEADER, Trace, continued, current_trace
from sandbox.runtime.values import JsException
from sandbox.runtime.web import Request, Response

logger = logging.getLogger("sandbox.host")

CLIENT_GONE = 499
"""The status noted (never sent) where the client left first."""
NO_ANSWER = 0
"""The status noted where the connection was cut before an answer began."""
_KNOWN_HOSTS = 256


def log_error(worker: str | None, error: BaseException) -> None:
    """The default of `on_error`: a log line with the traceback."""
    logger.error("a request to %s failed", worker or "the sandbox", exc_info=error)


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the host is given by the application; see `Server`."""

    fetch_worker: Callable[[str, Request], Awaitable[tuple[Response, bool]]]
    orchestrator: Callable[[Request], Awaitable[Response]]
    overview: Callable[[], Overview] | None
    describe: Callable[[BaseException], str]
    redact: Callable[[str], str]
    on_error: Callable[[str | None, BaseException], None]
    emit: Emit
    log: EventLog | None
    clock: Clock
    allowed: frozenset[tuple[str, int | None]]
    token: str | None
    max_body: int


class Flight:
    """The requests that are being answered now."""

    __slots__ = ("_empty", "closing", "count", "cutting")

    def __init__(self) -> None:
        self.count = 0
        self.closing = False
        self.cutting = False
        self._empty: asyncio.Future[None] | None = None

    def leave(self) -> None:
        self.count -= 1
        if not self.count and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    async def landed(self) -> None:
        """Return when none is left."""
        if self.count:
            self._empty = asyncio.get_running_loop().create_future()
            await self._empty


class Entry:
    """The handler of one port. `worker` is the one that owns it, None for the main port."""

    __slots__ = ("_date", "_dispatch", "_flight", "_hooks", "_labels", "_port", "_second", "_worker")

    def __init__(self, hooks: Hooks, dispatch: Dispatch, flight: Flight, port: int, worker: str | None) -> None:
        self._hooks = hooks
        self._dispatch = dispatch
        self._flight = flight
        self._port = port
        self._worker = worker
        self._labels: dict[str, str | None] = {}
        self._second = -1
        self._date = ""

    async def handle(self, http: web.BaseRequest) -> web.StreamResponse:
        """Answer one request. Whatever a worker's code raises on the way, SystemExit included, ends here."""
        flight = self._flight
        flight.count += 1
        began = time.perf_counter()
        step = Step(http)
        if self._hooks.log is not None:
            step.at = self._hooks.clock.now()
        current_trace.set(step.trace)
        try:
            return await self._answer(step)
        except GeneratorExit:
            raise
        except asyncio.CancelledError as error:
            if flight.cutting:
                raise
            # Not ours: a worker awaited something that was cancelled, or cancelled itself.
            task = asyncio.current_task()
            while task is not None and task.cancelling():
                task.uncancel()
            return self._failed(step, error)
        except BaseException as error:
            if isinstance(error, ClientGone) or (isinstance(error, ConnectionError | WorkerFailed) and has_left(http)):
                step.status = CLIENT_GONE
                return as_response(Ready(keep_alive=False))
            return self._failed(step, error)
        finally:
            flight.leave()
            if self._hooks.emit is not silent:
                self._note(step, began)

    def _target(self, http: web.BaseRequest) -> Target:
        """Guard and dispatch; raises Refused and NotFound."""
        headers = http.headers
        hosts = headers.getall("Host", ())
        if len(hosts) != 1:
            raise guard.Refused("a request needs one Host header", code="bad_host", status=400)
        host = hosts[0]
        token = self._hooks.token
        if token is not None and not guard.is_loopback(http.remote or ""):
            guard.check_token(token, headers)
        try:
            label = self._labels[host]
        except KeyError:
            label = guard.check_host(host, self._port, self._hooks.allowed)
            if len(self._labels) < _KNOWN_HOSTS:
                self._labels[host] = label
        target = http.raw_path
        if not target.startswith("/"):
            target = guard.split_target(target, host)
        target = ascii_target(target.partition("#")[0])
        chosen = self._dispatch.choose(label, self._worker, host, target)
        if chosen.worker is not None:
            guard.check_worker_target(target)
        else:
            guard.check_own_target(target)
            guard.check_origin(http.method, target.partition("?")[0], host, headers)
        return chosen

    async def _answer(self, step: Step) -> web.StreamResponse:
        http, hooks = step.http, self._hooks
        chosen = step.target = self._target(http)
        if chosen.worker is None:
            return await self._own(step, chosen)
        if http.body_exists:
            await self._read(step)
        request = to_request(http, chosen.url, chosen.host, http.remote or "127.0.0.1", step.body)
        response, step.stale = await hooks.fetch_worker(chosen.worker, request)
        status = response.status
        if status < 200:
            raise WorkerFailed(chosen.worker, f"{chosen.worker} answered with status {status}, which is not supported")
        out = to_outgoing(response, http)
        extra = self._extra(step, out)
        if chosen.shared_origin:
            extra.append(("content-security-policy", "sandbox"))
        return await self._send(step, out, extra)

    async def _read(self, step: Step) -> None:
        step.body = body = await read_body(step.http, self._hooks.max_body)
        if self._hooks.log is not None and isinstance(body, LimitedBody):
            body.tape = self._hooks.log.tape()

    async def _own(self, step: Step, chosen: Target) -> web.StreamResponse:
        http, hooks = step.http, self._hooks
        if http.body_exists:
            await self._read(step)
        path = http.raw_path.partition("?")[0]
        if path == "/" and hooks.overview is not None and http.method in ("GET", "HEAD"):
            page = plain(overview_page(hooks.overview()), keep_alive=self._keep(http), head_only=http.method == "HEAD")
            step.status = 200
            return as_response(page)
        request = to_request(http, chosen.url, chosen.host, http.remote or "127.0.0.1", step.body)
        out = to_outgoing(await hooks.orchestrator(request), http)
        extra = self._extra(step, out)
        names = {name for name, _ in out.headers}
        html = any(name == "content-type" and value.startswith("text/html") for name, value in out.headers)
        if html and "content-security-policy" not in names:
            extra.append(("content-security-policy", PAGE_CSP))
        return await self._send(step, out, extra)

    def _extra(self, step: Step, out: Outgoing) -> list[tuple[str, str]]:
        """What is added to every answer where the answer does not say it itself."""
        now = int(self._hooks.clock.now())
        if now != self._second:
            self._second = now
            self._date = formatdate(now, usegmt=True)
        names = [name for name, _ in out.headers]
        extra = []
        if "date" not in names:
            extra.append(("date", self._date))
        if "x-content-type-options" not in names:
            extra.append(("x-content-type-options", "nosniff"))
        if step.stale:
            extra.append(("x-sandbox-stale", "1"))
        return extra

    async def _send(self, step: Step, out: Outgoing, extra: list[tuple[str, str]]) -> web.StreamResponse:
        http = step.http
        body = out.body
        keep = self._keep(http) and (out.chunked or out.length is not None or http.method == "HEAD")
        if not keep:
            extra.append(("connection", "close"))
        elif http.version < HttpVersion11:
            extra.append(("connection", "keep-alive"))
        try:
            head = build_head(out.status, [*out.headers, *extra])
        except ValueError:
            if not isinstance(body, bytes):
                await close_body(body)
            raise
        step.status = out.status
        log = self._hooks.log
        if log is not None:
            step.head = head
            if isinstance(body, bytes):
                step.answer = body if http.method != "HEAD" else None
            else:
                step.answer = tape = log.tape()
                body = Taped(body, tape)
            if step.target is not None and step.target.worker is not None:  # its answer tells the request's number
                step.number = number = log.number()
                head = b"%bx-sandbox-request: r%d\r\n\r\n" % (head[:-2], number)
        if isinstance(body, bytes):
            if http.method == "HEAD":
                return as_response(Ready(head, keep_alive=keep))
            step.sent = len(body)
            return as_response(Ready(head, body, keep_alive=keep))
        if http.method == "HEAD" or out.length == 0:
            await close_body(body)
            return as_response(Ready(head, keep_alive=keep))
        step.began = True
        step.sent = await pump(http, head, body, chunked=out.chunked, length=out.length, gzip=out.gzip)
        return as_response(Ready(keep_alive=keep))

    def _keep(self, http: web.BaseRequest) -> bool:
        return http.keep_alive and not self._flight.closing

    def _failed(self, step: Step, error: BaseException) -> web.StreamResponse:
        """The answer for an exception; where the answer has begun, the connection is cut so that the client notices."""
        http, hooks = step.http, self._hooks
        worker = step.target.worker if step.target is not None else None
        raised = error
        if isinstance(step.body, LimitedBody) and step.body.refused is not None:
            error = step.body.refused
        elif worker is not None and (isinstance(error, JsException) or not isinstance(error, Exception)):
            # A Response that cannot be sent, or a SystemExit and the like that `fetch_worker` let pass.
            error = _as_worker_failed(worker, error)
        if not isinstance(error, SandboxError) or error.status >= 500:
            hooks.on_error(worker, raised if isinstance(error, WorkerFailed) else error)
        if step.began or isinstance(error, ConnectionLost):
            step.status = 500 if step.began else NO_ANSWER
            if http.transport is not None:
                http.transport.abort()
            return as_response(Ready(keep_alive=False))
        html = worker is not None and wants_html(http.headers.get("Accept", ""))
        answer = error_answer(error, html=html, describe=hooks.describe, redact=hooks.redact)
        step.status = answer.status
        extra = [("x-sandbox-stale", "1")] if step.stale else []
        if hooks.log is not None and worker is not None:
            step.number = step.number or hooks.log.number()
            extra.append(("x-sandbox-request", f"r{step.number}"))
        keep = self._keep(http) and answer.status not in (400, 403, 413)
        ready = plain(answer, keep_alive=keep, head_only=http.method == "HEAD", extra=extra)
        step.head, step.answer = ready.parts
        step.sent = len(step.answer or b"")
        return as_response(ready)

    def _note(self, step: Step, began: float) -> None:
        http, target, log = step.http, step.target, self._hooks.log
        seconds = time.perf_counter() - began
        worker = target.worker if target is not None else None
        url = target.url if target is not None else http.raw_path[:200]
        if log is not None and (target is None or worker is not None or _is_told(url)):
            body = step.body
            record = (
                step.number or log.number(), step.at, seconds, step.trace, worker, http.method, url, http._message.raw_headers,
                body.tape if isinstance(body, LimitedBody) else body, step.status, step.head, step.answer, step.stale, step.sent,
            )  # fmt: skip
            log.request(record, large=body is not None or step.sent > 4096)
        self._hooks.emit(
            "request",
            worker=worker,
            method=http.method,
            url=url,
            status=step.status,
            ms=seconds * 1000,
            stale=step.stale,
            bytes=step.sent,
        )


class Step:
    """How far a request has come."""

    __slots__ = ("answer", "at", "began", "body", "head", "http", "number", "sent", "stale", "status", "target",
                 "trace")  # fmt: skip

    def __init__(self, http: web.BaseRequest) -> None:
        self.http = http
        headers = http.headers
        self.trace = continued(None) if HEADER not in headers else _continued(headers)
        self.target: Target | None = None
        self.body: bytes | LimitedBody | None = None
        self.stale = False
        self.began = False
        self.status = 500
        self.sent = 0
        # For the log alone:
        self.at = 0.0
        self.number = 0
        self.head: bytes | None = None
        self.answer: Recorded = None


def _continued(headers: Mapping[str, str]) -> Trace:
    """The trace that a request names. Of two `traceparent` headers neither counts, as the recommendation has it."""
    given = [value for name, value in headers.items() if name.lower() == HEADER]
    return continued(given[0] if len(given) == 1 else None, headers.get(STATE_HEADER))


def _is_told(url: str) -> bool:
    """Whether a request to our own address is recorded: not the page, and not looking at what was recorded."""
    path = url.partition("//")[2].partition("/")[2].partition("?")[0]
    return path != "" and not path.startswith(("api/logs", "api/requests", "health")) and not path.endswith("/events")


def _as_worker_failed(worker: str, error: BaseException) -> WorkerFailed:
    failed: WorkerFailed
    if isinstance(error, LimitExceeded):
        failed = WorkerExceeded(worker, error)
    else:
        failed = WorkerFailed(worker, f"{worker} raised {type(error).__name__}")
    failed.__cause__ = error
    return failed
