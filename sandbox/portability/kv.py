"""KV as it is used while workers run: what Cloudflare counts and caches, and a local store does not."""

from __future__ import annotations

from typing import Protocol

from sandbox.clock import Clock
from sandbox.runtime.context import usage
from sandbox.runtime.protocols import Checks

WRITE_EVERY_S = 1.0
"""A key takes one write a second: https://developers.cloudflare.com/kv/platform/limits/"""
MISS_KEPT_S = 60.0
"""So long an edge may go on answering that there is nothing, the default `cacheTtl`:
https://developers.cloudflare.com/kv/concepts/how-kv-works/"""
OPERATIONS = 1000
"""In one invocation: the same page of limits."""
_MOST = 10_000

Key = tuple[str, bytes]


class KvHistory:
    """When keys were last written and missed, by namespace and key, for all workers together. Bounded."""

    def __init__(self, clock: Clock) -> None:
        self.now = clock.now
        self.written: dict[Key, float] = {}
        self.missed: dict[Key, float] = {}

    def note(self, when: dict[Key, float], key: Key) -> None:
        if len(when) >= _MOST:
            del when[next(iter(when))]
        when.pop(key, None)
        when[key] = self.now()


class KvUse(Protocol):
    """What a KV binding tells. Each returns whether the operation is to be refused with what Cloudflare says."""

    def operation(self) -> bool: ...
    def put(self, namespace: str, key: str) -> bool: ...
    def missed(self, namespace: str, key: bytes) -> None: ...
    def read(self, namespace: str, key: bytes) -> None: ...


class KvChecks:
    """Implements `KvUse` for one generation of a worker."""

    def __init__(self, history: KvHistory, checks: Checks) -> None:
        self._history = history
        self._checks = checks

    def operation(self) -> bool:
        used = usage()
        if used is None:
            return False
        used.kv_operations += 1
        if used.kv_operations <= OPERATIONS:
            return False
        return self._checks.found("kv-operations", f"more than {OPERATIONS:,} KV operations in one invocation")

    def put(self, namespace: str, key: str) -> bool:
        written, at = self._history.written, (namespace, key.encode(errors="replace"))
        before = written.get(at)
        self._history.note(written, at)
        if before is None or not 0 <= written[at] - before < WRITE_EVERY_S:
            return False
        return self._checks.found("put-rate", f"the key {key} is put again within a second")

    def missed(self, namespace: str, key: bytes) -> None:
        self._history.note(self._history.missed, (namespace, key))

    def read(self, namespace: str, key: bytes) -> None:
        at = self._history.missed.get((namespace, key))
        if at is not None and 0 <= self._history.now() - at < MISS_KEPT_S:
            text = (
                f"the key {key.decode(errors='replace')} is read within {MISS_KEPT_S:.0f} s of a get that found nothing"
            )
            self._checks.found("missed-get", text)
