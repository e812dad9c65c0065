"""`env`: a worker's vars, secrets and bindings as one JavaScript object."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.bindings.assets import Assets, AssetServers
from sandbox.bindings.kv import KvNamespace, KvStores
from sandbox.bindings.ratelimit import RateLimiter, RateLimits
from sandbox.bindings.services import Fetcher
from sandbox.clock import Clock, iso
from sandbox.config.models import UnsupportedBinding, WorkerConfig
from sandbox.portability.kv import KvUse
from sandbox.runtime.protocols import Emit, Invoke, Points, silent
from sandbox.runtime.values import HostObject, JsException, JsObject, to_js


class MissingBinding(HostObject):
    """Stands for a binding of a service that is not there yet: the first use of it raises an error that names it."""

    js_name = "MissingBinding"

    def __init__(self, binding: UnsupportedBinding) -> None:
        self._what = binding

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name in ("then", "js_object"):
            raise AttributeError(name, name=name, obj=self)
        raise JsException(
            "Error", f"env.{self._what.binding}.{name}: {self._what.kind} are not supported by this sandbox yet."
        )


def build_env(
    config: WorkerConfig,
    *,
    kv: KvStores,
    invoke: Invoke,
    clock: Clock,
    defaults: Mapping[str, str] | None = None,
    points: Points | None = None,
    emit: Emit = silent,
    assets: AssetServers | None = None,
    limits: RateLimits | None = None,
    kv_use: KvUse | None = None,
) -> JsObject:
    """The `env` object. `defaults` are values every worker gets unless it sets them itself (ORCHESTRATOR_URL,
    WORKER_TOKEN); then come its vars, then its secrets, which win, then its bindings, which look at `points`. `emit` is told of calls through service bindings,
    `kv_use` of what is done with KV."""
    points = points or Points()
    env: dict[str, Any] = dict(defaults or {})
    env |= {name: _var(value) for name, value in config.vars.items()}
    env |= config.secrets
    for namespace in config.kv_namespaces:
        env[namespace.binding] = KvNamespace(kv.get(namespace.id), points, config.name, namespace.binding, kv_use)
    for service in config.services:
        caller = (config.name, service.binding)
        env[service.binding] = Fetcher(
            invoke, clock, service.service, service.entrypoint, service.props, points, caller, emit
        )
    if config.assets is not None and config.assets.binding is not None and assets is not None:
        env[config.assets.binding] = Assets(assets.of(config.assets))
    for limit in config.ratelimits:
        env[limit.binding] = RateLimiter(limits or RateLimits(clock), limit)
    if config.version_metadata is not None:
        env[config.version_metadata] = version_metadata(clock)
    for missing in config.unsupported:
        if missing.binding is not None:
            env[missing.binding] = MissingBinding(missing)
    return JsObject(env)


def version_metadata(clock: Clock) -> JsObject:
    """`{id, tag, timestamp}` as wrangler gives them locally: an id of its own for each load, no tag, the time of loading."""
    return JsObject({"id": str(uuid.uuid4()), "tag": "", "timestamp": iso(clock.now())})


def _var(value: Any) -> Any:
    """Strings and numbers as they are; a JSON value becomes a JavaScript object, as on Cloudflare."""
    return value if isinstance(value, str) else to_js(value, dict_converter=JsObject.constructor.fromEntries)
