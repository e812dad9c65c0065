"""The bindings of a wrangler file: those that are here, and one record for each that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sandbox.config.models import KvBinding, ServiceBinding, UnsupportedBinding
from sandbox.config.tables import Table, shown

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
NAME_HINT = "letters, digits, - and _, 1 to 64 of them"

# wrangler's keys and, in each entry, the key that holds the name worker code uses
_LISTS = {
    "d1_databases": "binding",
    "r2_buckets": "binding",
    "vectorize": "binding",
    "hyperdrive": "binding",
    "analytics_engine_datasets": "binding",
    "dispatch_namespaces": "binding",
    "mtls_certificates": "binding",
    "pipelines": "binding",
    "secrets_store_secrets": "binding",
    "worker_loaders": "binding",
    "vpc_services": "binding",
    "vpc_networks": "binding",
    "workflows": "binding",
    "ai_search_namespaces": "binding",
    "ai_search": "binding",
    "agent_memory": "binding",
    "artifacts": "binding",
    "k2": "binding",
    "flagship": "binding",
    "unsafe_hello_world": "binding",
    "send_email": "name",
}
_SINGLE = ("ai", "browser", "images", "stream", "media", "analytics")
_NESTED = (
    ("durable_objects", "bindings", "name"),
    ("queues", "producers", "binding"),
    ("unsafe", "bindings", "name"),
    ("logfwdr", "bindings", "name"),
)
_NAMELESS = ("containers", "tail_consumers", "streaming_tail_consumers", "connect")


def read_kv(table: Table) -> tuple[KvBinding, ...]:
    """`kv_namespaces`. Without an `id` the binding's name is the local id, as in wrangler."""
    found = []
    for entry in table.tables("kv_namespaces"):
        binding = binding_name(entry)
        identity = entry.text("id") or binding
        if entry.flag("remote"):
            entry.warning("remote", "is ignored: KV data is always local here")
        entry.raw("preview_id")
        entry.warn_unknown()
        if identity is not None and not NAME.fullmatch(identity):
            entry.error("id", f"{shown(identity)} cannot be a namespace id here", f"use {NAME_HINT}")
        elif binding is not None and identity is not None:
            found.append(KvBinding(binding, identity))
    return tuple(found)


def read_services(table: Table, env: str | None) -> tuple[ServiceBinding, ...]:
    """`services`. In environment `env` a worker is deployed as `name-env`; here it keeps its name, so that is cut."""
    found = []
    for entry in table.tables("services"):
        binding = binding_name(entry)
        service = entry.text("service", required=True)
        entrypoint = entry.text("entrypoint")
        props = entry.table("props")
        if entry.flag("remote"):
            entry.warning("remote", "is ignored: services are the workers of this sandbox")
        entry.raw("environment")
        entry.warn_unknown()
        if service is not None and env is not None:
            service = service.removesuffix(f"-{env}")
        if binding is not None and service is not None:
            found.append(ServiceBinding(binding, service, entrypoint, None if props is None else dict(props.data)))
    return tuple(found)


def read_unsupported(table: Table) -> tuple[UnsupportedBinding, ...]:
    """Everything else a worker could ask its `env` or the platform for."""
    return tuple(_unsupported(table))


def _unsupported(table: Table) -> Iterator[UnsupportedBinding]:
    for kind, name in _LISTS.items():
        for entry in table.tables(kind):
            yield UnsupportedBinding(kind, entry.text(name, required=True))
    for kind in _SINGLE:
        single = table.table(kind)
        if single is not None:
            yield UnsupportedBinding(kind, single.text("binding", required=True))
    for kind, inner, name in _NESTED:
        parent = table.table(kind)
        for entry in parent.tables(inner) if parent is not None else []:
            if kind == "unsafe" and entry.raw("type") == "ratelimit":
                continue  # see `sandbox.config.small`
            label = f"{kind}.{inner}" if kind in ("queues", "unsafe") else kind
            yield UnsupportedBinding(label, entry.text(name, required=True))
    queues = table.table("queues")
    if queues is not None and queues.tables("consumers"):
        yield UnsupportedBinding("queues.consumers", None)
    for kind in _NAMELESS:
        if table.raw(kind):
            yield UnsupportedBinding(kind, None)


def binding_name(entry: Table) -> str | None:
    """The checked `binding` of an entry."""
    binding = entry.text("binding", required=True)
    if binding is not None and not NAME.fullmatch(binding):
        entry.error("binding", f"{shown(binding)} cannot be a binding's name", f"use {NAME_HINT}")
        return None
    return binding
