"""Bodies of answers on their way to worker code: decoded, and failing as JavaScript's do."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sandbox.egress.counting import close
from sandbox.egress.inflate import can_decode, inflate
from sandbox.errors import SandboxError
from sandbox.runtime.values import throw


def decoded(body: AsyncIterator[bytes], headers: list[tuple[str, str]]) -> AsyncIterator[bytes]:
    """The body without its Content-Encoding; the header stays, as it does on Cloudflare."""
    encoding = next((value.strip().lower() for name, value in headers if name == "content-encoding"), "")
    return inflate(body, encoding) if can_decode(encoding) else body


class ForWorker:
    """A body for worker code, to which a broken connection or a bomb is a JavaScript error. Closing it closes `source`
    too, which a generator that was never started would not do."""

    __slots__ = ("_pieces", "_source")

    def __init__(self, pieces: AsyncIterator[bytes], source: AsyncIterator[bytes]) -> None:
        self._pieces = pieces
        self._source = source

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._pieces.__anext__()
        except SandboxError as error:
            throw("TypeError", error.message)

    async def aclose(self) -> None:
        await close(self._pieces)
        await close(self._source)


async def pieces(body: bytes | AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A body as a stream, whatever it is."""
    if isinstance(body, bytes):
        yield body
    else:
        async for chunk in body:
            yield chunk
