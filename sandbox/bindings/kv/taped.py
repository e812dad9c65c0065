"""What stands before a namespace while a packet is at work: reads are put on its tape, or played from it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from enum import Enum
from typing import Any, Final, Literal

import sandbox.bindings.kv.limits as limits
from sandbox.bindings.kv.large import LargeValue
from sandbox.bindings.kv.rows import INLINE_BYTES
from sandbox.bindings.kv.store import Entry, Found, KvStore, ListedKey, Page
from sandbox.runtime.playback import Playback
from sandbox.runtime.tape import RecordedList, RecordedRead, Tape


class _Mark(Enum):
    NOTHING = "nothing is known yet"
    ANYTHING = "too long to compare"
    DELETED = "the packet has deleted it"


NOTHING: Final = _Mark.NOTHING
ANYTHING: Final = _Mark.ANYTHING
DELETED: Final = _Mark.DELETED
Deleted = Literal[_Mark.DELETED]
Known = bytes | None | _Mark
Value = bytes | bytearray | memoryview | AsyncIterator[bytes]


def taped(tape: Tape, store: KvStore) -> Taped | Played:
    """The namespace as the packet of `tape` has it."""
    found: Taped | Played | None = tape.stores.get(store.namespace)
    if found is None:
        found = Played(tape, store) if isinstance(tape, Playback) else Taped(tape, store)
        tape.stores[store.namespace] = found
    return found


class Taped:
    """Passes everything on, and keeps what was read and not known: not what the packet wrote itself, for it will write
    that again, nor what it had read before."""

    def __init__(self, tape: Tape, store: KvStore) -> None:
        self._tape = tape
        self._store = store
        self._known: dict[str, tuple[int, Known]] = {}
        """How often the packet read or wrote a key, and what it holds as far as the packet knows."""

    @property
    def is_open(self) -> bool:
        return self._store.is_open

    async def open(self) -> None:
        await self._store.open()

    def lookup(self, key: bytes) -> Found | None:
        found, name = self._store.lookup(key), _text(key)
        if not self._tape.open:
            return found
        at, known = self._known.get(name, (0, NOTHING))
        value = None if found is None else found.value
        self._known[name] = at + 1, ANYTHING if isinstance(value, LargeValue) else value
        if known is ANYTHING or value == known:
            return found
        namespace = self._store.namespace
        if found is None:
            self._tape.kv_read(RecordedRead(namespace, name, False, at=at))
            return None

        def keep(value: bytes) -> None:
            self._tape.kv_read(RecordedRead(namespace, name, True, value, found.metadata_json, found.expiration, at))

        if isinstance(found.value, bytes):
            keep(found.value)
            return found
        return Found(Watched(found.value, keep), found.metadata_json, found.expiration)

    async def get(self, key: str) -> Entry | None:
        return await _entry(self, key)

    async def put(self, key: str, value: Value, **options: Any) -> None:
        await self._store.put(key, value, **options)
        small = not isinstance(value, AsyncIterator) and len(value) <= INLINE_BYTES
        self._wrote("put", key, bytes(value) if small else ANYTHING)  # type: ignore[arg-type]  # no iterator

    async def delete(self, key: str) -> None:
        await self._store.delete(key)
        self._wrote("delete", key, None)

    async def list(self, prefix: str = "", limit: int | None = None, cursor: str | None = None) -> Page:
        page = await self._store.list(prefix, limit, cursor)
        keys = [(key.name, key.expiration, key.metadata_json) for key in page.keys]
        namespace = self._store.namespace
        self._tape.kv_listed(RecordedList(namespace, prefix, limit, cursor, keys, page.cursor, page.complete))
        return page

    def _wrote(self, verb: str, key: str, value: Known) -> None:
        self._known[key] = self._known.get(key, (0, NOTHING))[0] + 1, value
        self._tape.ended(f"kv {verb} {self._store.namespace} {key}")


class Watched(LargeValue):
    """A large value that is kept when it has been read to its end."""

    def __init__(self, value: LargeValue, keep: Callable[[bytes], None]) -> None:
        self.size = value.size
        self._value = value
        self._keep = keep
        self._pieces: list[bytes] = []

    async def __anext__(self) -> bytes:
        try:
            piece = await self._value.__anext__()
        except StopAsyncIteration:
            if sum(map(len, self._pieces)) == self.size:
                self._keep(b"".join(self._pieces))
            self._pieces = []
            raise
        self._pieces.append(piece)
        return piece

    def close(self) -> None:
        self._value.close()


class Played:
    """Answers reads from the recording, else from today's namespace (which is noted). Writes stay in here."""

    def __init__(self, tape: Playback, store: KvStore) -> None:
        self._tape = tape
        self._store = store
        self._keys: dict[str, _PlayedKey] = {}

    @property
    def is_open(self) -> bool:
        return self._store.is_open

    async def open(self) -> None:
        await self._store.open()

    def lookup(self, key: bytes) -> Found | None:
        name = _text(key)
        held = self._key(name).read()
        if isinstance(held, Entry):
            return Found(held.value, held.metadata_json, held.expiration)
        if held is DELETED:
            return None
        if held is None or (held.found and held.value is None):
            self._tape.not_read(self._store.namespace, name, held)
            return self._store.lookup(key)
        return Found(held.value or b"", held.metadata_json, held.expiration) if held.found else None

    def _key(self, name: str) -> _PlayedKey:
        found = self._keys.get(name)
        if found is None:
            found = self._keys[name] = _PlayedKey(self._tape.reads_of(self._store.namespace, name))
        return found

    async def get(self, key: str) -> Entry | None:
        return await _entry(self, key)

    async def put(
        self,
        key: str,
        value: Value,
        *,
        expiration: int | None = None,
        expiration_ttl: int | None = None,
        metadata: Any = None,
        metadata_json: str | None = None,
    ) -> None:
        limits.key_bytes(key)
        expires = limits.expires_at(self._tape.recorded.started_ns / 1e9, expiration, expiration_ttl)
        if metadata is not None:
            metadata_json = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
        limits.check_metadata(metadata_json)
        whole = bytearray()
        if isinstance(value, (bytes, bytearray, memoryview)):
            whole += value
        else:
            async for piece in value:
                whole += piece
        if len(whole) > limits.MAX_VALUE_BYTES:
            raise limits.value_too_long(len(whole))
        await self._tape.turn(f"kv put {self._store.namespace} {key}")
        self._key(key).wrote(Entry(bytes(whole), metadata_json, expires))

    async def delete(self, key: str) -> None:
        limits.key_bytes(key)
        await self._tape.turn(f"kv delete {self._store.namespace} {key}")
        self._key(key).wrote(DELETED)

    async def list(self, prefix: str = "", limit: int | None = None, cursor: str | None = None) -> Page:
        page = self._tape.list_of(self._store.namespace, prefix, limit, cursor)
        if page is None:
            return await self._store.list(prefix, limit, cursor)
        await self._tape.turn(f"kv list {page.namespace} {page.prefix}")
        keys = [ListedKey(name, expiration, metadata) for name, expiration, metadata in page.keys]
        return Page(keys, page.next_cursor, page.complete)


class _PlayedKey:
    """What one key holds for the packet: what was read then, until it writes itself, until it was read otherwise."""

    def __init__(self, reads: list[RecordedRead]) -> None:
        self._reads = deque(reads)
        self._held: RecordedRead | Entry | Deleted | None = None
        self._at = 0

    def read(self) -> RecordedRead | Entry | Deleted | None:
        """None where nothing is known of it."""
        while self._reads and (self._reads[0].at <= self._at or self._held is None):
            self._held = self._reads.popleft()
        self._at += 1
        return self._held

    def wrote(self, entry: Entry | Deleted) -> None:
        while self._reads and self._reads[0].at <= self._at:
            self._reads.popleft()  # it was read before this write then
        self._held = entry
        self._at += 1


async def _entry(store: Taped | Played, key: str) -> Entry | None:
    """As `KvStore.get` answers."""
    encoded = limits.key_bytes(key)
    await store.open()
    found = store.lookup(encoded)
    if found is None:
        return None
    value = found.value if isinstance(found.value, bytes) else await found.value.read()
    return Entry(value, found.metadata_json, found.expiration)


def _text(key: bytes) -> str:
    return key.decode("utf-8", "surrogatepass")
