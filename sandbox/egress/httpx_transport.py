"""httpx in worker code goes the way of `fetch`: hosted workers in process, routes, recordings, the rules of the mode.

Its asynchronous transport is replaced below everything that makes httpx httpx (redirects, cookies, authentication,
decoding, event hooks), and only while a worker is current. The synchronous one cannot wait for a worker on the loop it
blocks: it keeps its sockets, which meet the rules of every other client.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable
from contextvars import copy_context
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from sandbox.credentials import shown_url
from sandbox.egress.after_import import when_imported
from sandbox.egress.counting import close
from sandbox.egress.inflate import can_decode
from sandbox.egress.sockets import passing
from sandbox.runtime import exchange
from sandbox.runtime.context import WorkerContext, current_invocation, current_worker
from sandbox.runtime.place import called_from, given_from
from sandbox.runtime.values import JsException

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


def route_httpx() -> None:
    """Route httpx whenever it is imported (it may never be). Doing it twice changes nothing."""
    when_imported("httpx", _patch)


def _patch(httpx: Any) -> None:
    transport = httpx.AsyncHTTPTransport
    original = transport.handle_async_request
    if getattr(original, "_for_workers", False):
        return

    class Body(httpx.AsyncByteStream):  # type: ignore[misc]
        """An answer's body; what breaks it is httpx's own error."""

        def __init__(self, chunks: AsyncIterator[bytes], request: httpx.Request, timeout: float | None) -> None:
            self._chunks = chunks
            self._request = request
            self._timeout = timeout

        async def __aiter__(self) -> AsyncIterator[bytes]:
            iterator = aiter(self._chunks)
            while True:
                try:
                    chunk = await _within(self._timeout, anext(iterator, None))
                except TimeoutError:
                    raise httpx.ReadTimeout("the body took too long", request=self._request) from None
                except JsException as error:
                    raise httpx.ReadError(error.message, request=self._request) from None
                if chunk is None:
                    return
                yield chunk

        async def aclose(self) -> None:
            await close(self._chunks)

    async def handle_async_request(self: Any, request: httpx.Request) -> httpx.Response:
        worker = current_worker.get()
        if worker is None or passing.get() or (worker.shared and called_from(sys._getframe(1)) is None):
            return await original(self, request)
        _same_event(self, worker)
        limits = request.extensions.get("timeout", {})
        connect, read = limits.get("connect"), limits.get("read")
        first = None if connect is None or read is None else connect + read
        try:
            response = await _within(first, _fetched(httpx, worker, request))
        except TimeoutError:
            raise httpx.ReadTimeout(f"{shown_url(str(request.url))} took too long", request=request) from None
        except JsException as error:
            raise httpx.ConnectError(error.message, request=request) from None
        headers = _plain_headers(exchange.header_pairs(response))
        body, status = exchange.take_body(response), int(response.status)
        stream = httpx.ByteStream(body or b"") if body is None or isinstance(body, bytes) else Body(body, request, read)
        phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
        extensions = {"http_version": b"HTTP/1.1", "reason_phrase": phrase.encode()}
        return httpx.Response(status, headers=headers, stream=stream, extensions=extensions)

    handle_async_request._for_workers = True  # type: ignore[attr-defined]
    transport.handle_async_request = handle_async_request


def _same_event(transport: Any, worker: WorkerContext) -> None:
    """Tell of a client that several requests use."""
    invocation = current_invocation.get()
    if invocation is None or worker.checks is None:
        return
    if getattr(transport, "_sandbox_ctx", invocation.ctx) is not invocation.ctx:
        worker.checks.found("global-io", "an httpx.AsyncClient of another request is used")
    transport._sandbox_ctx = invocation.ctx


async def _fetched(httpx: Any, worker: WorkerContext, request: httpx.Request) -> Any:
    """One hop: httpx follows redirects itself, and says so in its history."""
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw]
    stream = request.stream
    body = (b"".join(stream) or None) if isinstance(stream, httpx.ByteStream) else aiter(stream)
    asked = exchange.new_request(str(request.url), method=request.method, headers=headers, body=body)
    asked._redirect = "manual"
    return await worker.outbound.fetch(worker.name, asked)


def _plain_headers(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Egress has undone the content codings it knows; httpx must not try again."""
    encoding = next((value.strip().lower() for name, value in headers if name == "content-encoding"), None)
    if encoding is None or not can_decode(encoding):
        return headers
    return [pair for pair in headers if pair[0] not in ("content-encoding", "content-length")]


async def _awaited(work: Awaitable[T]) -> T:
    return await work


async def _within(seconds: float | None, work: Awaitable[T]) -> T:
    """The result, or TimeoutError. In a task of its own where there is a limit: a promise's first step runs in its
    caller's task, where `asyncio.timeout` may not be entered."""
    if seconds is None:
        return await work
    context = copy_context()
    context.run(given_from.set, called_from(sys._getframe(1)))
    task = asyncio.get_running_loop().create_task(_awaited(work), context=context)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
    except BaseException:
        task.cancel()
        raise
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()
