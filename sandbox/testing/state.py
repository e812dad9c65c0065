"""The state of imported modules, noted and put back.

Put back is what a worker's own code can change without help: what its modules' names are bound to; what lies in dicts,
lists, sets and deques; the attributes of its classes and of its instances, of asyncio's locks and queues; functools'
caches. What lives inside other libraries' objects stays.
"""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import ModuleType
from typing import Any

_ASYNCIO = (asyncio.Lock, asyncio.Event, asyncio.Condition, asyncio.Semaphore, asyncio.Queue)
_CACHED = type(functools.lru_cache(lambda: None))


class State:
    """Of the modules under `prefix`, as they were when each was noted."""

    def __init__(self, prefix: str) -> None:
        self._own = (prefix + ".", "sandbox.handshake.")
        self._modules: dict[str, dict[str, Any]] = {}
        # By id, with the object itself, which keeps the id its own.
        self._known: dict[int, tuple[Any, Callable[[], None]]] = {}

    def note(self, modules: Mapping[str, ModuleType]) -> None:
        """Remember modules that are new as they are now."""
        for name, module in modules.items():
            if name not in self._modules:
                self._modules[name] = dict(vars(module))
                self._note_all(value for key, value in vars(module).items() if not _is_dunder(key))

    def put_back(self, modules: Mapping[str, ModuleType]) -> None:
        """Make everything as it was; modules that were imported since are forgotten by their packages' names."""
        for name, module in modules.items():
            noted = self._modules.get(name)
            if noted is not None:
                _bind_again(vars(module), noted)
        for _, restore in self._known.values():
            restore()

    def holds(self, value: Any) -> bool:
        """Whether this very object is part of the state."""
        return id(value) in self._known

    def _note_all(self, values: Iterable[Any]) -> None:
        waiting = list(values)
        while waiting:
            value = waiting.pop()
            if id(value) in self._known:
                continue
            restore, inside = self._restorer(value)
            if restore is not None:
                self._known[id(value)] = (value, restore)
            waiting += inside

    def _restorer(self, value: Any) -> tuple[Callable[[], None] | None, list[Any]]:
        """What puts one object back (None: nothing to put back), and the objects in it to look at."""
        if isinstance(value, dict):
            kept = dict(value)
            return lambda: _set_to(value, kept), list(kept.values())
        if isinstance(value, list | deque):
            items = list(value)
            return lambda: _refill(value, items, value.extend), items
        if isinstance(value, set):
            members = set(value)
            return lambda: _refill(value, members, value.update), []
        if isinstance(value, bytearray):
            data = bytes(value)
            return lambda: _refill(value, data, value.extend), []
        if isinstance(value, tuple):
            return None, list(value)
        if isinstance(value, _CACHED):
            return value.cache_clear, []
        if isinstance(value, type):
            return self._class_restorer(value) if value.__module__.startswith(self._own) else (None, [])
        if isinstance(value, _ASYNCIO) or type(value).__module__.startswith(self._own):
            attributes = getattr(value, "__dict__", None)
            if isinstance(attributes, dict):
                kept = dict(attributes)
                return lambda: _set_to(attributes, kept), list(kept.values())
        return None, []

    def _class_restorer(self, cls: type[Any]) -> tuple[Callable[[], None], list[Any]]:
        kept = {name: value for name, value in vars(cls).items() if not _is_dunder(name)}

        def restore() -> None:
            for name in [name for name in vars(cls) if not _is_dunder(name) and name not in kept]:
                delattr(cls, name)
            for name, value in kept.items():
                if vars(cls).get(name) is not value:
                    setattr(cls, name, value)

        return restore, [value for value in kept.values() if not callable(value) or isinstance(value, _CACHED | type)]


def _bind_again(names: dict[str, Any], noted: Mapping[str, Any]) -> None:
    # One by one: a module's dict is never empty in between.
    for name in [name for name in names if name not in noted]:
        del names[name]
    for name, value in noted.items():
        if names.get(name, noted) is not value:
            names[name] = value


def _set_to(mapping: dict[Any, Any], kept: Mapping[Any, Any]) -> None:
    if len(mapping) == len(kept) and all(mapping.get(key, kept) is value for key, value in kept.items()):
        return
    mapping.clear()
    mapping.update(kept)


def _refill(collection: Any, kept: Any, fill: Callable[[Any], None]) -> None:
    if len(collection) != len(kept) or any(a is not b for a, b in zip(collection, kept, strict=True)):
        collection.clear()
        fill(kept)


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
