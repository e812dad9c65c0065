"""A KV namespace by plain Python values."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from sandbox.bindings.kv import Entry, KvStore
from sandbox.config.models import SandboxConfig
from sandbox.config.problems import choices
from sandbox.testing.errors import Misuse


class KvHandle:
    """What lies in a namespace now, by the test's clock. `get` after an awaited `put` sees it, whoever put it.

    Keys and values that KV refuses raise KvRefused with Cloudflare's text.
    """

    def __init__(self, namespace: str, store: Callable[[], Awaitable[KvStore]]) -> None:
        self.namespace = namespace
        self._store = store

    async def get(self, key: str, type: Literal["text", "json", "bytes"] = "text") -> Any:
        """The value as text (or as what JSON it holds, or as bytes); None where there is none or its time is over."""
        entry = await self.entry(key)
        if entry is None:
            return None
        return _read(entry.value, type)

    async def put(
        self,
        key: str,
        value: Any,
        *,
        ttl: int | None = None,
        expiration: int | None = None,
        metadata: Any = None,
    ) -> None:
        """Store text or bytes as they are, anything else as JSON. `ttl` is in seconds, `expiration` since the epoch."""
        if isinstance(value, str):
            data = value.encode()
        elif isinstance(value, bytes | bytearray | memoryview):
            data = bytes(value)
        else:
            data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        store = await self._store()
        await store.put(key, data, expiration_ttl=ttl, expiration=expiration, metadata=metadata)

    async def delete(self, key: str) -> None:
        """Remove a key; no error where there is none."""
        await (await self._store()).delete(key)

    async def list(self, prefix: str = "") -> list[str]:
        """The names of all keys, in KV's order."""
        store, names, cursor = await self._store(), [], None
        while True:
            page = await store.list(prefix, cursor=cursor)
            names += [key.name for key in page.keys]
            if page.complete:
                return names
            cursor = page.cursor

    async def entry(self, key: str) -> Entry | None:
        """A value with its `metadata` and `expiration` (seconds since the epoch)."""
        return await (await self._store()).get(key)

    def __repr__(self) -> str:
        return f"<kv {self.namespace}>"


def _read(value: bytes, type: str) -> Any:
    if type == "bytes":
        return value
    if type == "json":
        return json.loads(value)
    if type == "text":
        return value.decode("utf-8", "replace")
    raise Misuse(f"type={type!r}", hint='"text", "json" or "bytes"')


def find_namespace(config: SandboxConfig, name: str, worker: str | None = None) -> str:
    """The id of the namespace that a binding (of `worker`, or of any) or an id names. Raises Misuse."""
    of = [config.workers[worker]] if worker is not None else list(config.workers.values())
    bound: dict[str, list[str]] = {}
    for each in of:
        for namespace in each.kv_namespaces:
            if namespace.binding == name:
                bound.setdefault(namespace.id, []).append(each.name)
    ids = {namespace.id for each in of for namespace in each.kv_namespaces}
    if len(bound) == 1:
        return next(iter(bound))
    if name in ids:
        return name
    if bound:
        which = "; ".join(f"{' and '.join(names)}: {namespace}" for namespace, names in bound.items())
        first = next(iter(bound.values()))[0]
        raise Misuse(
            f"{name} is bound to different namespaces ({which})",
            hint=f'say which: sandbox.worker("{first}").kv("{name}"), or the namespace id',
        )
    known = sorted({namespace.binding for each in of for namespace in each.kv_namespaces} | ids)
    whose = f" of {worker}" if worker is not None else ""
    raise Misuse(f"no KV namespace{whose} is called {name!r}", hint=choices(name, known=known))
