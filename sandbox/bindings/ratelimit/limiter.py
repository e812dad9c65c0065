"""The object worker code sees as a rate limit, and the counters behind it.

Windows are fixed and begin with the clock's full ten seconds or minutes, as Miniflare's do (at Cloudflare they are counted
in each location for itself, and loosely). Counters live in memory: a limit is over within a minute. Bindings with the same
`namespace_id` share theirs, across workers. [docs: runtime-apis/bindings/rate-limit; miniflare: ratelimit]
"""

from __future__ import annotations

from typing import Any

from sandbox.clock import Clock
from sandbox.config.models import RateLimitBinding
from sandbox.runtime.values import HostObject, JsObject, js_method, js_str, jsnull, throw

PERIODS = (10, 60)  # seconds [docs]
OPTIONS = ("key", "limit", "period")  # [miniflare]


class RateLimits:
    """The counters of every namespace, by the sandbox's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[tuple[str, int], tuple[int, dict[str, int]]] = {}

    def take(self, namespace: str, key: str, limit: float, period: int) -> bool:
        """Count one for `key`; False where `limit` were counted in this window of `period` seconds already."""
        window = int(self._clock.now() // period)
        known = self._windows.get((namespace, period))
        if known is None or known[0] != window:
            known = self._windows[namespace, period] = (window, {})
        counts = known[1]
        if counts.get(key, 0) >= limit:
            return False
        counts[key] = counts.get(key, 0) + 1
        return True


class RateLimiter(HostObject):
    """A binding: `limit({key})` -> `{success}`."""

    js_name = "Ratelimit"

    def __init__(self, limits: RateLimits, config: RateLimitBinding) -> None:
        self._limits = limits
        self._config = config

    @js_method
    async def limit(self, options: Any) -> JsObject:
        """`{success}`: whether this call is within the limit of its `key` (default: the empty one)."""
        if options is None or options is jsnull or not hasattr(options, "object_keys"):
            throw("Error", "invalid rate limit options")
        given = {str(name): value for name, value in options.object_entries()}
        wrong = [name for name in given if name not in OPTIONS]
        if wrong:
            throw("Error", f"bad rate limit options: [{','.join(wrong)}]")
        key, limit, period = given.get("key"), given.get("limit"), given.get("period")
        key = "" if key is None else key
        limit = self._config.limit if limit is None else limit
        period = self._config.period if period is None else period
        if not isinstance(key, str):
            throw("Error", f"invalid key: {js_str(key)}")
        for name, value in (("limit", limit), ("period", period)):
            if not isinstance(value, int | float) or isinstance(value, bool):
                throw("Error", f"{name} must be a number: {js_str(value)}")
        if period not in PERIODS:
            throw("Error", f"unsupported period: {js_str(period)}")
        return JsObject({"success": self._limits.take(self._config.namespace_id, key, limit, int(period))})
