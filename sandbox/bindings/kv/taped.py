"""What stands before a namespace while a packet is at work: reads are put on its tape, or played from it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import sandbox.bindings.kv.limits as limits
from sandbox.bindings.kv.large import LargeValue
from sandbox.bindings.kv.store import Entry, Found, KvStore, ListedKey, Page
from sandbox.runtime.playback import Playback
from sandbox.runtime.tape import RecordedList, RecordedRead, Tape

Value = bytes | bytearray | memoryview | AsyncIterator[bytes]


def taped(tape: Tape, store: KvStore) -> Taped | Played:
    """The namespace as the packet of `tape` has it."""
    found: Taped | Played | None = tape.stores.get(store.namespace)
    if found is None:
        found = Played(tape, store) if isinstance(tape, Playback) else Taped(tape, store)
        tape.stores[store.namespace] = found
    return found


class Taped:
    """Passes everything on, and keeps what was read. What the packet wrote itself is not kept: it will write it again."""

    def __init__(self, tape: Tape, store: KvStore) -> None:
        self._tape = tape
        self._store = store
        self._written: set[str] = set()

    @property
    def is_open(self) -> bool:
        return self._store.is_open

    async def open(self) -> None:
        await self._store.open()

    def lookup(self, key: bytes) -> Found | None:
        found, name = self._store.lookup(key), _text(key)
        if name in self._written or not self._tape.open:
            return found
        if found is None:
            self._tape.kv_read(RecordedRead(self._store.namespace, name, False))
            return None

        def keep(value: bytes) -> None:
            read = RecordedRead(self._store.namespace, name, True, value, found.metadata_json, found.expiration)
            self._tape.kv_read(read)

        if isinstance(found.value, bytes):
            keep(found.value)
            return found
        return Found(Watched(found.value, keep), found.metadata_json, found.expiration)

    async def get(self, key: str) -> Entry | None:
        return await _entry(self, key)

    async def put(self, key: str, value: Value, **options: Any) -> None:
        await self._store.put(key, value, **options)
        self._wrote("put", key)

    async def delete(self, key: str) -> None:
        await self._store.delete(key)
        self._wrote("delete", key)

    async def list(self, prefix: str = "", limit: int | None = None, cursor: str | None = None) -> Page:
        page = await self._store.list(prefix, limit, cursor)
        keys = [(key.name, key.expiration, key.metadata_json) for key in page.keys]
        namespace = self._store.namespace
        self._tape.kv_listed(RecordedList(namespace, prefix, limit, cursor, keys, page.cursor, page.complete))
        return page

    def _wrote(self, verb: str, key: str) -> None:
        self._written.add(key)
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
        self._written: dict[str, Entry | None] = {}

    @property
    def is_open(self) -> bool:
        return self._store.is_open

    async def open(self) -> None:
        await self._store.open()

    def lookup(self, key: bytes) -> Found | None:
        name = _text(key)
        if name in self._written:
            entry = self._written[name]
            return None if entry is None else Found(entry.value, entry.metadata_json, entry.expiration)
        read = self._tape.read_of(self._store.namespace, name)
        if read is None:
            return self._store.lookup(key)
        return Found(read.value or b"", read.metadata_json, read.expiration) if read.found else None

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
        self._written[key] = Entry(bytes(whole), metadata_json, expires)

    async def delete(self, key: str) -> None:
        limits.key_bytes(key)
        await self._tape.turn(f"kv delete {self._store.namespace} {key}")
        self._written[key] = None

    async def list(self, prefix: str = "", limit: int | None = None, cursor: str | None = None) -> Page:
        page = self._tape.list_of(self._store.namespace, prefix, limit, cursor)
        if page is None:
            return await self._store.list(prefix, limit, cursor)
        await self._tape.turn(f"kv list {page.namespace} {page.prefix}")
        keys = [ListedKey(name, expiration, metadata) for name, expiration, metadata in page.keys]
        return Page(keys, page.next_cursor, page.complete)


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
