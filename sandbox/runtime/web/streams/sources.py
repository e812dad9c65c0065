"""Streams that the host makes: over what is at hand, or over an iterator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from sandbox.runtime.values import Uint8Array
from sandbox.runtime.web.streams.readable import ReadableStream, _plain
from sandbox.runtime.web.text import utf8


def stream_of(body: bytes | str | AsyncIterator[bytes]) -> ReadableStream:
    """A stream of the host's: over bytes or text at hand, or over an iterator that is asked one chunk at a time."""
    if isinstance(body, (bytes, str)):
        made = _plain(None, None)
        data = body if isinstance(body, bytes) else utf8(body)
        if data:
            made._queue.append((Uint8Array._over(data), len(data)))
            made._closing = True
        else:
            made._finish()
        return made

    async def pull(controller: Any) -> None:
        try:
            chunk = await anext(body)
        except StopAsyncIteration:
            made._close()
        else:
            made._enqueue(Uint8Array._over(chunk))

    made = _plain(pull, None)
    made._host = body
    return made
