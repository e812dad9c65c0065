"""The KV binding as JavaScript sees it, where the recorded answers and the official suite say nothing."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.bindings.kv import KvNamespace, KvStores
from sandbox.bindings.kv.limits import MAX_VALUE_BYTES
from sandbox.clock import FakeClock
from sandbox.runtime.values import (
    ArrayBuffer,
    DataView,
    JsArray,
    JsException,
    JsMap,
    JsObject,
    Uint8Array,
    jsnull,
    json_stringify,
)
from sandbox.runtime.web.streams import ReadableStream, stream_of

MIB = 1024 * 1024


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[KvStores]:
    opened = KvStores(tmp_path / "kv", FakeClock())
    yield opened
    await opened.close()


@pytest.fixture
def kv(stores: KvStores) -> KvNamespace:
    return KvNamespace(stores.get("kv"))


async def bytes_in(stream: ReadableStream) -> bytes:
    return b"".join([chunk.to_bytes() async for chunk in stream])


async def refused(promise: Any) -> str:
    with pytest.raises(JsException) as refusal:
        await promise
    return str(refusal.value)


async def test_a_get_of_a_small_value_never_waits(kv: KvNamespace) -> None:
    await kv.put("k", "v")
    calls = [kv.get("k"), kv.get("k", "arrayBuffer"), kv.get("missing"), kv.get(JsArray(["k"]))]
    calls += [kv.getWithMetadata("k"), kv.list(limit=100)]
    assert [call._done for call in calls] == [True] * 6
    assert await kv.get("k") == "v"


async def test_its_class_name_is_what_the_sdk_looks_for(kv: KvNamespace) -> None:
    assert kv.constructor.name == "KvNamespace"
    assert str(kv) == "[object KvNamespace]"


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (ArrayBuffer._over(b"ab"), b"ab"),
        (Uint8Array(JsArray([1, 2, 300])), b"\x01\x02\x2c"),
        (DataView(ArrayBuffer._over(b"abcdef"), 2, 3), b"cde"),
        (Uint8Array._over(b"abcdef").subarray(1, 3), b"bc"),
        (jsnull, b"null"),
        (None, b"undefined"),
        (1e21, b"1e+21"),
        (-0.0, b"0"),
        ("\ud800x", "\ufffdx".encode()),
        ("", b""),
    ],
)
async def test_what_a_put_stores(kv: KvNamespace, stores: KvStores, value: Any, stored: bytes) -> None:
    await kv.put("k", value)
    entry = await stores.get("kv").get("k")
    assert entry is not None
    assert entry.value == stored


@pytest.mark.parametrize("value", [JsObject({"a": 1}), JsArray([1]), JsMap(), object(), JsException("Error", "x")])
async def test_objects_are_no_values(kv: KvNamespace, value: Any) -> None:
    assert await refused(kv.put("k", value)) == (
        "TypeError: KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values."
    )


@pytest.mark.parametrize("size", [0, 5, 300_000, 2 * MIB + 3])
async def test_streams_in_and_out(kv: KvNamespace, size: int) -> None:
    content = bytes(n % 253 for n in range(size))

    async def source() -> AsyncIterator[bytes]:
        for start in range(0, size, 70_000):
            yield content[start : start + 70_000]

    await kv.put("k", stream_of(source()))
    stream = await kv.get("k", "stream")
    assert isinstance(stream, ReadableStream)
    await kv.put("k", "changed meanwhile")
    assert await bytes_in(stream) == content
    await kv.put("copy", stream_of(content))
    assert (await kv.get("copy", "arrayBuffer")).to_bytes() == content
    assert len(await kv.get("copy", "text")) <= size


async def test_a_stream_from_one_key_into_another(kv: KvNamespace) -> None:
    await kv.put("a", "x" * MIB)
    await kv.put("b", await kv.get("a", "stream"))
    assert await kv.get("b") == "x" * MIB


async def test_a_stream_that_is_too_long(kv: KvNamespace) -> None:
    async def source() -> AsyncIterator[bytes]:
        for _ in range(25):
            yield bytes(MIB)
        yield b"!"

    text = await refused(kv.put("k", stream_of(source())))
    assert (
        text == f"Error: KV PUT failed: 413 Value length of {MAX_VALUE_BYTES + 1} exceeds limit of {MAX_VALUE_BYTES}."
    )
    assert await kv.get("k") is jsnull


async def test_a_locked_stream_is_refused(kv: KvNamespace) -> None:
    stream = stream_of(b"x")
    stream.getReader()
    assert await refused(kv.put("k", stream)) == "TypeError: The ReadableStream has been locked to a reader."


async def test_a_stream_that_is_dropped_lets_its_value_go(kv: KvNamespace, stores: KvStores) -> None:
    await kv.put("k", "x" * MIB)
    stream = await kv.get("k", "stream")
    await stream.cancel()
    await kv.put("k", "y" * MIB)
    dropped = await kv.get("k", "stream")
    del dropped
    gc.collect()
    await kv.delete("k")
    await kv.put("other", "")
    assert stores.get("kv")._opened().query("SELECT count(*) FROM pieces") == [(0,)]


async def test_an_unknown_type_only_matters_where_there_is_a_value(kv: KvNamespace) -> None:
    await kv.put("k", "v")
    assert await kv.get("missing", "blob") is jsnull
    assert "Unknown response type" in await refused(kv.get("k", "blob"))
    assert "Unknown response type" in await refused(kv.get("k", JsObject({"type": jsnull})))


@pytest.mark.parametrize("options", [None, jsnull, JsObject(), JsObject({"type": None, "cacheTtl": None})])
async def test_no_options_in_all_its_forms(kv: KvNamespace, options: Any) -> None:
    await kv.put("k", "v", JsObject({"expiration": None, "expirationTtl": None, "metadata": jsnull}))
    assert await kv.get("k", options) == "v"
    assert [key.name for key in (await kv.list(options)).keys] == ["k"]
    await kv.put("k", "w", options)


async def test_numbers_in_options_are_coerced_to_integers(kv: KvNamespace) -> None:
    put, invalid = "Error: KV PUT failed: 400 Invalid expiration_ttl of", "Please specify integer greater than 0."
    assert await refused(kv.put("k", "v", expirationTtl=jsnull)) == f"{put} 0. {invalid}"
    assert await refused(kv.put("k", "v", expirationTtl=float("nan"))) == f"{put} 0. {invalid}"
    assert await refused(kv.put("k", "v", expirationTtl=-0.5)) == f"{put} 0. {invalid}"
    assert await refused(kv.put("k", "v", expirationTtl=2**31)) == (
        "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive)."
    )
    await kv.put("k", "v", expirationTtl="120")
    listed = (await kv.list()).keys[0]
    assert (listed.name, listed.expiration) == ("k", 1_700_000_120)
    await kv.get("k", cacheTtl="30")
    assert "Cache TTL must be at least 30" in await refused(kv.getWithMetadata("k", cacheTtl=29.9))


async def test_names_are_coerced_to_strings(kv: KvNamespace) -> None:
    await kv.put(5, "five")
    await kv.put(jsnull, "null")
    await kv.put(JsObject(), "object")
    assert [key.name for key in (await kv.list()).keys] == ["5", "[object Object]", "null"]
    assert await kv.get(5.0) == "five"
    await kv.delete(JsArray(["5"]))
    assert await kv.get("5") is jsnull


async def test_refusals_name_their_operation(kv: KvNamespace) -> None:
    long = "k" * 513
    text = "failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512."
    assert await refused(kv.get(long)) == f"Error: KV GET {text}"
    assert await refused(kv.getWithMetadata(long)) == f"Error: KV GET {text}"
    assert await refused(kv.put(long, "")) == f"Error: KV PUT {text}"
    assert await refused(kv.delete(long)) == f"Error: KV DELETE {text}"
    assert await refused(kv.list(prefix=long)) == f"Error: KV GET {text}"
    assert await refused(kv.get(JsArray([long]))) == f"Error: KV GET_BULK {text}"
    assert await refused(kv.get(JsArray(["a", ""]))) == "Error: KV GET_BULK failed: 400 Key names must not be empty"


async def test_bulk_reads(kv: KvNamespace) -> None:
    await kv.put("a", '{"n": 1.0}', metadata=JsObject({"m": jsnull}))
    await kv.put("empty", "")
    await kv.put("7", "seven")
    found = await kv.get(JsArray(["missing", "a", "empty", "a", "7"]), "text")
    # workerd leaves names that are array indexes out of the Map
    assert [tuple(item) for item in found.items()] == [("missing", jsnull), ("a", '{"n": 1.0}'), ("empty", "")]
    with_metadata = await kv.getWithMetadata(JsArray(["a", "missing"]), JsObject({"type": "json"}))
    assert json_stringify(with_metadata.get("a")) == '{"value":{"n":1},"metadata":{"m":null}}'
    assert with_metadata.get("missing") is jsnull
    await kv.put("bad", "{")
    assert await refused(kv.get(JsArray(["a", "bad"]), "json")) == (
        "Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value"
    )


async def test_a_bulk_read_has_a_total_limit(kv: KvNamespace) -> None:
    names = JsArray(["a", "b"])
    await kv.put("a", "x" * (13 * MIB))
    await kv.put("b", "x" * (12 * MIB))
    assert (await kv.get(names)).size == 2
    await kv.put("b", "x" * (12 * MIB + 1))
    assert await refused(kv.get(names)) == (
        "Error: KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB"
    )


async def test_a_full_disk_is_an_error_of_the_put_only(kv: KvNamespace, stores: KvStores) -> None:
    await kv.put("k", "before")
    database = stores.get("kv")._opened()
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 1") and None)
    assert (await refused(kv.put("k", "x" * 100_000))).startswith("Error: KV PUT failed: 507 No space left")
    assert (await refused(kv.put("k", "x" * MIB))).startswith("Error: KV PUT failed: 507 No space left")
    assert await kv.get("k") == "before"
    await database.write(lambda c: c.execute("PRAGMA max_page_count = 100000") and None)
    await kv.put("k", "x" * MIB)
    assert await kv.get("k") == "x" * MIB
