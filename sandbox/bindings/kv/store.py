"""KV namespaces in SQLite files: one file per namespace id, shared by every worker that names the id."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sandbox.bindings.kv.cursor as cursors
import sandbox.bindings.kv.limits as limits
import sandbox.bindings.kv.rows as rows
from sandbox.bindings.kv.large import LargeValue, Pins, pieces
from sandbox.clock import Clock
from sandbox.errors import UserError
from sandbox.runtime.protocols import Emit, silent
from sandbox.storage import Database, StateFolderRefused, StorageClosed, Synchronous

SWEEP_EVERY_S = 60.0
SWEEP_ROWS = 1000
QUICK_LIST_KEYS = 100  # longer pages are read on a thread, so that the loop never waits for a long scan


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored value. `metadata_json` is its metadata as JSON text, `expiration` is in seconds since the epoch."""

    value: bytes
    metadata_json: str | None = None
    expiration: int | None = None

    @property
    def metadata(self) -> Any:
        """The metadata as plain Python data; None where there is none."""
        return None if self.metadata_json is None else json.loads(self.metadata_json)


@dataclass(frozen=True, slots=True)
class Found:
    """What a lookup finds: the bytes of a small value, or a large one to be read in pieces."""

    value: bytes | LargeValue
    metadata_json: str | None
    expiration: int | None


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key of a listing."""

    name: str
    expiration: int | None
    metadata_json: str | None

    @property
    def metadata(self) -> Any:
        """The metadata as plain Python data; None where there is none."""
        return None if self.metadata_json is None else json.loads(self.metadata_json)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a listing. `cursor` is None when it is `complete`."""

    keys: list[ListedKey]
    cursor: str | None
    complete: bool


class KvStore:
    """One namespace. Plain Python: the object worker code sees, the command line and tests all stand on it.

    Every method raises `KvRefused` with Cloudflare's text and status where KV does not accept the arguments.
    A `put` that was awaited is seen by the next `get`. Entries whose time has come are invisible at once and removed
    later, by writes that come along.
    """

    def __init__(
        self, namespace: str, path: Path, clock: Clock, emit: Emit, *, synchronous: Synchronous = "NORMAL"
    ) -> None:
        self.namespace = namespace
        self.path = path
        self._clock = clock
        self._emit = emit
        self._synchronous: Synchronous = synchronous
        self._database: Database | None = None
        self._opening = asyncio.Lock()
        self._pins = Pins()
        self._next_version = 1
        self._next_sweep = -math.inf

    async def get(self, key: str) -> Entry | None:
        """The entry of a key, its value whole; None where there is none or its time is over."""
        encoded = limits.key_bytes(key)
        await self.open()
        found = self.lookup(encoded)
        if found is None:
            return None
        value = found.value if isinstance(found.value, bytes) else await found.value.read()
        return Entry(value, found.metadata_json, found.expiration)

    async def get_many(self, keys: Iterable[str]) -> dict[str, Entry | None]:
        """The entries of several keys, in the order asked for."""
        return {key: await self.get(key) for key in keys}

    async def put(
        self,
        key: str,
        value: bytes | bytearray | memoryview | AsyncIterator[bytes],
        *,
        expiration: int | None = None,
        expiration_ttl: int | None = None,
        metadata: Any = None,
        metadata_json: str | None = None,
    ) -> None:
        """Store a value; return when it is committed. Metadata is any JSON-able value, or JSON text.

        A stream is taken piece by piece; one that grows over the limit is refused without being held, and the key
        keeps what it had.
        """
        encoded = limits.key_bytes(key)
        expires = limits.expires_at(self._clock.now(), expiration, expiration_ttl)
        if metadata is not None:
            metadata_json = json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))
        limits.check_metadata(metadata_json)
        await self.open()
        if isinstance(value, (bytes, bytearray, memoryview)):
            whole = bytes(value)
            if len(whole) > limits.MAX_VALUE_BYTES:
                raise limits.value_too_long(len(whole))
            if len(whole) <= rows.INLINE_BYTES:
                await self._write(rows.Put(encoded, whole, expires, metadata_json))
            else:
                await self._put_large(encoded, pieces(whole), expires, metadata_json)
        else:
            await self._put_stream(encoded, value, expires, metadata_json)
        self._emit("kv.put", namespace=self.namespace, key=key)

    async def delete(self, key: str) -> None:
        """Remove a key; no error where there is none."""
        encoded = limits.key_bytes(key)
        await self.open()
        await self._write(rows.Delete(encoded))
        self._emit("kv.delete", namespace=self.namespace, key=key)

    async def list(self, prefix: str = "", limit: int | None = None, cursor: str | None = None) -> Page:
        """Keys in the order of their UTF-8 bytes, `limit` (1000 at most) to a page."""
        count = limits.list_limit(limit)
        start = limits.within_key_length(limits.utf8(prefix))
        after = cursors.decode(cursor) if cursor else b""
        await self.open()
        database = self._opened()
        sql, parameters = rows.listing(start, after, math.floor(self._clock.now()), count + 1)
        if count <= QUICK_LIST_KEYS:
            found = database.query(sql, parameters)
        else:
            found = await database.read(lambda connection: connection.execute(sql, parameters).fetchall())
        keys = [ListedKey(key.decode(), expiration, metadata) for key, expiration, metadata in found[:count]]
        complete = len(found) <= count
        return Page(keys, None if complete else cursors.encode(found[count - 1][0]), complete)

    async def sweep(self, now: float | None = None) -> int:
        """Remove every entry whose time is over at `now` (default: by the clock). Returns how many.

        Before the clock is moved back, sweep at the old time: what has expired stays gone.
        """
        await self.open()
        moment = math.floor(self._clock.now() if now is None else now)
        removed = 0
        while True:
            swept = await self._write(rows.Sweep(moment, SWEEP_ROWS))
            removed += swept
            if swept < SWEEP_ROWS:
                return removed

    async def open(self) -> None:
        """Open the file; at once where it is open. `get` and `list` of small things never wait after that."""
        if self._database is not None:
            return
        async with self._opening:
            if self._database is not None:
                return
            database = await Database.open(self.path, migrations=rows.MIGRATIONS, synchronous=self._synchronous)
            try:
                self._next_version = await database.write(rows.collect_garbage)
            except BaseException:  # cancelled, perhaps: nobody else knows of it yet
                await database.close()
                raise
            if database.damage is not None:
                self._emit("kv.damaged", namespace=self.namespace, text=str(database.damage))
            self._database = database

    @property
    def is_open(self) -> bool:
        return self._database is not None

    async def close(self) -> None:
        """Close the file. The store may be used again, which opens it anew."""
        async with self._opening:  # one that is being opened is closed as well
            database, self._database = self._database, None
            if database is not None:
                await database.close()

    def lookup(self, key: bytes) -> Found | None:
        """The entry of an encoded key, at once (the store must be open). A large value must be read or closed."""
        found = self._opened().query(rows.LOOKUP, (key,))
        if not found:
            return None
        value, version, size, expiration, metadata = found[0]
        if expiration is not None and expiration <= self._clock.now():
            return None
        if version is not None:
            value = LargeValue(self._opened(), self._pins, version, size)
        return Found(value, metadata, expiration)

    def _opened(self) -> Database:
        if self._database is None:
            raise StorageClosed(f"KV namespace {self.namespace} is not open.")
        return self._database

    async def _write(self, change: rows.Change) -> int:
        """Commit a change; with it go the pieces of values that were replaced and, now and then, expired entries."""
        now = self._clock.now()
        sweep = None
        due = now >= self._next_sweep or now < self._next_sweep - SWEEP_EVERY_S  # also when the clock moved back
        if due and not isinstance(change, rows.Sweep):
            self._next_sweep = now + SWEEP_EVERY_S
            sweep = rows.Sweep(math.floor(now), SWEEP_ROWS)
        database, garbage = self._opened(), self._pins.take_garbage()
        unused = [change.version] if isinstance(change, rows.Put) and change.version is not None else []

        def settled(result: tuple[int, list[int]], error: BaseException | None) -> None:
            # also where the caller was cancelled, for the write happens all the same
            self._pins.retire(result[1] if error is None else [*garbage, *unused])

        try:
            write = database.write(lambda connection: rows.apply(connection, change, garbage, sweep), settled=settled)
            return (await write)[0]
        except StorageClosed:  # never queued
            self._pins.retire([*garbage, *unused])
            raise

    async def _put_stream(
        self, key: bytes, stream: AsyncIterator[bytes], expires: int | None, metadata_json: str | None
    ) -> None:
        head = bytearray()
        async for piece in stream:
            head += piece
            if len(head) > rows.INLINE_BYTES:
                await self._put_large(key, pieces(bytes(head), stream), expires, metadata_json)
                return
        await self._write(rows.Put(key, bytes(head), expires, metadata_json))

    async def _put_large(
        self, key: bytes, content: AsyncIterator[bytes], expires: int | None, metadata_json: str | None
    ) -> None:
        """Write the pieces under a version nobody sees yet, then make the key point to it in one step."""
        version = self._next_version
        self._next_version += 1
        size = number = 0
        try:
            async for piece in content:
                size += len(piece)
                if size > limits.MAX_VALUE_BYTES:
                    raise limits.value_too_long(size)
                await self._opened().write(rows.Piece(version, number, piece))
                number += 1
        except BaseException:
            self._pins.retire([version])
            raise
        await self._write(rows.Put(key, None, expires, metadata_json, version, size))


class KvStores:
    """The namespaces under one folder, each opened when it is first used."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        emit: Emit = silent,
        *,
        synchronous: Synchronous = "NORMAL",
    ) -> None:
        self.folder = folder
        self._clock = clock
        self._emit = emit
        self._synchronous: Synchronous = synchronous
        self._stores: dict[str, KvStore] = {}

    def get(self, namespace: str) -> KvStore:
        """The store of a namespace id; the same object for everybody who asks. No file is touched yet.

        Raises `UserError` where the id has other characters than letters, digits, `_` and `-`, or more than 64.
        """
        found = self._stores.get(namespace)
        if found is None:
            if not limits.NAMESPACE_ID.match(namespace):
                raise UserError(
                    f"{namespace!r} cannot be a KV namespace id.",
                    hint="Use 1 to 64 letters, digits, '_' and '-'.",
                    code="kv_namespace_id",
                )
            if self.folder.is_symlink():
                raise StateFolderRefused(f"{self.folder} is a symbolic link.", hint="Remove it.")
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = self.folder / f"{namespace}.sqlite"
            found = KvStore(namespace, path, self._clock, self._emit, synchronous=self._synchronous)
            self._stores[namespace] = found
        return found

    def ids(self) -> list[str]:
        """Every namespace that holds data or was asked for, sorted."""
        stored = {path.stem for path in self.folder.glob("*.sqlite")} if self.folder.is_dir() else set()
        return sorted(name for name in stored | set(self._stores) if limits.NAMESPACE_ID.match(name))

    async def sweep(self, now: float | None = None) -> int:
        """Remove what has expired at `now` from every namespace, opened or not. Returns how many entries."""
        return sum([await self.get(namespace).sweep(now) for namespace in self.ids()])

    async def close(self) -> None:
        """Close every file."""
        for store in self._stores.values():
            await store.close()
