"""`to_js`, `to_py` and the host's short cut to plain data."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

from sandbox.runtime.values.arrays import JsArray
from sandbox.runtime.values.buffers import ArrayBuffer, BufferView
from sandbox.runtime.values.dates import JsDate
from sandbox.runtime.values.errors import ConversionError
from sandbox.runtime.values.maps import JsMap, JsSet
from sandbox.runtime.values.numbers import JsNumber, js_str, normalize_float
from sandbox.runtime.values.objects import JsObject
from sandbox.runtime.values.proxies import PyProxy, create_proxy
from sandbox.runtime.values.proxy import JsProxy, PyConversion, jsnull
from sandbox.runtime.values.typed_arrays import from_buffer

_AS_IS = frozenset({str, int, bool, type(None), type(jsnull)})
_BUFFERS = (bytes, bytearray, memoryview, array.array)
# What `to_js` converts by itself; anything else is the default converter's.
_CONVERTED = (str, int, float, list, tuple, dict, set, frozenset, *_BUFFERS)

object_from_entries = JsObject.constructor.fromEntries

Converter = Callable[..., Any]


class _ToJs:
    """One run of `to_js`."""

    __slots__ = ("cache", "create_pyproxies", "default_converter", "dict_converter", "pyproxies")

    def __init__(
        self, dict_converter: Converter | None, default_converter: Converter | None, pyproxies: Any, create: bool
    ) -> None:
        self.dict_converter = dict_converter
        self.default_converter = default_converter
        self.pyproxies = pyproxies
        self.create_pyproxies = create
        self.cache: dict[int, Any] = {}

    def convert(self, value: Any, depth: int = -1) -> Any:
        kind = type(value)
        if kind in _AS_IS or isinstance(value, JsProxy):
            return value
        if isinstance(value, float):
            return normalize_float(value)
        if isinstance(value, (str, int)):
            return value
        known = self.cache.get(id(value), self)
        if known is not self:
            return known
        if depth == 0:
            return value
        if isinstance(value, (list, tuple)):
            items: list[Any] = []
            made: Any = JsArray(items)
            self.cache[id(value)] = made
            for item in value:
                items.append(item if type(item) in _AS_IS else self.convert(item, depth - 1))
            return made
        if isinstance(value, dict):
            return self._dict(value, depth)
        if isinstance(value, (set, frozenset)):
            made = JsSet([self.convert(item, depth - 1) for item in value])
            self.cache[id(value)] = made
            return made
        if isinstance(value, _BUFFERS):
            return from_buffer(value)
        return self._other(value)

    def _dict(self, value: dict[Any, Any], depth: int) -> Any:
        pairs = [(key, item if type(item) in _AS_IS else self.convert(item, depth - 1)) for key, item in value.items()]
        if self.dict_converter is None:
            for key, _ in pairs:
                if not isinstance(key, (str, int, float)):
                    raise ConversionError(f"Cannot use {key!r} as a key for a Javascript Map")
            made: Any = JsMap(pairs)
        elif self.dict_converter is object_from_entries:
            made = JsObject({key if type(key) is str else js_str(key): item for key, item in pairs})
        else:
            made = self.dict_converter(JsArray([JsArray(list(pair)) for pair in pairs]))
        self.cache[id(value)] = made
        return made

    def _other(self, value: Any) -> Any:
        if self.default_converter is not None:
            return self.default_converter(value, self.convert, self.remember)
        if not self.create_pyproxies:
            raise ConversionError(f"No conversion known for {value!r}")
        if self.pyproxies is not None:
            self.pyproxies.append(create_proxy(value))
        return value

    def remember(self, value: Any, converted: Any) -> None:
        self.cache[id(value)] = converted


def to_js(
    value: Any,
    /,
    *,
    depth: int = -1,
    pyproxies: Any = None,
    create_pyproxies: bool = True,
    dict_converter: Converter | None = None,
    default_converter: Converter | None = None,
    eager_converter: Converter | None = None,
) -> Any:
    """Convert a Python value to JavaScript, by Pyodide's rules.

    Strings, numbers and booleans stay (integral floats become integers), None stays undefined; list and tuple become
    Array, dict a Map or what `dict_converter` makes of its entries, set a Set, buffers a typed array (copied). Anything
    else goes to `default_converter(value, convert, cache)`; without one it stays the Python object, which is what a
    proxy of it would come back as.
    """
    kind = type(value)
    if kind in _AS_IS or isinstance(value, JsProxy):
        return value
    if kind is float:
        return normalize_float(value)
    run = _ToJs(dict_converter, default_converter, pyproxies, create_pyproxies)
    if default_converter is not None and eager_converter is None and not isinstance(value, _CONVERTED):
        return default_converter(value, run.convert, run.remember)
    if eager_converter is not None:
        return eager_converter(value, run.convert, run.remember)
    return run.convert(value, depth)


def to_py(value: Any, /, *, depth: int = -1, default_converter: Converter | None = None) -> Any:
    """The Python value of a JavaScript one; values that are not objects stay."""
    return PyConversion(default_converter).convert(value, depth)


def from_js_plain(value: Any) -> Any:
    """A JavaScript value as plain data: dict, list, str, int, float, bool, None (undefined and null), bytes.

    Dates become their ISO text, Map a dict (keys as text), Set a list. Raises TypeError for anything else.
    """
    if value is None or value is jsnull or isinstance(value, (str, bool, int)):
        return None if value is jsnull else value
    if isinstance(value, float):
        return normalize_float(value)
    if isinstance(value, JsObject):
        return {key: from_js_plain(item) for key, item in value._data.items()}
    if isinstance(value, (JsArray, JsSet, list, tuple, set, frozenset)):
        return [from_js_plain(item) for item in value]
    if isinstance(value, JsMap):
        return {js_str(key): from_js_plain(item) for key, item in value._entries.values()}
    if isinstance(value, dict):
        return {js_str(key): from_js_plain(item) for key, item in value.items()}
    if isinstance(value, (ArrayBuffer, BufferView)):
        return value.to_bytes()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if isinstance(value, JsDate):
        return value.toJSON()
    if isinstance(value, JsNumber):
        return value.valueOf()
    if isinstance(value, PyProxy):
        return from_js_plain(value.unwrap())
    raise TypeError(f"no plain data in {value!r}")
