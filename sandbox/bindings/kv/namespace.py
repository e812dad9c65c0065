"""The object worker code sees as a KV binding: JavaScript values in, JavaScript values out, Cloudflare's errors.

What each call answers is recorded in the conformance tests from Miniflare behind real Pyodide; where those say nothing,
workerd's `kv.c++` decides.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import sandbox.bindings.kv.json_text as json_text
import sandbox.bindings.kv.limits as limits
from sandbox.bindings.kv.large import LargeValue
from sandbox.bindings.kv.limits import KeyNameRefused, KvRefused
from sandbox.bindings.kv.store import Found, KvStore
from sandbox.bindings.kv.taped import Played, Taped, taped
from sandbox.portability.kv import KvUse
from sandbox.runtime.owner import current_invocation
from sandbox.runtime.protocols import KvOperation, Points
from sandbox.runtime.tape import current_tape
from sandbox.runtime.trace import count_reads
from sandbox.runtime.values import (
    ArrayBuffer,
    BufferView,
    HostObject,
    JsArray,
    JsException,
    JsMap,
    JsObject,
    JsProxy,
    bytes_of,
    js_method,
    js_str,
    jsnull,
    json_stringify,
    option,
    throw,
    to_number,
)
from sandbox.runtime.web.streams import ReadableStream, stream_of
from sandbox.storage import StorageClosed, StorageFull

_READ_TYPES = frozenset({"text", "json", "arrayBuffer", "stream"})
_ARRAY_INDEX = re.compile(r"(0|[1-9]\d{0,9})\Z")


class KvNamespace(HostObject):
    """A KV binding. `js_name` is what the SDK recognises it by."""

    js_name = "KvNamespace"

    def __init__(
        self,
        store: KvStore,
        points: Points | None = None,
        worker: str = "",
        binding: str = "",
        use: KvUse | None = None,
    ) -> None:
        self._plain = store
        self._points = points or Points()
        self._worker = worker
        self._binding = binding
        self._use = use

    @property
    def _store(self) -> KvStore | Taped | Played:
        """The namespace as the code at work has it: through the tape of its packet where it has one."""
        tape = current_tape.get()
        return self._plain if tape is None else taped(tape, self._plain)

    @js_method
    async def get(self, name: Any, options: Any) -> Any:
        """`get(key, type | {type, cacheTtl})`, or a Map for `get([keys], ...)`; null where there is nothing."""
        if isinstance(name, JsArray):
            return await self._get_bulk(name, options, with_metadata=False)
        value_type, cache_ttl = _get_options(options)
        store = self._store
        try:
            key = limits.key_bytes(name if type(name) is str else js_str(name))
            if self._points.kv is not None:
                key = limits.key_bytes((await self._passed(self._operation("get", js_str(name)))).keys[0])
            if cache_ttl is not None:
                limits.check_cache_ttl(cache_ttl)
            if not store.is_open:
                await store.open()
            found = store.lookup(key)
            count_reads()
            if self._use is not None:
                self._read(key, found)
        except (KvRefused, StorageFull, StorageClosed) as error:
            raise _thrown("GET", error) from None
        if found is None:
            return jsnull
        value = found.value
        if value_type == "text" and isinstance(value, bytes):
            return value.decode(errors="replace")
        return await _converted(value, value_type)

    @js_method
    async def getWithMetadata(self, name: Any, options: Any) -> Any:
        """`{value, metadata, cacheStatus}`, or a Map of `{value, metadata}` for a list of keys."""
        if isinstance(name, JsArray):
            return await self._get_bulk(name, options, with_metadata=True)
        value_type, cache_ttl = _get_options(options)
        try:
            key = limits.key_bytes(js_str(name))
            if self._points.kv is not None:
                key = limits.key_bytes((await self._passed(self._operation("get", js_str(name)))).keys[0])
            limits.check_cache_ttl(cache_ttl)
            await self._store.open()
            found = self._store.lookup(key)
            count_reads()
            if self._use is not None:
                self._read(key, found)
        except (KvRefused, StorageFull, StorageClosed) as error:
            raise _thrown("GET", error) from None
        value: Any = jsnull
        metadata: Any = jsnull
        if found is not None:
            value = await _converted(found.value, value_type)
            metadata = _metadata(found)
        return JsObject({"value": value, "metadata": metadata, "cacheStatus": jsnull})

    @js_method
    async def put(self, name: Any, value: Any, options: Any) -> None:
        """`put(key, value, {expiration, expirationTtl, metadata})`; the promise is kept when it is committed."""
        store = self._store
        try:
            key = limits.checked_key(js_str(name))
            expiration = _int_option(options, "expiration")
            ttl = _int_option(options, "expirationTtl")
            metadata = option(options, "metadata")
            metadata_json = None if metadata is None or metadata is jsnull else json_stringify(metadata)
            stored = _stored(value)
            if self._points.kv is not None:
                put = self._operation("put", key)
                put.value, put.metadata_json, put.expiration, put.expiration_ttl = (
                    stored,
                    metadata_json,
                    expiration,
                    ttl,
                )
                await self._passed(put)
                key, stored, metadata_json = limits.checked_key(put.keys[0]), put.value, put.metadata_json
                expiration, ttl = put.expiration, put.expiration_ttl
            if self._use is not None and not isinstance(store, Played):
                self._count()
                if self._use.put(self._plain.namespace, key):
                    raise KvRefused(429, "Too Many Requests")
            await store.put(key, stored, expiration=expiration, expiration_ttl=ttl, metadata_json=metadata_json)
        except (KvRefused, StorageFull, StorageClosed) as error:
            raise _thrown("PUT", error) from None

    @js_method
    async def delete(self, name: Any) -> None:
        """`delete(key)`; no error where there is nothing."""
        try:
            key = js_str(name)
            if self._points.kv is not None:
                limits.key_bytes(key)  # what the service would never see is refused first
                key = (await self._passed(self._operation("delete", key))).keys[0]
            self._count()
            await self._store.delete(key)
        except (KvRefused, StorageFull, StorageClosed) as error:
            raise _thrown("DELETE", error) from None

    @js_method
    async def list(self, options: Any) -> Any:
        """`list({prefix, limit, cursor})` -> `{keys, list_complete, cursor?, cacheStatus}`."""
        limit = _int_option(options, "limit")
        prefix, cursor = _text_option(options, "prefix"), _text_option(options, "cursor")
        try:
            if self._points.kv is not None:
                prefix = (await self._passed(self._operation("list", prefix or ""))).keys[0]
            self._count()
            page = await self._store.list(prefix or "", limit, cursor)
            count_reads()
        except (KvRefused, StorageFull, StorageClosed) as error:
            raise _thrown("GET", error) from None  # the service sees a listing as a GET
        keys = []
        for listed in page.keys:
            key: dict[str, Any] = {"name": listed.name}
            if listed.expiration is not None:
                key["expiration"] = listed.expiration
            if listed.metadata_json is not None:
                key["metadata"] = json_text.parse(listed.metadata_json)
            keys.append(JsObject(key))
        result: dict[str, Any] = {"keys": JsArray(keys), "list_complete": page.complete}
        if page.cursor is not None:
            result["cursor"] = page.cursor
        result["cacheStatus"] = jsnull
        return JsObject(result)

    async def _get_bulk(self, names: JsArray, options: Any, *, with_metadata: bool) -> JsMap:
        value_type, cache_ttl = _get_options(options)
        found: dict[str, Any] = {}
        size = 0
        try:
            limits.check_bulk(len(names), value_type)
            wanted = [js_str(name) for name in names]
            if self._points.kv is not None:
                wanted = (await self._passed(self._operation("get", *wanted))).keys
            await self._store.open()
            count_reads(len(names))
            self._count()
            for name in wanted:
                key = limits.bulk_key_bytes(name)
                limits.check_cache_ttl(cache_ttl)
                entry = self._store.lookup(key)
                if self._use is not None and not isinstance(self._store, Played):
                    self._use.looked_up(self._plain.namespace, key, entry is not None)
                if entry is None:
                    found[name] = jsnull
                    continue
                text = (await _whole(entry.value)).decode(errors="replace")
                size += len(text) + sum(char > "\uffff" for char in text) if not text.isascii() else len(text)
                if size > limits.MAX_BULK_CHARACTERS:  # at once: a hundred values may be 2.5 GB
                    raise limits.bulk_too_long()
                value = text if value_type == "text" else _bulk_json(text)
                found[name] = JsObject({"value": value, "metadata": _metadata(entry)}) if with_metadata else value
        except (KvRefused, StorageFull, StorageClosed) as error:
            raise _thrown("GET_BULK", error) from None
        # workerd builds the Map from an object's properties and leaves out those that are array indexes.
        return JsMap([(name, value) for name, value in found.items() if not _is_array_index(name)])

    def _count(self) -> None:
        if self._use is not None and self._use.operation():
            throw("Error", limits.TOO_MANY_OPERATIONS)

    def _read(self, key: bytes, found: Found | None) -> None:
        """A read for the counts; one of a stage that is played again is none of KV's."""
        assert self._use is not None
        if current_tape.get() is not None and isinstance(self._store, Played):
            return
        if self._use.get(self._plain.namespace, key, found is not None):
            throw("Error", limits.TOO_MANY_OPERATIONS)

    def _operation(self, name: str, *keys: str) -> KvOperation:
        return KvOperation(name, self._worker, self._binding, self._plain.namespace, list(keys))

    async def _passed(self, operation: KvOperation) -> KvOperation:
        """The operation after what stands in its way. Raises KvRefused where that refuses, JsException."""
        gate = self._points.kv
        status = await gate.kv(operation) if gate is not None else None
        if status is not None:
            raise KvRefused(status, limits.reason(status))
        return operation


def _thrown(operation: str, error: KvRefused | StorageFull | StorageClosed) -> JsException:
    if isinstance(error, KeyNameRefused):
        return JsException("TypeError", error.message)
    return JsException("Error", f"KV {operation} failed: {error.status} {error.message}")


def _get_options(options: Any) -> tuple[str, int | None]:
    """The type asked for, and `cacheTtl`. Null stands for no options; a field set to null is coerced."""
    if options is None or options is jsnull:
        return "text", None
    if isinstance(options, str):
        return str(options), None
    if not isinstance(options, JsProxy):
        return js_str(options), None
    value_type = option(options, "type")
    return "text" if value_type is None else js_str(value_type), _int_option(options, "cacheTtl")


def _int_option(options: Any, name: str) -> int | None:
    value = option(options, name)
    if value is None:
        return None
    whole = limits.int32(to_number(value))
    if whole is None:
        throw("TypeError", limits.INT_RANGE)
    return whole


def _text_option(options: Any, name: str) -> str | None:
    value = option(options, name)
    return None if value is None or value is jsnull else js_str(value)


def _stored(value: Any) -> bytes | AsyncIterator[bytes]:
    """The bytes a put stores. Primitives are stored as their text; objects must hold bytes."""
    if isinstance(value, str):
        return limits.utf8(value)
    if isinstance(value, (ArrayBuffer, BufferView)):
        return bytes_of(value) or b""
    if isinstance(value, ReadableStream):
        if value.locked:
            throw("TypeError", "The ReadableStream has been locked to a reader.")  # workerd's words
        return value._chunks()
    if value is None or value is jsnull or isinstance(value, (bool, int, float)):
        return js_str(value).encode()
    return throw("TypeError", limits.VALUE_TYPES)


async def _whole(value: bytes | LargeValue) -> bytes:
    return value if isinstance(value, bytes) else await value.read()


async def _converted(value: bytes | LargeValue, value_type: str) -> Any:
    """A stored value as the type asked for; an unknown type only matters where there is a value."""
    if value_type == "stream":
        stream = stream_of(value)
        stream._owner = current_invocation.get()
        return stream
    if value_type not in _READ_TYPES:
        throw("TypeError", limits.RESPONSE_TYPES)
    content = await _whole(value)
    if value_type == "arrayBuffer":
        return ArrayBuffer._over(content)
    text = content.decode(errors="replace")
    return text if value_type == "text" else json_text.parse(text)


def _metadata(found: Found) -> Any:
    return jsnull if found.metadata_json is None else json_text.parse(found.metadata_json)


def _bulk_json(text: str) -> Any:
    try:
        return json_text.parse(text)
    except JsException:
        raise KvRefused(400, limits.NOT_JSON) from None


def _is_array_index(name: str) -> bool:
    return _ARRAY_INDEX.match(name) is not None and int(name) < 2**32 - 1
