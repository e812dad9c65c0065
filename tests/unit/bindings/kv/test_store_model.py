"""KvStore equals a dict with expiry, whatever is done to it and whenever."""

from __future__ import annotations

import asyncio
import math
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.bindings.kv import KvStores
from sandbox.clock import FakeClock

KEYS = st.one_of(
    st.sampled_from(["a", "a:1", "a:2", "b", "é", "\U0001f600", "\uffff", "a\x00"]),
    st.text(min_size=1, max_size=8).filter(lambda key: key not in (".", "..")),
)
VALUES = st.one_of(st.binary(max_size=20), st.sampled_from([b"x" * 300_000, b"y" * 262_144]))


def utf8(key: str) -> bytes:
    return key.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


class Namespace(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.stores = KvStores(Path(self.folder.name), self.clock)
        self.model: dict[bytes, tuple[bytes, Any, int | None]] = {}

    def run(self, awaitable: Any) -> Any:
        return self.loop.run_until_complete(awaitable)

    @property
    def store(self) -> Any:
        return self.stores.get("model")

    def alive(self) -> dict[bytes, tuple[bytes, Any, int | None]]:
        now = self.clock.now()
        return {key: held for key, held in self.model.items() if held[2] is None or held[2] > now}

    @rule(
        key=KEYS,
        value=VALUES,
        ttl=st.none() | st.integers(60, 400),
        metadata=st.none() | st.integers() | st.text(max_size=5),
    )
    def put(self, key: str, value: bytes, ttl: int | None, metadata: Any) -> None:
        self.run(
            self.store.put(key, value, expiration_ttl=ttl, metadata_json=None if metadata is None else repr(metadata))
        )
        expires = None if ttl is None else math.floor(self.clock.now()) + ttl
        self.model[utf8(key)] = (value, None if metadata is None else repr(metadata), expires)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        self.run(self.store.delete(key))
        self.model.pop(utf8(key), None)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        entry = self.run(self.store.get(key))
        found = None if entry is None else (entry.value, entry.metadata_json, entry.expiration)
        assert found == self.alive().get(utf8(key))

    @rule(seconds=st.floats(0, 200))
    def later(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.floats(0, 100_000))
    def back(self, seconds: float) -> None:
        self.run(self.stores.sweep())
        self.model = self.alive()
        self.clock.advance(-seconds)

    @rule()
    def reopen(self) -> None:
        self.run(self.stores.close())
        self.stores = KvStores(Path(self.folder.name), self.clock)

    @rule(prefix=st.sampled_from(["", "a", "a:", "é", "zz"]), limit=st.integers(1, 4))
    def list_in_pages(self, prefix: str, limit: int) -> None:
        listed, cursor = [], None
        while True:
            page = self.run(self.store.list(prefix, limit, cursor))
            assert len(page.keys) <= limit
            listed += [(key.name.encode(), key.expiration, key.metadata_json) for key in page.keys]
            assert page.complete == (page.cursor is None)
            if page.complete:
                break
            cursor = page.cursor
        expected = sorted((key, held[2], held[1]) for key, held in self.alive().items() if key.startswith(utf8(prefix)))
        assert listed == expected

    @invariant()
    def everything_is_there(self) -> None:
        if hasattr(self, "stores"):
            page = self.run(self.store.list())
            assert {key.name.encode() for key in page.keys} == set(self.alive())

    def teardown(self) -> None:
        if hasattr(self, "stores"):
            self.run(self.stores.close())
            self.loop.close()
            self.folder.cleanup()


TestNamespace = Namespace.TestCase
TestNamespace.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
