"""`DataView`."""

from __future__ import annotations

import struct
from typing import Any

from sandbox.runtime.values.buffers import ArrayBuffer, BufferView
from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.numbers import normalize_float, to_integer, to_number, truthy
from sandbox.runtime.values.typed_arrays import Float32Array, Float64Array

_VIEW_TYPES = {
    "Int8": ("b", 1),
    "Uint8": ("B", 1),
    "Int16": ("h", 2),
    "Uint16": ("H", 2),
    "Int32": ("i", 4),
    "Uint32": ("I", 4),
    "BigInt64": ("q", 8),
    "BigUint64": ("Q", 8),
    "Float32": ("f", 4),
    "Float64": ("d", 8),
}


class DataView(BufferView):
    """`DataView`: reads and writes numbers at byte offsets, big-endian unless told otherwise."""

    __slots__ = ()

    def __init__(self, buffer: Any = None, offset: Any = None, length: Any = None, *_: Any) -> None:
        if not isinstance(buffer, ArrayBuffer):
            throw("TypeError", "First argument to DataView constructor must be an ArrayBuffer")
        self._place(buffer, offset, None if length is None else to_integer(length), 1)

    def _at(self, offset: Any, size: int) -> int:
        start = to_integer(offset)
        if start < 0 or start + size > self._length:
            throw("RangeError", "Offset is outside the bounds of the DataView")
        return start

    def __getattr__(self, name: str) -> Any:
        code, size = _VIEW_TYPES.get(name[3:], ("", 0))
        if code and name.startswith("get"):

            def get(offset: Any = 0, little: Any = False, *_: Any) -> Any:
                order = "<" if truthy(little) else ">"
                (value,) = struct.unpack_from(order + code, self._bytes(), self._at(offset, size))
                return normalize_float(value) if isinstance(value, float) else value

            return get
        if code and name.startswith("set"):
            scratch = {"f": Float32Array, "d": Float64Array}.get(code)

            def put(offset: Any = 0, value: Any = None, little: Any = False, *_: Any) -> None:
                order = "<" if truthy(little) else ">"
                if scratch is not None:
                    element: Any = float(to_number(value))
                else:
                    element = to_integer(value) & ((1 << size * 8) - 1)
                struct.pack_into(
                    order + (code if scratch else code.upper()), self._window(), self._at(offset, size), element
                )

            return put
        raise AttributeError(name, name=name, obj=self)
