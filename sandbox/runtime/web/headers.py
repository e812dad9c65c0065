"""`Headers`: names compared by case, values joined by a comma, `Set-Cookie` kept apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sandbox.runtime.values import JsArray, JsIterator, JsMap, JsObject, call_back, js_str, jsnull, throw
from sandbox.runtime.values.maplike import MapLike
from sandbox.runtime.values.proxy import JsProxy

_is_name = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").match
_bad_value = re.compile(r"[\r\n\0]").search
_WHITESPACE = " \t\r\n"


def header_name(name: Any) -> str:
    """The lower-case name; a TypeError where it is not an HTTP token."""
    text = name if type(name) is str else js_str(name)
    if _is_name(text) is None:
        throw("TypeError", f"Invalid header name: {text!r}")
    return text.lower()


def header_value(value: Any) -> str:
    """The value as JavaScript's text without outer whitespace; a TypeError where it holds CR, LF or NUL."""
    text = (value if type(value) is str else js_str(value)).strip(_WHITESPACE)
    if _bad_value(text) is not None:
        throw("TypeError", "Invalid header value.")
    return text


class Headers(MapLike):
    """`Headers`; iterating yields `[name, value]` arrays sorted by name."""

    __slots__ = ("_cookies", "_immutable", "_map")
    _map: dict[str, str]
    _cookies: list[str] | None

    def __init__(self, init: Any = None, *_: Any) -> None:
        self._map = {}
        self._cookies = None
        self._immutable = False
        if init is None or init is jsnull:
            return
        if type(init) is Headers:
            self._map = init._map.copy()
            self._cookies = None if init._cookies is None else init._cookies[:]
        elif isinstance(init, JsObject):
            for name, value in init._data.items():
                self._add(header_name(name), header_value(value))
        else:
            for name, value in _pairs(init):
                self._add(header_name(name), header_value(value))

    @classmethod
    def _of(cls, pairs: Iterable[tuple[str, str]]) -> Headers:
        """Headers the host trusts: names in any case, values as they came."""
        made = cls.__new__(cls)
        made._map = {}
        made._cookies = None
        made._immutable = False
        for name, value in pairs:
            made._add(name.lower(), value.strip(_WHITESPACE))
        return made

    def _add(self, name: str, value: str) -> None:
        if name == "set-cookie":
            if self._cookies is None:
                self._cookies = [value]
            else:
                self._cookies.append(value)
        elif name in self._map:
            self._map[name] = f"{self._map[name]}, {value}"
        else:
            self._map[name] = value

    def _pairs(self) -> list[tuple[str, str]]:
        """Lower-case names and values in the order they were set; every Set-Cookie by itself."""
        pairs = list(self._map.items())
        if self._cookies is not None:
            pairs.extend(("set-cookie", cookie) for cookie in self._cookies)
        return pairs

    def _sorted(self) -> list[tuple[str, str]]:
        return sorted(self._pairs(), key=lambda pair: pair[0])

    def _check_mutable(self) -> None:
        if self._immutable:
            throw("TypeError", "Can't modify immutable headers.")

    def get(self, name: Any = None, *_: Any) -> Any:
        key = header_name(name)
        if key == "set-cookie":
            return jsnull if self._cookies is None else ", ".join(self._cookies)
        return self._map.get(key, jsnull)

    def has(self, name: Any = None, *_: Any) -> bool:
        key = header_name(name)
        return bool(self._cookies) if key == "set-cookie" else key in self._map

    def set(self, name: Any = None, value: Any = None, *_: Any) -> None:
        key, text = header_name(name), header_value(value)
        self._check_mutable()
        if key == "set-cookie":
            self._cookies = [text]
        else:
            self._map[key] = text

    def append(self, name: Any = None, value: Any = None, *_: Any) -> None:
        key, text = header_name(name), header_value(value)
        self._check_mutable()
        self._add(key, text)

    def delete(self, name: Any = None, *_: Any) -> None:
        key = header_name(name)
        self._check_mutable()
        if key == "set-cookie":
            self._cookies = None
        else:
            self._map.pop(key, None)

    def getSetCookie(self, *_: Any) -> JsArray:
        return JsArray(list(self._cookies or ()))

    def getAll(self, name: Any = None, *_: Any) -> JsArray:
        if header_name(name) != "set-cookie":
            throw("TypeError", 'getAll() can only be used with the header name "Set-Cookie".')
        return self.getSetCookie()

    def forEach(self, callback: Any = None, *_: Any) -> None:
        for name, value in self._sorted():
            call_back(callback, value, name, self)

    def keys(self, *_: Any) -> JsIterator:
        return JsIterator((name for name, _ in self._sorted()), "Headers Iterator")

    def values(self, *_: Any) -> JsIterator:
        return JsIterator((value for _, value in self._sorted()), "Headers Iterator")

    def entries(self, *_: Any) -> JsIterator:
        return JsIterator(iter(self), "Headers Iterator")

    def __iter__(self) -> Iterator[JsArray]:
        return (JsArray(list(pair)) for pair in self._sorted())

    def _own_keys(self) -> list[str]:
        return []


def _pairs(init: Any) -> Iterator[tuple[Any, Any]]:
    """Pairs of a sequence of pairs: JavaScript's or Python's, a Map by its entries."""
    if isinstance(init, JsMap):
        yield from list(init._entries.values())
        return
    if isinstance(init, (str, int, float)) or not hasattr(init, "__iter__"):
        if isinstance(init, JsProxy):
            for name in init._own_keys():
                yield name, getattr(init, name)
            return
        throw("TypeError", "Failed to construct 'Headers': the provided value is not a sequence or a record.")
    for pair in init:
        items = () if isinstance(pair, (str, int, float)) else tuple(pair)
        if len(items) != 2:
            throw(
                "TypeError",
                "To initialize a Headers object from a sequence, each inner sequence must have exactly two elements.",
            )
        yield items[0], items[1]


pairs_of = _pairs
