"""Bytes on the connection: one write for a small answer, chunk by chunk with back-pressure for a stream.

aiohttp's own response classes add a Server and a Content-Type header that no worker set and cost a third of a small
request's time, so the status line and the headers are written here; aiohttp keeps parsing, connections and flow control.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from sandbox.errors import ClientGone
from sandbox.host.errors import PlainAnswer, json_answer, reason

JOIN_BELOW = 64 * 1024
"""Bodies up to here (bytes) go out in one write with their headers."""


class Ready:
    """A finished answer in the shape aiohttp's connection wants: `data` is everything that is still to be written."""

    __slots__ = ("_body", "_head", "_writer", "keep_alive")

    def __init__(self, head: bytes = b"", body: bytes = b"", *, keep_alive: bool) -> None:
        self._head = head
        self._body = body
        self._writer: AbstractStreamWriter | None = None
        self.keep_alive = keep_alive

    @property
    def parts(self) -> tuple[bytes, bytes]:
        """Head and body as they will go out."""
        return self._head, self._body

    async def prepare(self, request: web.BaseRequest) -> None:
        self._writer = request.writer

    async def write_eof(self, data: bytes = b"") -> None:
        writer = self._writer
        if writer is None or not self._head:
            return
        if len(self._body) <= JOIN_BELOW:
            await writer.write_eof(self._head + self._body)
        else:
            await writer.write(self._head)
            await writer.write_eof(self._body)


class Connection(web.RequestHandler):
    """One client connection: tells when it is lost, and answers what is not HTTP with our error shape."""

    __slots__ = ("on_lost",)

    def __init__(self, manager: web.Server, *, loop: asyncio.AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self.on_lost: Callable[[], None] | None = None

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; another cannot follow")
        if status >= 500:
            self.log_exception("a request failed inside the host", exc_info=exc)
            error = {"code": "internal", "message": "the sandbox failed", "hint": None}
        else:
            error = {"code": "bad_request", "message": "this is not a valid HTTP request", "hint": None}
        return as_response(plain(json_answer(status, {"success": False, "error": error}), keep_alive=False))


def as_response(ready: Ready) -> web.StreamResponse:
    """aiohttp calls `prepare`, `write_eof` and `keep_alive` of what a handler returns, and nothing else."""
    return ready  # type: ignore[return-value]


def build_head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    """Status line and headers. Raises ValueError where a name or value would end its line."""
    lines = [f"HTTP/1.1 {status} {reason(status)}"]
    lines += [f"{name}: {value}" for name, value in headers]
    text = "\r\n".join(lines)
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        raise ValueError("a header holds CR, LF or NUL")
    return f"{text}\r\n\r\n".encode("utf-8", "replace")


def plain(
    answer: PlainAnswer, *, keep_alive: bool, head_only: bool = False, extra: Iterable[tuple[str, str]] = ()
) -> Ready:
    """An answer of our own."""
    headers = [
        *answer.headers,
        ("content-length", str(len(answer.body))),
        ("x-content-type-options", "nosniff"),
        *extra,
    ]
    if not keep_alive:
        headers.append(("connection", "close"))
    return Ready(build_head(answer.status, headers), b"" if head_only else answer.body, keep_alive=keep_alive)


def has_left(request: web.BaseRequest) -> bool:
    """Whether the client's connection is gone or going."""
    transport = request.transport
    return transport is None or transport.is_closing()


async def pump(
    request: web.BaseRequest, head: bytes, body: AsyncIterator[bytes], *, chunked: bool, length: int | None, gzip: bool
) -> int:
    """Send `head`, then `body` as it comes; returns the body bytes taken from it.

    Waits whenever the client reads slower than the body grows. When the client goes, the wait for the next chunk ends,
    the body is closed (which cancels the stream behind it) and ClientGone is raised. Raises ValueError where the body
    is not `length` bytes long.
    """
    writer = request.writer
    connection = request.protocol
    task = asyncio.current_task()
    assert task is not None
    lost = False

    def on_lost() -> None:
        nonlocal lost
        lost = True
        task.cancel()

    compressor = zlib.compressobj(wbits=31) if gzip else None
    total = 0
    assert isinstance(connection, Connection)
    connection.on_lost = on_lost
    try:
        if request.transport is None:
            raise ClientGone
        await writer.write(head)
        async for chunk in body:
            if not chunk:
                continue
            total += len(chunk)
            if length is not None and total > length:
                raise ValueError(f"the body is longer than its Content-Length of {length}")
            if compressor is not None:
                chunk = compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
            await writer.write(_frame(chunk) if chunked else chunk)
        if length is not None and total != length:
            raise ValueError(f"the body ended after {total} of {length} bytes")
        last = compressor.flush() if compressor is not None else b""
        end = (_frame(last) + b"0\r\n\r\n" if last else b"0\r\n\r\n") if chunked else last
        await writer.write_eof(end)
    except ConnectionError:
        raise ClientGone from None
    except asyncio.CancelledError:
        if not lost:
            raise
        task.uncancel()
        raise ClientGone from None
    finally:
        connection.on_lost = None
        await close_body(body)
    return total


def _frame(chunk: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


async def close_body(body: Any) -> None:
    """Close a body iterator that will not be read to its end; what its owner's clean-up raises is its own affair."""
    close = getattr(body, "aclose", None)
    if close is not None:
        with suppress(Exception):
            await close()
