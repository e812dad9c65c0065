"""Plain objects (`{}`), the statics of `Object`, and reading options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import Any

from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.numbers import js_str
from sandbox.runtime.values.proxy import JsProxy, PyConversion, _made, jsnull, python_name


class JsObject(JsProxy):
    """A plain object; its properties are Python attributes. Built from a mapping or from pairs.

    The keys of an object are strings; those that are array indexes come first, in ascending order, as in JavaScript.
    """

    __slots__ = ("__weakref__", "_data")
    js_name = "Object"
    _data: dict[str, Any]

    def __init__(self, data: Mapping[str, Any] | Iterable[tuple[str, Any]] = ()) -> None:
        _set_data(self, ordered(dict(data)))

    @staticmethod
    def _called(value: Any = None, *_: Any) -> Any:
        return JsObject() if value is None or value is jsnull else value

    def __getattr__(self, name: str) -> Any:
        data = self._data
        if name in data:
            return data[name]
        plain = python_name(name)
        if plain in data:
            return data[plain]
        raise AttributeError(name, name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        self._data[python_name(name)] = value

    def __delattr__(self, name: str) -> None:
        if self._data.pop(python_name(name), self) is self:
            raise AttributeError(name, name=name, obj=self)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._data]

    def _own_keys(self) -> list[str]:
        return list(self._data)

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        made: dict[str, Any] = {}
        run.cache[id(self)] = made
        convert = run.convert
        for key, value in self._data.items():
            made[key] = value if type(value) in _PLAIN else convert(value, depth - 1)
        return made

    def as_object_map(self, *, hereditary: bool = False) -> ObjectMap:
        """The properties as a Python mapping (Pyodide's way to subscript an object)."""
        return ObjectMap(self._data)

    @staticmethod
    def _static_fromEntries(entries: Any = None, *_: Any) -> JsObject:
        pairs = entry_pairs(entries)
        return JsObject((js_str(key), value) for key, value in pairs)

    @staticmethod
    def _static_keys(value: Any = None, *_: Any) -> Any:
        return _made["array"]([key for key, _ in own_entries(value)])

    @staticmethod
    def _static_values(value: Any = None, *_: Any) -> Any:
        return _made["array"]([item for _, item in own_entries(value)])

    @staticmethod
    def _static_entries(value: Any = None, *_: Any) -> Any:
        array = _made["array"]
        return array([array([key, item]) for key, item in own_entries(value)])

    @staticmethod
    def _static_assign(target: Any = None, *sources: Any) -> Any:
        for source in sources:
            for key, value in own_entries(source, strict=False):
                setattr(target, key, value)
        return target

    @staticmethod
    def _static_freeze(value: Any = None, *_: Any) -> Any:
        return value

    @staticmethod
    def _static_is(left: Any = None, right: Any = None, *_: Any) -> bool:
        return left is right or (type(left) is type(right) and not isinstance(left, JsProxy) and left == right)


_set_data = JsObject.__dict__["_data"].__set__
_PLAIN = frozenset({str, int, float, bool, type(None)})
_made["object"] = JsObject


def plain_object(data: dict[str, Any]) -> JsObject:
    """A JsObject over this very dict (not copied)."""
    made = JsObject.__new__(JsObject)
    _set_data(made, data)
    return made


def ordered(data: dict[str, Any]) -> dict[str, Any]:
    """The dict with its array-index keys first, ascending; itself where there is none."""
    indexes = [key for key in data if key.isdecimal() and key.isascii() and (key == "0" or key[0] != "0")]
    if not indexes:
        return data
    head = {key: data[key] for key in sorted(indexes, key=int)}
    return head | {key: value for key, value in data.items() if key not in head}


def own_entries(value: Any, *, strict: bool = True) -> list[tuple[str, Any]]:
    """The enumerable own properties of any value, as `Object.entries` sees them."""
    if isinstance(value, JsObject):
        return list(value._data.items())
    if isinstance(value, JsProxy):
        return [(key, getattr(value, key)) for key in value._own_keys()]
    if isinstance(value, str):
        return [(str(index), char) for index, char in enumerate(value)]
    if strict and (value is None or value is jsnull):
        throw("TypeError", "Cannot convert undefined or null to object")
    return []


def entry_pairs(entries: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs out of any iterable of two-element sequences, JavaScript's or Python's."""
    try:
        iterator = iter(entries)
    except TypeError:
        throw("TypeError", f"{js_str(entries)} is not iterable")
    for entry in iterator:
        if isinstance(entry, str) or not hasattr(entry, "__getitem__"):
            throw("TypeError", f"Iterator value {js_str(entry)} is not an entry object")
        yield (entry[0] if len(entry) > 0 else None), (entry[1] if len(entry) > 1 else None)


def option(options: Any, name: str, default: Any = None) -> Any:
    """A field of an options object; `default` where there are no options or the field is undefined.

    Only JavaScript objects carry options: a Python dict that was passed without conversion has no such property on
    Cloudflare either.
    """
    if type(options) is JsObject:
        value = options._data.get(name)
    elif isinstance(options, JsProxy):
        value = getattr(options, name, None)
    else:
        return default
    return default if value is None else value


class ObjectMap(MutableMapping[str, Any]):
    """`obj.as_object_map()`: the live properties of a plain object as a mapping."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data

    def __getitem__(self, key: str) -> Any:
        return self._data[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self._data[key] = value

    def __delitem__(self, key: str) -> None:
        del self._data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)
