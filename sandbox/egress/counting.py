"""Bodies that say how long they were."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

Body = bytes | AsyncIterator[bytes] | None


class Counted:
    """A stream that counts its bytes. `on_end(bytes)` is called once: at the end, when closed, or when dropped."""

    __slots__ = ("_on_end", "_source", "count")

    def __init__(self, source: AsyncIterator[bytes], on_end: Callable[[int], None] | None = None) -> None:
        self._source: Any = source
        self._on_end = on_end
        self.count = 0

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk: bytes = await self._source.__anext__()
        except BaseException:
            self._end()
            raise
        self.count += len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Close the source as well."""
        self._end()
        await close(self._source)

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self.count)


def count_body(body: Body, on_end: Callable[[int], None]) -> Body:
    """The same body; `on_end` learns its length, at once where it is known."""
    if body is None or isinstance(body, bytes):
        on_end(len(body or b""))
        return body
    return Counted(aiter(body), on_end)


async def close(body: Any) -> None:
    """Close a stream that will not be read to its end."""
    closer = getattr(body, "aclose", None)
    if closer is not None:
        await closer()
