"""What a main module exports: its entrypoint classes, their methods, or the handlers of old compatibility dates."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sandbox.config.models import WorkerConfig
from sandbox.runtime.compat import compatibility_flags

# Names that the platform calls, and names that its RPC never passes on.
HANDLERS = frozenset({"fetch", "test", "scheduled", "queue", "tail", "trace", "alarm", "connect", "pubsub"})
_NO_RPC = HANDLERS | {"dup", "constructor", "webSocketMessage", "webSocketClose", "webSocketError"}


@dataclass(frozen=True, slots=True)
class Entrypoint:
    """A class that serves. `fetch_arguments` says how many of (request, env, ctx) its `fetch` takes, -1 where it has
    none; `methods` are those callable over RPC."""

    name: str
    cls: type[Any]
    methods: frozenset[str]
    fetch_arguments: int


@dataclass(frozen=True, slots=True)
class Exports:
    """`classes` by export name, `Default` among them; `functions` are the legacy handlers by event (`fetch`)."""

    classes: dict[str, Entrypoint]
    functions: dict[str, tuple[Callable[..., Any], int]]


def exports_of(module: ModuleType, config: WorkerConfig) -> Exports:
    """Read a main module as the platform does: every name in it (or in `__all__`) that is an entrypoint class."""
    # Only now: the emulated modules must stand before the SDK is imported, and the worker has usually done it.
    import workers

    bases = (workers.WorkerEntrypoint, workers.DurableObject, workers.WorkflowEntrypoint)
    names = getattr(module, "__all__", None) or vars(module)
    classes = {}
    for name in list(names):
        value = getattr(module, name, None)
        if isinstance(value, type) and issubclass(value, workers.WorkerEntrypoint) and value not in bases:
            classes[name] = _entrypoint(name, value)
    functions = {}
    if takes_functions(config):
        for event in HANDLERS:
            function = getattr(module, f"on_{event}", None)
            if callable(function):
                functions[event] = (function, positional_arguments(function, 3))
    return Exports(classes, functions)


def takes_functions(config: WorkerConfig) -> bool:
    """Whether module-level handlers count: compatibility dates before 2025-08-14, or by flag."""
    flags = compatibility_flags(config.compatibility_date, config.compatibility_flags)
    return "python_no_global_handlers" not in flags


def positional_arguments(function: Callable[..., Any], limit: int) -> int:
    """How many of `limit` positional arguments a relaxed call passes: surplus ones are dropped."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return limit
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return limit
    return min(limit, sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters))


def _entrypoint(name: str, cls: type[Any]) -> Entrypoint:
    methods = {key for key in dir(cls) if not key.startswith("_") and callable(inspect.getattr_static(cls, key, None))}
    methods |= {key for key in dir(cls) if _is_bound_kind(inspect.getattr_static(cls, key, None)) and key[0] != "_"}
    if "fetch" not in methods:
        return Entrypoint(name, cls, frozenset(methods - _NO_RPC), -1)
    # Asked of a bound method, so that `self` (or its absence on a static method) is counted by Python itself.
    bound = getattr(object.__new__(cls), "fetch")  # noqa: B009
    return Entrypoint(name, cls, frozenset(methods - _NO_RPC), positional_arguments(bound, 3))


def _is_bound_kind(value: object) -> bool:
    return isinstance(value, staticmethod | classmethod)
