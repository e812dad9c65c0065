"""Values over 256 KiB: kept and read in pieces, a replaced one until its last reader is done."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable

from sandbox.bindings.kv.rows import PIECE_BYTES, READ_PIECE
from sandbox.storage import Database


class Pins:
    """Which versions are being read, and which are no longer wanted. Used on the loop's thread only: a reader pins a
    version in the same step in which it finds it, so that none is removed between the two."""

    def __init__(self) -> None:
        self._readers: Counter[int] = Counter()
        self._retired: set[int] = set()
        self._garbage: set[int] = set()

    def pin(self, version: int) -> None:
        self._readers[version] += 1

    def unpin(self, version: int) -> None:
        self._readers[version] -= 1
        if self._readers[version] <= 0:
            del self._readers[version]
            if version in self._retired:
                self._retired.discard(version)
                self._garbage.add(version)

    def retire(self, versions: Iterable[int]) -> None:
        """No entry points to these any more."""
        for version in versions:
            (self._retired if version in self._readers else self._garbage).add(version)

    def take_garbage(self) -> tuple[int, ...]:
        """Versions to remove now; `retire` them again where that fails."""
        if not self._garbage:
            return ()
        taken = tuple(self._garbage)
        self._garbage.clear()
        return taken


class LargeValue:
    """A stored value read in pieces of 256 KiB. It stays as it was found, whatever is put meanwhile, until it was
    read to its end, closed or dropped."""

    def __init__(self, database: Database, pins: Pins, version: int, size: int) -> None:
        self.size = size
        self._database = database
        self._pins = pins
        self._version = version
        self._number = 0
        self._open = True
        pins.pin(version)

    def __aiter__(self) -> LargeValue:
        return self

    async def __anext__(self) -> bytes:
        if not self._open:
            raise StopAsyncIteration
        if self._number * PIECE_BYTES >= self.size:
            self.close()
            raise StopAsyncIteration
        where = (self._version, self._number)
        found = await self._database.read(lambda connection: connection.execute(READ_PIECE, where).fetchone())
        self._number += 1
        return bytes(found[0])

    async def read(self) -> bytes:
        """The whole value."""
        return b"".join([piece async for piece in self])

    def close(self) -> None:
        """Let go of the value. Idempotent."""
        if self._open:
            self._open = False
            self._pins.unpin(self._version)

    async def aclose(self) -> None:
        """What a cancelled stream calls."""
        self.close()

    def __del__(self) -> None:
        self.close()


async def pieces(head: bytes, rest: AsyncIterator[bytes] | None = None) -> AsyncIterator[bytes]:
    """`head`, then `rest`, cut anew into pieces of the stored size (the last may be shorter)."""
    view = memoryview(head)
    whole = len(view) // PIECE_BYTES * PIECE_BYTES
    for start in range(0, whole, PIECE_BYTES):
        yield bytes(view[start : start + PIECE_BYTES])
    left = bytearray(view[whole:])
    if rest is not None:
        async for more in rest:
            left += more
            while len(left) >= PIECE_BYTES:
                yield bytes(left[:PIECE_BYTES])
                del left[:PIECE_BYTES]
    if left:
        yield bytes(left)
