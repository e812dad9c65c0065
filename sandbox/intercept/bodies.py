"""Answers that arrive slowly, or not to their end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sandbox.clock import Clock
from sandbox.intercept.faults import Fault
from sandbox.runtime import exchange
from sandbox.runtime.values import throw
from sandbox.runtime.web import Response

PIECES_PER_SECOND = 10


def shaped(response: Response, faults: list[Fault], clock: Clock) -> Response:
    """The same answer with its body on the way as the faults say."""
    status, headers, body = int(response.status), exchange.header_pairs(response), exchange.take_body(response)
    manual = response.encodeBody == "manual"
    if body is None:
        return exchange.make_response(None, status=status, headers=headers)
    stream: Any = body
    for fault in faults:
        config = fault.config
        if config.kind == "slow_body":
            stream = _Shaped(_slowly(stream, config.bytes_per_second, clock), stream)
        else:
            stream = _Shaped(_cut(stream, config.after_bytes), stream)
    made = exchange.make_response(stream, status=status, headers=headers)
    if manual:
        made._encode_body = "manual"
    return made


class _Shaped:
    """A body and the one it comes from, which is closed with it (a generator that never began would not do that)."""

    __slots__ = ("_pieces", "_source")

    def __init__(self, pieces: AsyncIterator[bytes], source: Any) -> None:
        self._pieces: Any = pieces
        self._source = source

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes = await self._pieces.__anext__()
        return chunk

    async def aclose(self) -> None:
        await self._pieces.aclose()
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


async def _slowly(body: Any, bytes_per_second: int, clock: Clock) -> AsyncIterator[bytes]:
    size = max(1, bytes_per_second // PIECES_PER_SECOND)
    async for chunk in _chunks(body):
        for at in range(0, len(chunk), size):
            piece = chunk[at : at + size]
            await clock.sleep(len(piece) / bytes_per_second)
            yield piece


async def _cut(body: Any, after: int) -> AsyncIterator[bytes]:
    left = after
    async for chunk in _chunks(body):
        if len(chunk) >= left:
            if left:
                yield chunk[:left]
            break
        left -= len(chunk)
        yield chunk
    throw("TypeError", "Network connection lost.")


async def _chunks(body: Any) -> AsyncIterator[bytes]:
    if isinstance(body, bytes):
        yield body
        return
    async for chunk in body:
        yield chunk
