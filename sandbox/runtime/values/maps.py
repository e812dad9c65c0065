"""`Map` and `Set`: insertion order, keys compared by SameValueZero."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sandbox.runtime.values.arrays import JsArray, JsIterator, call_back
from sandbox.runtime.values.objects import entry_pairs
from sandbox.runtime.values.proxy import JsProxy, PyConversion, jsnull


def _key(value: Any) -> Any:
    """A dict key that tells apart what SameValueZero tells apart (True is not 1; NaN is NaN)."""
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, float) and value != value:
        return (float, "NaN")
    if isinstance(value, JsProxy) or not _hashable(value):
        return (object, id(value))
    return value


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


class JsMap(JsProxy):
    """`Map`. Python sees a mapping: `len`, `in`, subscripts, iteration over keys, `items()`."""

    __slots__ = ("__weakref__", "_entries")
    js_name = "Map"

    def __init__(self, entries: Any = None, *_: Any) -> None:
        self._entries: dict[Any, tuple[Any, Any]] = {}
        if entries is not None and entries is not jsnull:
            for key, value in entry_pairs(entries):
                self._entries[_key(key)] = (key, value)

    @property
    def size(self) -> int:
        return len(self._entries)

    def get(self, key: Any = None, default: Any = None, *_: Any) -> Any:
        found = self._entries.get(_key(key))
        return default if found is None else found[1]

    def set(self, key: Any = None, value: Any = None, *_: Any) -> JsMap:
        self._entries[_key(key)] = (key, value)
        return self

    def has(self, key: Any = None, *_: Any) -> bool:
        return _key(key) in self._entries

    def delete(self, key: Any = None, *_: Any) -> bool:
        return self._entries.pop(_key(key), None) is not None

    def clear(self, *_: Any) -> None:
        self._entries.clear()

    def forEach(self, callback: Any = None, *_: Any) -> None:
        for key, value in list(self._entries.values()):
            call_back(callback, value, key, self)

    def keys(self, *_: Any) -> JsIterator:
        return JsIterator((key for key, _ in list(self._entries.values())), "Map Iterator")

    def values(self, *_: Any) -> JsIterator:
        return JsIterator((value for _, value in list(self._entries.values())), "Map Iterator")

    def entries(self, *_: Any) -> JsIterator:
        return JsIterator((JsArray(list(pair)) for pair in list(self._entries.values())), "Map Iterator")

    items = entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        # JavaScript iterates a Map by its entries, and Pyodide's proxy of a Map by its keys; the web classes that take
        # "any iterable of pairs" ask `entries` (see `pairs_of`).
        return (key for key, _ in list(self._entries.values()))

    def __contains__(self, key: Any) -> bool:
        return _key(key) in self._entries

    def __getitem__(self, key: Any) -> Any:
        found = self._entries.get(_key(key))
        if found is None:
            raise KeyError(key)
        return found[1]

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set(key, value)

    def __delitem__(self, key: Any) -> None:
        if not self.delete(key):
            raise KeyError(key)

    def _own_keys(self) -> list[str]:
        return []

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        made: dict[Any, Any] = {}
        run.cache[id(self)] = made
        for key, value in self._entries.values():
            made[run.convert(key, depth - 1)] = run.convert(value, depth - 1)
        return made


class JsSet(JsProxy):
    """`Set`. Python sees a collection: `len`, `in`, iteration, `add`."""

    __slots__ = ("__weakref__", "_entries")
    js_name = "Set"

    def __init__(self, items: Any = None, *_: Any) -> None:
        self._entries: dict[Any, Any] = {}
        if items is not None and items is not jsnull:
            for item in items:
                self._entries[_key(item)] = item

    @property
    def size(self) -> int:
        return len(self._entries)

    def add(self, value: Any = None, *_: Any) -> JsSet:
        self._entries.setdefault(_key(value), value)
        return self

    def has(self, value: Any = None, *_: Any) -> bool:
        return _key(value) in self._entries

    def delete(self, value: Any = None, *_: Any) -> bool:
        missing = object()
        return self._entries.pop(_key(value), missing) is not missing

    def clear(self, *_: Any) -> None:
        self._entries.clear()

    def forEach(self, callback: Any = None, *_: Any) -> None:
        for value in list(self._entries.values()):
            call_back(callback, value, value, self)

    def values(self, *_: Any) -> JsIterator:
        return JsIterator(iter(list(self._entries.values())), "Set Iterator")

    keys = values

    def entries(self, *_: Any) -> JsIterator:
        return JsIterator((JsArray([item, item]) for item in list(self._entries.values())), "Set Iterator")

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(list(self._entries.values()))

    def __contains__(self, value: Any) -> bool:
        return _key(value) in self._entries

    def _own_keys(self) -> list[str]:
        return []

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        made: set[Any] = set()
        run.cache[id(self)] = made
        made.update(run.convert(item, depth - 1) for item in self._entries.values())
        return made
