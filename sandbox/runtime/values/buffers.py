"""`ArrayBuffer`, typed arrays and `DataView`.

A buffer holds any object of Python's buffer protocol. Bytes that came from the host are not copied: the first write
through a view replaces immutable bytes by a private copy.
"""

from __future__ import annotations

from typing import Any

from sandbox.runtime.values.arrays import span
from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.numbers import to_integer
from sandbox.runtime.values.proxy import JsProxy, PyConversion


class JsBuffer(JsProxy):
    """Pyodide's `JsBuffer`: what an ArrayBuffer and its views offer Python."""

    __slots__ = ()

    def _bytes(self) -> bytes | bytearray | memoryview:
        """The bytes, uncopied where the host's own object can be handed on."""
        raise AttributeError("_bytes")

    def _window(self) -> memoryview:
        """The bytes, to be written to."""
        raise AttributeError("_window")

    def __bool__(self) -> bool:
        return len(self._bytes()) > 0

    def to_bytes(self) -> bytes:
        return bytes(self._bytes())

    def to_memoryview(self) -> memoryview:
        return memoryview(bytearray(self._bytes()))

    def to_string(self, encoding: str | None = None) -> str:
        return str(self._bytes(), encoding or "utf-8")

    def assign(self, source: Any) -> None:
        self._window()[:] = byte_view(source)

    def assign_to(self, target: Any) -> None:
        memoryview(target).cast("B")[:] = memoryview(self._bytes())

    def _as_py(self, run: PyConversion, depth: int) -> Any:
        return self.to_memoryview()

    def _own_keys(self) -> list[str]:
        return []


class ArrayBuffer(JsBuffer):
    """`ArrayBuffer`: a run of bytes, shared by its views."""

    __slots__ = ("__weakref__", "_data")
    js_name = "ArrayBuffer"
    _data: bytes | bytearray | memoryview

    def __init__(self, length: Any = 0, *_: Any) -> None:
        size = to_integer(length)
        if size < 0:
            throw("RangeError", "Array buffer allocation failed")
        self._data = bytearray(size)

    @classmethod
    def _over(cls, data: bytes | bytearray | memoryview) -> ArrayBuffer:
        """A buffer over these very bytes."""
        made = cls.__new__(cls)
        made._data = data
        return made

    def _writable(self) -> bytearray | memoryview:
        data = self._data
        if isinstance(data, bytes) or (isinstance(data, memoryview) and data.readonly):
            data = self._data = bytearray(data)
        return data

    @property
    def byteLength(self) -> int:
        return len(self._data)

    def __len__(self) -> int:
        return len(self._data)

    def _bytes(self) -> bytes | bytearray | memoryview:
        return self._data

    def _window(self) -> memoryview:
        return memoryview(self._writable())

    def slice(self, start: Any = None, end: Any = None, *_: Any) -> ArrayBuffer:
        return ArrayBuffer._over(bytes(self._data[span(len(self._data), start, end)]))

    @staticmethod
    def _static_isView(value: Any = None, *_: Any) -> bool:
        return isinstance(value, BufferView)


class BufferView(JsBuffer):
    """What typed arrays and DataView share: a window of a buffer, in bytes."""

    __slots__ = ("__weakref__", "_length", "_offset", "_owner")
    _owner: ArrayBuffer
    _offset: int
    _length: int  # bytes

    @property
    def buffer(self) -> ArrayBuffer:
        return self._owner

    @property
    def byteLength(self) -> int:
        return self._length

    @property
    def byteOffset(self) -> int:
        return self._offset

    def _bytes(self) -> bytes | bytearray | memoryview:
        """The bytes in view, uncopied where the host's own object can be handed on."""
        data = self._owner._data
        if self._offset == 0 and self._length == len(data):
            return data
        return memoryview(data)[self._offset : self._offset + self._length]

    def _window(self) -> memoryview:
        return memoryview(self._owner._writable())[self._offset : self._offset + self._length]

    def _place(self, owner: ArrayBuffer, offset: Any, length: int | None, size: int) -> None:
        start = to_integer(offset)
        if start % size:
            throw("RangeError", f"start offset of {self._tag} should be a multiple of {size}")
        room = len(owner._data) - start
        if start < 0 or room < 0:
            throw("RangeError", f"Start offset {start} is outside the bounds of the buffer")
        if length is None:
            if room % size:
                throw("RangeError", f"byte length of {self._tag} should be a multiple of {size}")
            length = room // size
        if length < 0 or length * size > room:
            throw("RangeError", f"Invalid typed array length: {length}")
        self._owner, self._offset, self._length = owner, start, length * size


def is_bytes_like(value: Any) -> bool:
    return isinstance(value, (bytes, bytearray, memoryview))


def byte_view(value: Any) -> memoryview:
    """The bytes of any buffer, Python's or JavaScript's, as a flat view."""
    if isinstance(value, ArrayBuffer):
        return memoryview(value._data)
    if isinstance(value, BufferView):
        return memoryview(value._bytes())
    view = memoryview(value)
    return view.cast("B") if view.contiguous else memoryview(view.tobytes())


def bytes_of(value: Any) -> bytes | None:
    """The bytes of an ArrayBuffer or a view (bytes-like Python values too), or None where it is neither."""
    if isinstance(value, ArrayBuffer):
        return bytes(value._data)
    if isinstance(value, BufferView):
        return bytes(value._bytes())
    if is_bytes_like(value):
        return bytes(value)
    return None
