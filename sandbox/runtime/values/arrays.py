"""Arrays and iterators."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, MutableSequence
from typing import Any

from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.host import HostObject, js_method
from sandbox.runtime.values.numbers import js_str, to_integer, truthy
from sandbox.runtime.values.objects import JsObject
from sandbox.runtime.values.proxy import JsProxy, PyConversion, _made, jsnull


class JsArray(JsProxy, MutableSequence[Any]):
    """`Array`: JavaScript's methods plus Python's sequence protocol, as Pyodide gives its arrays."""

    __slots__ = ("__weakref__", "_items")
    js_name = "Array"

    def __init__(self, items: Iterable[Any] = ()) -> None:
        self._items = items if type(items) is list else list(items)

    @staticmethod
    def _called(*items: Any) -> JsArray:
        return new_array(*items)

    # --- Python's protocol

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return JsArray(self._items[index])
        return self._items[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._items[index] = value

    def __delitem__(self, index: Any) -> None:
        del self._items[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items)

    def __contains__(self, value: Any) -> bool:
        return value in self._items

    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = object.__hash__

    def insert(self, index: int, value: Any) -> None:
        self._items.insert(index, value)

    # --- JavaScript's

    def toString(self) -> str:
        return self.join(",")

    def _own_keys(self) -> list[str]:
        return [str(index) for index in range(len(self._items))]

    def object_values(self) -> Any:
        return JsArray(list(self._items))

    def object_entries(self) -> Any:
        return JsArray([JsArray([str(index), item]) for index, item in enumerate(self._items)])

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        made: list[Any] = []
        run.cache[id(self)] = made
        convert = run.convert
        made.extend([convert(item, depth - 1) for item in self._items])
        return made

    @property
    def length(self) -> int:
        return len(self._items)

    def push(self, *items: Any) -> int:
        self._items.extend(items)
        return len(self._items)

    def pop(self, *index: Any) -> Any:
        if not self._items and not index:
            return None
        return self._items.pop(*index)

    def shift(self, *_: Any) -> Any:
        return self._items.pop(0) if self._items else None

    def unshift(self, *items: Any) -> int:
        self._items[:0] = items
        return len(self._items)

    def _span(self, start: Any, end: Any) -> slice:
        return span(len(self._items), start, end)

    def slice(self, start: Any = None, end: Any = None, *_: Any) -> JsArray:
        return JsArray(self._items[self._span(start, end)])

    def splice(self, start: Any = None, count: Any = None, *items: Any) -> JsArray:
        first = self._span(start, None).start
        last = len(self._items) if count is None else first + max(to_integer(count), 0)
        removed = self._items[first:last]
        self._items[first:last] = items
        return JsArray(removed)

    def join(self, separator: Any = None, *_: Any) -> str:
        joiner = "," if separator is None else js_str(separator)
        return joiner.join("" if item is None or item is jsnull else js_str(item) for item in self._items)

    def concat(self, *others: Any) -> JsArray:
        made = list(self._items)
        for other in others:
            made.extend(other._items) if isinstance(other, JsArray) else made.append(other)
        return JsArray(made)

    def indexOf(self, value: Any = None, *_: Any) -> int:
        return next((index for index, item in enumerate(self._items) if same(item, value)), -1)

    def includes(self, value: Any = None, *_: Any) -> bool:
        return self.indexOf(value) >= 0

    def at(self, index: Any = 0, *_: Any) -> Any:
        position = to_integer(index)
        return self._items[position] if -len(self._items) <= position < len(self._items) else None

    def map(self, callback: Any, *_: Any) -> JsArray:
        return JsArray([_call(callback, item, index, self) for index, item in enumerate(self._items)])

    def filter(self, callback: Any, *_: Any) -> JsArray:
        return JsArray([x for index, x in enumerate(self._items) if truthy(_call(callback, x, index, self))])

    def forEach(self, callback: Any, *_: Any) -> None:
        for index, item in enumerate(list(self._items)):
            _call(callback, item, index, self)

    def find(self, callback: Any, *_: Any) -> Any:
        return next((x for index, x in enumerate(self._items) if truthy(_call(callback, x, index, self))), None)

    def findIndex(self, callback: Any, *_: Any) -> int:
        return next((i for i, x in enumerate(self._items) if truthy(_call(callback, x, i, self))), -1)

    def some(self, callback: Any, *_: Any) -> bool:
        return any(truthy(_call(callback, item, index, self)) for index, item in enumerate(self._items))

    def every(self, callback: Any, *_: Any) -> bool:
        return all(truthy(_call(callback, item, index, self)) for index, item in enumerate(self._items))

    def reduce(self, callback: Any, *initial: Any) -> Any:
        if not self._items and not initial:
            throw("TypeError", "Reduce of empty array with no initial value")
        return functools.reduce(lambda total, item: _call(callback, total, item), self._items, *initial)

    def sort(self, compare: Any = None, *_: Any) -> JsArray:
        if compare is None:
            self._items.sort(key=js_str)
        else:
            self._items.sort(key=functools.cmp_to_key(lambda a, b: to_integer(compare(a, b))))
        return self

    def flat(self, depth: Any = 1, *_: Any) -> JsArray:
        made: list[Any] = []
        for item in self._items:
            if isinstance(item, JsArray) and depth >= 1:
                made.extend(item.flat(depth - 1)._items)
            else:
                made.append(item)
        return JsArray(made)

    def keys(self, *_: Any) -> JsIterator:
        return JsIterator(iter(range(len(self._items))), "Array Iterator")

    def values(self, *_: Any) -> JsIterator:
        return JsIterator(iter(self._items), "Array Iterator")

    def entries(self, *_: Any) -> JsIterator:
        return JsIterator((JsArray(pair) for pair in enumerate(self._items)), "Array Iterator")

    @staticmethod
    def _static_of(*items: Any) -> JsArray:
        return JsArray(list(items))

    @staticmethod
    def _static_isArray(value: Any = None, *_: Any) -> bool:
        return isinstance(value, JsArray)

    @staticmethod
    def _static_from(source: Any = (), mapper: Any = None, *_: Any) -> JsArray:
        if isinstance(source, JsObject):
            source = [source._data.get(str(i)) for i in range(to_integer(source._data.get("length")))]
        items = list(source)
        return JsArray([_call(mapper, item, i) for i, item in enumerate(items)] if callable(mapper) else items)

    _static_from_ = _static_from


_made["array"] = JsArray


def new_array(*items: Any) -> JsArray:
    """`new Array(...)`: one number is a length, anything else the items."""
    if len(items) == 1 and type(items[0]) is int:
        if not 0 <= items[0] < 2**32:
            throw("RangeError", "Invalid array length")
        return JsArray([None] * items[0])
    return JsArray(list(items))


JsArray.constructor.new = new_array


def same(left: Any, right: Any) -> bool:
    """`===` between values: objects by identity, numbers by value, a boolean is no number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return left is right or (not isinstance(left, JsProxy) and left == right)


def span(length: int, start: Any, end: Any) -> slice:
    """The slice JavaScript's `slice(start, end)` means: negative counts from the end, both clamped."""
    first = to_integer(start)
    last = length if end is None else to_integer(end)
    first = max(length + first, 0) if first < 0 else min(first, length)
    last = max(length + last, 0) if last < 0 else min(last, length)
    return slice(first, max(last, first))


def _call(callback: Callable[..., Any], *args: Any) -> Any:
    """Call back with as many of the arguments as a Python function takes; JavaScript drops surplus ones."""
    code = getattr(callback, "__code__", None)
    if code is not None and not code.co_flags & 0x04:
        bound = 1 if getattr(callback, "__self__", None) is not None else 0
        args = args[: code.co_argcount - bound]
    return callback(*args)


call_back = _call


class JsIterator(HostObject):
    """A JavaScript iterator: Python iterates it, `next()` answers `{done, value}`."""

    def __init__(self, source: Iterator[Any], name: str = "Iterator") -> None:
        self._source = source
        self._name = name

    def __iter__(self) -> Iterator[Any]:
        return self._source

    def __next__(self) -> Any:
        return next(self._source)

    @js_method
    def next(self) -> JsObject:
        for value in self._source:
            return JsObject({"done": False, "value": value})
        return JsObject({"done": True, "value": None})

    def toString(self) -> str:
        return f"[object {self._name}]"
