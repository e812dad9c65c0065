"""A KV namespace as plain Python sees it, against a model and against the limits' texts."""

from __future__ import annotations

import asyncio
import base64
import math
import stat
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.bindings.kv import KeyNameRefused, KvRefused, KvStore, KvStores
from sandbox.bindings.kv.limits import MAX_VALUE_BYTES
from sandbox.clock import FakeClock
from sandbox.errors import UserError

MIB = 1024 * 1024


class Events:
    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, /, **fields: Any) -> None:
        self.seen.append((kind, fields))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
async def stores(tmp_path: Path, clock: FakeClock, events: Events) -> AsyncIterator[KvStores]:
    opened = KvStores(tmp_path / "kv", clock, events)
    yield opened
    await opened.close()


@pytest.fixture
def store(stores: KvStores) -> KvStore:
    return stores.get("test-kv")


async def value_of(store: KvStore, key: str) -> bytes | None:
    entry = await store.get(key)
    return None if entry is None else entry.value


async def names(store: KvStore, **options: Any) -> list[str]:
    return [key.name for key in (await store.list(**options)).keys]


async def test_an_entry_with_all_it_has(store: KvStore, clock: FakeClock) -> None:
    await store.put("k", b"\x00\xff", expiration_ttl=60, metadata={"a": [1, None], "é": "ü"})
    entry = await store.get("k")
    assert entry is not None
    assert entry.value == b"\x00\xff"
    assert entry.metadata == {"a": [1, None], "é": "ü"}
    assert entry.metadata_json == '{"a":[1,null],"é":"ü"}'
    assert entry.expiration == math.floor(clock.now()) + 60
    await store.put("k", b"again")
    entry = await store.get("k")
    assert entry is not None
    assert (entry.value, entry.metadata, entry.expiration) == (b"again", None, None)
    await store.delete("k")
    await store.delete("k")
    assert await store.get("k") is None


async def test_events_follow_the_commit(store: KvStore, events: Events) -> None:
    await store.put("a", b"1")
    await store.delete("a")
    with pytest.raises(KvRefused):
        await store.put("a", b"1", expiration_ttl=1)
    assert events.seen == [
        ("kv.put", {"namespace": "test-kv", "key": "a"}),
        ("kv.delete", {"namespace": "test-kv", "key": "a"}),
    ]


async def test_an_id_is_one_file_shared_by_all_who_name_it(stores: KvStores, clock: FakeClock) -> None:
    assert stores.get("a") is stores.get("a")
    assert stores.folder.joinpath("a.sqlite").exists() is False  # nothing is opened before it is used
    await stores.get("a").put("k", b"1")
    await stores.get("b").put("k", b"2")
    assert [await value_of(stores.get(name), "k") for name in ("a", "b")] == [b"1", b"2"]
    assert stat.S_IMODE(stores.folder.stat().st_mode) == 0o700
    again = KvStores(stores.folder, clock)
    assert again.ids() == ["a", "b"]
    await stores.close()
    assert await value_of(again.get("b"), "k") == b"2"
    await again.close()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a.b", "x" * 65, "é", "a\n", "a b"])
def test_a_namespace_id_cannot_lead_elsewhere(stores: KvStores, name: str) -> None:
    with pytest.raises(UserError, match="namespace id"):
        stores.get(name)


async def test_expired_entries_are_invisible_at_their_second(store: KvStore, clock: FakeClock) -> None:
    await store.put("stays", b"")
    await store.put("goes", b"", expiration_ttl=60)
    clock.advance(59.9)
    assert await names(store) == ["goes", "stays"]
    assert await store.get("goes") is not None
    clock.advance(0.1)
    assert await names(store) == ["stays"]
    assert await store.get("goes") is None


async def test_writes_sweep_what_has_expired(store: KvStore, clock: FakeClock) -> None:
    for n in range(30):
        await store.put(f"k{n}", bytes(300_000 if n == 0 else 1), expiration_ttl=60)
    clock.advance(3600)
    await store.put("a", b"")
    await store.put("b", b"")
    connection = store._opened()
    assert connection.query("SELECT count(*) FROM entries") == [(2,)]
    assert connection.query("SELECT count(*) FROM pieces") == [(0,)]


async def test_what_was_swept_before_the_clock_moved_back_stays_gone(stores: KvStores, clock: FakeClock) -> None:
    store = stores.get("a")
    await store.put("goes", b"", expiration_ttl=60)
    await store.put("stays", b"", expiration_ttl=600)
    clock.advance(60)
    assert await stores.sweep() == 1
    clock.advance(-3600)
    assert await names(store) == ["stays"]


@pytest.mark.parametrize(
    ("key", "text", "status"),
    [
        ("", "Key name cannot be empty.", 400),
        (".", '"." is not allowed as a key name.', 400),
        ("..", '".." is not allowed as a key name.', 400),
        ("é" * 257, "UTF-8 encoded length of 514 exceeds key length limit of 512.", 414),
    ],
)
async def test_key_names(store: KvStore, key: str, text: str, status: int) -> None:
    for attempt in (store.get(key), store.put(key, b""), store.delete(key)):
        with pytest.raises(KvRefused) as refusal:
            await attempt
        assert (refusal.value.message, refusal.value.status) == (text, status)
        assert isinstance(refusal.value, KeyNameRefused) == (status == 400)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"expiration_ttl": 0}, "Invalid expiration_ttl of 0. Please specify integer greater than 0."),
        ({"expiration_ttl": -1}, "Invalid expiration_ttl of -1. Please specify integer greater than 0."),
        ({"expiration_ttl": 59}, "Invalid expiration_ttl of 59. Expiration TTL must be at least 60."),
        (
            {"expiration": 1_700_000_000},
            "Invalid expiration of 1700000000. Please specify integer greater than the current number of seconds"
            " since the UNIX epoch.",
        ),
        (
            {"expiration": 1_700_000_059},
            "Invalid expiration of 1700000059. Expiration times must be at least 60 seconds in the future.",
        ),
        ({"metadata": "x" * 1023}, "Metadata length of 1025 exceeds limit of 1024."),
    ],
)
async def test_put_limits(store: KvStore, options: dict[str, Any], text: str) -> None:
    with pytest.raises(KvRefused) as refusal:
        await store.put("k", b"v", **options)
    assert refusal.value.message == text
    assert await store.get("k") is None


async def test_the_edges_of_the_limits_are_inside(store: KvStore) -> None:
    await store.put("k" * 512, b"v", expiration=1_700_000_060, metadata="x" * 1022)
    await store.put("both", b"v", expiration=1, expiration_ttl=60)  # the TTL wins
    entry = await store.get("both")
    assert entry is not None
    assert entry.expiration == 1_700_000_060


async def test_list_is_in_byte_order_with_prefix_and_cursor(store: KvStore) -> None:
    keys = ["a", "ab", "b", "é", "z", "\U0001f600", "\uffee", "A", "a\x00", "a\U0010ffff"]
    for key in keys:
        await store.put(key, b"")
    assert await names(store) == sorted(keys, key=str.encode)
    assert await names(store, prefix="a") == ["a", "a\x00", "ab", "a\U0010ffff"]
    first = await store.list(limit=3)
    assert first.cursor == base64.b64encode(first.keys[-1].name.encode()).decode()
    assert first.complete is False
    rest = await store.list(cursor=first.cursor)
    assert [key.name for key in (*first.keys, *rest.keys)] == sorted(keys, key=str.encode)
    assert (rest.complete, rest.cursor) == (True, None)
    await store.delete(first.keys[-1].name)  # a cursor outlives its key
    assert [key.name for key in (await store.list(cursor=first.cursor)).keys] == [key.name for key in rest.keys]
    assert len(await names(store, limit=0)) == len(keys) - 1
    assert len(await names(store, cursor="!!")) == len(keys) - 1
    with pytest.raises(KvRefused, match="Invalid key_count_limit of 1001"):
        await store.list(limit=1001)
    with pytest.raises(KvRefused, match="UTF-8 encoded length of 513"):
        await store.list(prefix="x" * 513)


@pytest.mark.parametrize("size", [0, 256 * 1024, 256 * 1024 + 1, 512 * 1024, MIB + 17])
async def test_values_of_every_size_come_back_whole(store: KvStore, size: int) -> None:
    content = bytes(n % 251 for n in range(997)) * (size // 997 + 1)
    content = content[:size]

    async def stream() -> AsyncIterator[bytes]:
        for start in range(0, size, 100_000):
            yield content[start : start + 100_000]

    await store.put("bytes", content)
    await store.put("stream", stream())
    assert await value_of(store, "bytes") == content
    assert await value_of(store, "stream") == content


async def test_a_stream_over_the_limit_is_refused_while_it_runs(store: KvStore) -> None:
    await store.put("k", b"before")
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += MIB
            yield bytes(MIB)

    with pytest.raises(KvRefused) as refusal:
        await store.put("k", endless())
    assert refusal.value.status == 413
    assert taken <= MAX_VALUE_BYTES + 2 * MIB
    with pytest.raises(KvRefused, match="Value length of 26214401 exceeds limit of 26214400"):
        await store.put("k", bytes(MAX_VALUE_BYTES + 1))
    assert await value_of(store, "k") == b"before"
    await store.put("other", b"")  # takes the refused pieces away with it
    assert store._opened().query("SELECT count(*) FROM pieces") == [(0,)]


async def test_a_broken_stream_leaves_the_key_as_it_was(store: KvStore) -> None:
    await store.put("k", b"before")

    async def broken() -> AsyncIterator[bytes]:
        yield bytes(MIB)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        await store.put("k", broken())
    assert await value_of(store, "k") == b"before"


async def test_a_large_value_passes_through_little_memory(store: KvStore) -> None:
    async def stream() -> AsyncIterator[bytes]:
        for _ in range(25):
            yield bytes(MIB)

    await store.put("big", b"")
    tracemalloc.start()
    await store.put("big", stream())
    found = store.lookup(b"big")
    assert found is not None
    assert not isinstance(found.value, bytes)
    size = 0
    async for piece in found.value:
        size += len(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == MAX_VALUE_BYTES
    assert peak < 8 * MIB


async def test_a_reader_keeps_the_value_it_began_with(store: KvStore) -> None:
    await store.put("k", b"a" * MIB)
    found = store.lookup(b"k")
    assert found is not None
    assert not isinstance(found.value, bytes)
    head = await anext(found.value)
    await store.put("k", b"b" * MIB)
    await store.delete("k")
    await store.put("other", b"")
    assert head + await found.value.read() == b"a" * MIB
    await store.put("other", b"")
    assert store._opened().query("SELECT count(*) FROM pieces") == [(0,)]


async def test_pieces_of_a_put_that_a_crash_cut_off_go_at_the_next_start(stores: KvStores, clock: FakeClock) -> None:
    store = stores.get("a")
    await store.put("whole", b"w" * MIB)
    await store._opened().write(lambda c: c.execute("INSERT INTO pieces VALUES (99, 0, x'00')") and None)
    await stores.close()
    again = KvStores(stores.folder, clock)
    assert await value_of(again.get("a"), "whole") == b"w" * MIB
    assert again.get("a")._opened().query("SELECT count(DISTINCT version) FROM pieces") == [(1,)]
    await again.get("a").put("next", b"n" * MIB)
    assert await value_of(again.get("a"), "whole") == b"w" * MIB
    await again.close()


async def test_a_read_after_an_awaited_write_sees_it(store: KvStore) -> None:
    async def visitor(number: int) -> None:
        for turn in range(40):
            value = f"{number}:{turn}".encode()
            await store.put(f"own:{number}", value)
            assert await value_of(store, f"own:{number}") == value

    await asyncio.gather(*(visitor(number) for number in range(20)))


async def test_a_damaged_file_is_said_and_put_aside(
    stores: KvStores, clock: FakeClock, events: Events, caplog: pytest.LogCaptureFixture
) -> None:
    await stores.get("a").put("k", b"v")
    await stores.close()
    path = stores.folder / "a.sqlite"
    path.write_bytes(b"this is no database" * 500)
    again = KvStores(stores.folder, clock, events)
    assert await again.get("a").get("k") is None
    assert ("kv.damaged", "a") in [(kind, fields["namespace"]) for kind, fields in events.seen]
    assert "put aside" in caplog.text
    assert len(list(stores.folder.glob("a.sqlite.corrupt-*"))) == 1
    assert again.ids() == ["a"]
    await again.close()
