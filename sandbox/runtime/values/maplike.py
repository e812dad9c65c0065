"""Subscripts on objects with `get`, `set`, `has` and `delete`, which Pyodide gives to its proxies of them."""

from __future__ import annotations

from typing import Any

from sandbox.runtime.values.host import HostObject


class MapLike(HostObject):
    """A host object that Python can subscript: `headers["x"]`, `"x" in headers`."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        value = self.get(key)
        if value is None and not self.has(key):
            raise KeyError(key)
        return value

    def __setitem__(self, key: Any, value: Any) -> None:
        self.set(key, value)

    def __delitem__(self, key: Any) -> None:
        if not self.has(key):
            raise KeyError(key)
        self.delete(key)

    def __contains__(self, key: Any) -> bool:
        return bool(self.has(key))
