"""What a worker's code finds around it: its `env` with every binding, its way out, its caches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.app.ports import TOKEN_VARIABLE, URL_VARIABLE
from sandbox.bindings.assets import AssetServers
from sandbox.bindings.cache import CacheStorage
from sandbox.bindings.environment import build_env
from sandbox.bindings.kv import KvStores
from sandbox.bindings.ratelimit import RateLimits
from sandbox.config.models import WorkerConfig
from sandbox.runtime.compat import compatibility_flags
from sandbox.runtime.context import WorkerContext
from sandbox.storage import Synchronous

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox


class Contexts:
    """Holds what bindings share: KV and cache files, asset directories, the counts of rate limits."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.assets = AssetServers()
        self._limits = RateLimits(sandbox.clock)
        self.kv: KvStores
        self._cached: KvStores

    def open(self, state: Path, synchronous: Synchronous) -> None:
        """Take the files of the state folder into use; each is opened when it is first asked."""
        self.kv = KvStores(state / "kv", self._sandbox.clock, self._sandbox.events.emit, synchronous=synchronous)
        self._cached = KvStores(state / "cache", self._sandbox.clock, synchronous=synchronous)

    async def close(self) -> None:
        """Close every file. Does nothing where `open` was not reached."""
        if hasattr(self, "kv"):
            await self.kv.close()
            await self._cached.close()

    def of(self, config: WorkerConfig) -> WorkerContext:
        """The context that a worker of this configuration runs under."""
        sandbox = self._sandbox
        token = sandbox.orchestrator.token(config.name)
        checks = sandbox.portability.checks(config)
        env = build_env(
            config,
            kv=self.kv,
            invoke=sandbox.workers,
            clock=sandbox.clock,
            defaults={URL_VARIABLE: sandbox.address, TOKEN_VARIABLE: token},
            points=sandbox.points,
            emit=sandbox.events.emit,
            assets=self.assets,
            limits=self._limits,
            kv_use=checks.kv,
        )
        flags = compatibility_flags(config.compatibility_date, config.compatibility_flags)
        caches = CacheStorage(self._cached, sandbox.clock)
        return WorkerContext(
            config.name, env, flags, sandbox.egress, sandbox.clock, self.emit_redacted, caches, checks=checks
        )

    def emit_redacted(self, kind: str, /, **fields: Any) -> None:
        """Events that carry a worker's own text: its secrets are taken out on the way."""
        events, redact = self._sandbox.events, self._sandbox.redact
        if events.wanted(kind) or events.recorder is not None:
            shown = {key: redact(value) if isinstance(value, str) else value for key, value in fields.items()}
            events.emit(kind, **shown)
