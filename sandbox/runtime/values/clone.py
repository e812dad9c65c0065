"""The structured clone algorithm, with the additions of Workers RPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.runtime.values.arrays import JsArray
from sandbox.runtime.values.buffers import ArrayBuffer
from sandbox.runtime.values.data_view import DataView
from sandbox.runtime.values.dates import JsDate
from sandbox.runtime.values.errors import JsException
from sandbox.runtime.values.maps import JsMap, JsSet
from sandbox.runtime.values.numbers import JsBoolean, JsNumber, JsString, normalize_float
from sandbox.runtime.values.objects import JsObject, plain_object
from sandbox.runtime.values.promise import JsPromise
from sandbox.runtime.values.proxies import JsRpcStub, PyProxy
from sandbox.runtime.values.proxy import JsProxy, jsnull
from sandbox.runtime.values.typed_arrays import TypedArray

# Classes that enter themselves: what crosses RPC by reference (streams, services, bodies), and how.
_crossing: dict[type, Callable[[Any], Any]] = {}


def crosses_rpc(cls: type, how: Callable[[Any], Any] = lambda value: value) -> None:
    """Let instances of `cls` cross RPC; `how` makes what arrives (by default the object itself)."""
    _crossing[cls] = how


def structured_clone(value: Any, *, functions: bool = True) -> Any:
    """Clone a value as Workers RPC does: data is copied, functions become stubs, bodies and streams pass over.

    Raises JsException of name DataCloneError for what cannot cross: any other class, among them plain Python objects.
    With `functions=False` it is `structuredClone`, which refuses functions too.
    """
    return _clone(value, {}, functions)


def _clone(value: Any, seen: dict[int, Any], functions: bool) -> Any:
    if value is None or value is jsnull or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        return normalize_float(value)
    known = seen.get(id(value))
    if known is not None:
        return known
    cls = type(value)
    if cls is JsObject:
        made = seen[id(value)] = plain_object({})
        data = made._data
        for key, item in value._data.items():
            data[key] = _clone(item, seen, functions)
        return made
    if cls is JsArray:
        array = seen[id(value)] = JsArray([])
        array._items.extend(_clone(item, seen, functions) for item in value._items)
        return array
    if isinstance(value, JsMap):
        target = seen[id(value)] = JsMap()
        for key, item in list(value._entries.values()):
            target.set(_clone(key, seen, functions), _clone(item, seen, functions))
        return target
    if isinstance(value, JsSet):
        items = seen[id(value)] = JsSet()
        for item in value:
            items.add(_clone(item, seen, functions))
        return items
    simple = _clone_simple(value)
    if simple is not None:
        return simple
    how = next((_crossing[base] for base in cls.__mro__ if base in _crossing), None)
    if how is not None:
        return how(value)
    if functions:
        if isinstance(value, JsRpcStub):
            return value.dup()
        if isinstance(value, JsPromise):
            return value.then(structured_clone)
        if isinstance(value, PyProxy):
            value = value.unwrap() if callable(value) else value
        if callable(value) and not isinstance(value, type):
            return JsRpcStub(value, structured_clone)
    raise JsException("DataCloneError", _refusal(value))


def _clone_simple(value: Any) -> Any:
    """Copies of what holds no other value; None where it is none of these."""
    if isinstance(value, JsDate):
        return JsDate(value.getTime())
    if isinstance(value, ArrayBuffer):
        return ArrayBuffer._over(value.to_bytes())
    if isinstance(value, TypedArray):
        return type(value)._over(value.to_bytes())
    if isinstance(value, DataView):
        return DataView(ArrayBuffer._over(value.to_bytes()))
    if isinstance(value, JsException):
        copy = JsException(value.name, value.message)
        copy.constructor = value.constructor  # type: ignore[misc]
        return copy
    if isinstance(value, (JsNumber, JsString, JsBoolean)):
        return type(value)(value.valueOf())
    return None


def _refusal(value: Any) -> str:
    if callable(value):
        return f"{value} could not be cloned."
    name = value._tag if isinstance(value, JsProxy) else "PyProxy"
    return f'Could not serialize object of type "{name}". This type does not support serialization.'
