"""Callers that go away in the middle of a put, and stores that close under one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.bindings.kv import KvStore, KvStores
from sandbox.bindings.kv.api import KvApi
from sandbox.clock import FakeClock
from sandbox.runtime.exchange import incoming_request, read_json
from sandbox.storage import Database, StorageClosed

LARGE = 300_000  # bytes: two pieces, so the third write of a put makes the key point to them


@pytest.fixture
async def stores(tmp_path: Path) -> AsyncIterator[KvStores]:
    opened = KvStores(tmp_path / "kv", FakeClock())
    yield opened
    await opened.close()


def cancel_at(monkeypatch: pytest.MonkeyPatch, number: int, victim: list[asyncio.Task[None]]) -> None:
    """Cancel the task as soon as its write of that number is queued."""
    real, count = Database.write, 0

    async def write(self: Database, fn: Any, **more: Any) -> Any:
        nonlocal count
        count += 1
        if count == number:
            asyncio.get_running_loop().call_soon(victim[0].cancel)
        return await real(self, fn, **more)

    monkeypatch.setattr(Database, "write", write)


async def pieces(store: KvStore) -> int:
    assert store._database is not None
    return int(store._database.query("SELECT count(*) FROM pieces")[0][0])


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_a_large_put_cut_off_anywhere_is_whole_or_not_there(
    stores: KvStores, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    store = stores.get("ns")
    await store.put("k", b"0" * LARGE)
    with monkeypatch.context() as patch:
        victim: list[asyncio.Task[None]] = []
        cancel_at(patch, number, victim)
        victim.append(asyncio.ensure_future(store.put("k", b"1" * LARGE)))
        with pytest.raises(asyncio.CancelledError):
            await victim[0]
    for _ in range(3):  # later writes take the garbage along
        await store.put("other", b"x")
    entry = await store.get("k")
    assert entry is not None and entry.value in (b"0" * LARGE, b"1" * LARGE)
    assert await pieces(store) == 2


async def test_a_small_put_cut_off_leaves_no_pieces_behind(stores: KvStores, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.get("ns")
    await store.put("k", b"0" * LARGE)
    with monkeypatch.context() as patch:
        victim: list[asyncio.Task[None]] = []
        cancel_at(patch, 1, victim)
        victim.append(asyncio.ensure_future(store.put("k", b"small")))
        with pytest.raises(asyncio.CancelledError):
            await victim[0]
    for _ in range(3):
        await store.put("other", b"x")
    entry = await store.get("k")
    assert entry is not None and entry.value == b"small"
    assert await pieces(store) == 0


async def test_a_store_that_closes_under_a_put_says_so(stores: KvStores) -> None:
    store = stores.get("ns")
    await store.open()

    async def body() -> AsyncIterator[bytes]:
        yield b"x" * LARGE
        await store.close()
        yield b"x" * LARGE

    with pytest.raises(StorageClosed):
        await store.put("k", body())


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("expiration=1" + "0" * 30, []),
        ("expiration_ttl=1" + "0" * 30, []),
        ("", [("x-kv-metadata", "NaN")]),
        ("", [("x-kv-metadata", "1e999")]),
        ("", [("x-kv-metadata", "[" * 100_000)]),
    ],
)
async def test_numbers_and_metadata_from_outside_that_cannot_be_kept(
    stores: KvStores, query: str, headers: list[tuple[str, str]]
) -> None:
    api = KvApi(stores, lambda: {"ns": [("w", "KV")]})
    url = f"http://localhost:8787/api/kv/namespaces/ns/value?key=k&{query}"
    response = await api.handle(incoming_request("PUT", url, headers, b"v"))
    assert response.status == 400
    assert (await read_json(response))["success"] is False
