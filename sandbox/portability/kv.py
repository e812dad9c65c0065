"""KV as it is used while workers run: what Cloudflare counts and caches, and a local store does not.

Numbers: https://developers.cloudflare.com/kv/platform/limits/ and, for the cache of misses,
https://developers.cloudflare.com/kv/concepts/how-kv-works/.
"""

from __future__ import annotations

from typing import Protocol

from sandbox.clock import Clock
from sandbox.runtime.context import Usage, io_at_import, usage
from sandbox.runtime.protocols import Checks

WRITE_EVERY_S = 1.0
"""A key takes one write a second."""
OPERATIONS = 1000
"""In one invocation; a bulk get is one."""
_MOST = 10_000


class KvHistory:
    """When keys were last written, by namespace and key, for all workers together; the newest ones."""

    def __init__(self, clock: Clock) -> None:
        self._now = clock.now
        self._written: dict[tuple[str, str], float] = {}

    def too_soon(self, namespace: str, key: str) -> bool:
        """Note a write. Whether it comes within a second of the one before."""
        now, written, at = self._now(), self._written, (namespace, key)
        before = written.pop(at, None)
        if len(written) >= _MOST:
            del written[next(iter(written))]
        written[at] = now
        return before is not None and 0 <= now - before < WRITE_EVERY_S


class KvUse(Protocol):
    """What a KV binding tells. Each returns whether the operation is to be refused with what Cloudflare says."""

    def operation(self) -> bool:
        """Any operation but the two below: of those this is a part."""
        ...

    def get(self, namespace: str, key: bytes, found: bool) -> bool: ...

    def looked_up(self, namespace: str, key: bytes, found: bool) -> None:
        """One key of a bulk get, which is one operation as a whole."""
        ...

    def put(self, namespace: str, key: str) -> bool:
        """That it comes too soon."""
        ...


def _at_import() -> bool:
    io_at_import("KV is used")
    return False


class KvChecks:
    """Implements `KvUse` for one generation of a worker."""

    def __init__(self, history: KvHistory, checks: Checks) -> None:
        self._history = history
        self._checks = checks

    def operation(self) -> bool:
        used = usage()
        if used is None:
            return _at_import()
        used.kv_operations += 1
        return used.kv_operations > OPERATIONS and self._too_many()

    def get(self, namespace: str, key: bytes, found: bool) -> bool:
        used = usage()
        if used is None:
            return _at_import()
        used.kv_operations += 1
        self._look_up(used, namespace, key, found)
        return used.kv_operations > OPERATIONS and self._too_many()

    def looked_up(self, namespace: str, key: bytes, found: bool) -> None:
        used = usage()
        if used is not None:
            self._look_up(used, namespace, key, found)

    def _look_up(self, used: Usage, namespace: str, key: bytes, found: bool) -> None:
        missed = used.missed
        if not found:
            if missed is None:
                missed = used.missed = set()
            missed.add((namespace, key))
        elif missed is not None and (namespace, key) in missed:
            shown = key.decode(errors="replace")
            self._checks.found("missed-get", f"the key {shown} is read again after a get that found nothing")

    def put(self, namespace: str, key: str) -> bool:
        return self._history.too_soon(namespace, key) and self._checks.found(
            "put-rate", f"the key {key} is put again within a second"
        )

    def _too_many(self) -> bool:
        return self._checks.found("kv-operations", f"more than {OPERATIONS:,} KV operations in one invocation")
