"""The typed arrays."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, ClassVar

from sandbox.runtime.values.arrays import JsArray, JsIterator, call_back, same, span
from sandbox.runtime.values.buffers import ArrayBuffer, BufferView, byte_view, is_bytes_like
from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.numbers import js_str, normalize_float, to_integer, to_number, truthy
from sandbox.runtime.values.proxy import JsProxy, PyConversion


class TypedArray(BufferView):
    """The typed arrays; `_format` is the element's code in `struct`."""

    __slots__ = ()
    _format: ClassVar[Any] = "B"  # a code of `struct`; Any, as the stubs of memoryview.cast list them one by one
    _size: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        cls._size = struct.calcsize(cls._format)
        cls._static_BYTES_PER_ELEMENT = cls._size  # type: ignore[attr-defined]
        super().__init_subclass__(**kwargs)

    def __init__(self, source: Any = None, offset: Any = None, length: Any = None, *_: Any) -> None:
        if isinstance(source, ArrayBuffer):
            self._place(source, offset, None if length is None else to_integer(length), self._size)
            return
        if source is None or isinstance(source, (bool, int, float, str)):
            count = to_integer(source)
            if count < 0:
                throw("RangeError", f"Invalid typed array length: {js_str(source)}")
            self._place(ArrayBuffer(count * self._size), 0, count, self._size)
            return
        if not isinstance(source, JsProxy) and is_bytes_like(source) and self._size == 1:
            self._take(bytearray(byte_view(source)))
            return
        values = list(source)
        data = bytearray(len(values) * self._size)
        memoryview(data).cast(self._format)[:] = _pack(self._format, [self._coerce(value) for value in values])
        self._take(data)

    def _take(self, data: bytes | bytearray | memoryview) -> None:
        self._owner, self._offset, self._length = ArrayBuffer._over(data), 0, len(data)

    @classmethod
    def _over(cls, data: bytes | bytearray | memoryview) -> Any:
        """An array over these very bytes."""
        made = cls.__new__(cls)
        made._take(data)
        return made

    def _coerce(self, value: Any) -> Any:
        """The element a value becomes: integers wrap around."""
        bits = self._size * 8
        whole = to_integer(value) & ((1 << bits) - 1)
        if self._format in "bhiq" and whole >> (bits - 1):
            whole -= 1 << bits
        return whole

    def _out(self, value: Any) -> Any:
        return value

    def _elements(self) -> memoryview:
        return memoryview(self._bytes()).cast("B").cast(self._format) if self._length else memoryview(b"")

    @property
    def length(self) -> int:
        return self._length // self._size

    @property
    def BYTES_PER_ELEMENT(self) -> int:
        return self._size

    def __len__(self) -> int:
        return self._length // self._size

    def __iter__(self) -> Iterator[Any]:
        return (self._out(value) for value in self._elements())

    def __contains__(self, value: Any) -> bool:
        return any(same(item, value) for item in self)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return JsArray(list(self)[index])
        return self._out(self._elements()[index])

    def __setitem__(self, index: Any, value: Any) -> None:
        self._window().cast("B").cast(self._format)[index] = self._coerce(value)

    def toString(self) -> str:
        return ",".join(js_str(value) for value in self)

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        data = memoryview(bytearray(self._bytes()))
        return data if self._format == "B" else data.cast(self._format)

    def object_values(self) -> Any:
        return JsArray(list(self))

    def subarray(self, start: Any = None, end: Any = None, *_: Any) -> Any:
        part = span(len(self), start, end)
        made = type(self).__new__(type(self))
        made._owner = self._owner
        made._offset = self._offset + part.start * self._size
        made._length = (part.stop - part.start) * self._size
        return made

    def slice(self, start: Any = None, end: Any = None, *_: Any) -> Any:
        part = span(len(self), start, end)
        # `bytes` of a whole bytes object is that object: a copy that costs nothing.
        data = self._bytes()
        if part.start or part.stop != len(self):
            data = memoryview(data)[part.start * self._size : part.stop * self._size]
        return type(self)._over(bytes(data))

    def set(self, source: Any = (), offset: Any = 0, *_: Any) -> None:
        values = list(source)
        start = to_integer(offset)
        if start < 0 or start + len(values) > len(self):
            throw("RangeError", "offset is out of bounds")
        target = self._window().cast("B").cast(self._format)
        target[start : start + len(values)] = _pack(self._format, [self._coerce(value) for value in values])

    def fill(self, value: Any = None, start: Any = None, end: Any = None, *_: Any) -> Any:
        part = span(len(self), start, end)
        item = self._coerce(value)
        target = self._window().cast("B").cast(self._format)
        for index in range(part.start, part.stop):
            target[index] = item
        return self

    def at(self, index: Any = 0, *_: Any) -> Any:
        position = to_integer(index)
        return self[position] if -len(self) <= position < len(self) else None

    def join(self, separator: Any = None, *_: Any) -> str:
        return JsArray(list(self)).join(separator)

    def indexOf(self, value: Any = None, *_: Any) -> int:
        return JsArray(list(self)).indexOf(value)

    def includes(self, value: Any = None, *_: Any) -> bool:
        return self.indexOf(value) >= 0

    def map(self, callback: Any, *_: Any) -> Any:
        return type(self)([call_back(callback, item, index, self) for index, item in enumerate(self)])

    def filter(self, callback: Any, *_: Any) -> Any:
        return type(self)([x for index, x in enumerate(self) if truthy(call_back(callback, x, index, self))])

    def forEach(self, callback: Any, *_: Any) -> None:
        for index, item in enumerate(list(self)):
            call_back(callback, item, index, self)

    def values(self, *_: Any) -> JsIterator:
        return JsIterator(iter(self), "Array Iterator")

    def keys(self, *_: Any) -> JsIterator:
        return JsIterator(iter(range(len(self))), "Array Iterator")

    @classmethod
    def _static_of(cls, *items: Any) -> Any:
        return cls(list(items))

    @classmethod
    def _static_from_(cls, source: Any = (), mapper: Any = None, *_: Any) -> Any:
        items = list(source)
        return cls([call_back(mapper, item, i) for i, item in enumerate(items)] if callable(mapper) else items)


def _pack(code: Any, values: list[Any]) -> Any:
    return memoryview(struct.pack(f"{len(values)}{code}", *values)).cast(code) if values else memoryview(b"").cast(code)


class Uint8Array(TypedArray):
    __slots__ = ()
    _format = "B"


class Int8Array(TypedArray):
    __slots__ = ()
    _format = "b"


class Uint8ClampedArray(TypedArray):
    __slots__ = ()
    _format = "B"

    def _coerce(self, value: Any) -> Any:
        number = to_number(value)
        return 0 if number != number else round(min(max(number, 0), 255))


class Uint16Array(TypedArray):
    __slots__ = ()
    _format = "H"


class Int16Array(TypedArray):
    __slots__ = ()
    _format = "h"


class Uint32Array(TypedArray):
    __slots__ = ()
    _format = "I"


class Int32Array(TypedArray):
    __slots__ = ()
    _format = "i"


class BigUint64Array(TypedArray):
    __slots__ = ()
    _format = "Q"

    def _coerce(self, value: Any) -> Any:
        return int(value) & (2**64 - 1)


class BigInt64Array(TypedArray):
    __slots__ = ()
    _format = "q"

    def _coerce(self, value: Any) -> Any:
        return ((int(value) + 2**63) & (2**64 - 1)) - 2**63


class _FloatArray(TypedArray):
    __slots__ = ()
    _format = "d"

    def _coerce(self, value: Any) -> Any:
        return float(to_number(value))

    def _out(self, value: Any) -> Any:
        return normalize_float(value)


class Float32Array(_FloatArray):
    __slots__ = ()
    _format = "f"


class Float64Array(_FloatArray):
    __slots__ = ()
    _format = "d"


TYPED_ARRAYS: tuple[type[TypedArray], ...] = (
    Uint8Array,
    Int8Array,
    Uint8ClampedArray,
    Uint16Array,
    Int16Array,
    Uint32Array,
    Int32Array,
    BigUint64Array,
    BigInt64Array,
    Float32Array,
    Float64Array,
)
_BY_FORMAT = {cls._format: cls for cls in reversed(TYPED_ARRAYS)} | {"B": Uint8Array, "c": Uint8Array, "?": Uint8Array}
_BY_FORMAT |= {"l": BigInt64Array, "L": BigUint64Array}


def from_buffer(value: Any) -> TypedArray:
    """The typed array Pyodide makes of a Python buffer: a copy, its class by the buffer's element format."""
    if type(value) is bytes:
        return Uint8Array._over(value)  # type: ignore[no-any-return]
    view = memoryview(value)
    cls = _BY_FORMAT.get(view.format.lstrip("<=@"), Uint8Array)
    return cls._over(view.tobytes())  # type: ignore[no-any-return]
