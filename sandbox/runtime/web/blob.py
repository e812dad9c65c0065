"""`Blob` and `File`: immutable bytes with a type."""

from __future__ import annotations

import re
from typing import Any

from sandbox.runtime.values import (
    ArrayBuffer,
    HostObject,
    JsPromise,
    Uint8Array,
    bytes_of,
    crosses_rpc,
    js_str,
    jsnull,
    option,
    throw,
    to_integer,
)
from sandbox.runtime.values.arrays import span
from sandbox.runtime.values.dates import now_ms
from sandbox.runtime.web.streams import ReadableStream, stream_of
from sandbox.runtime.web.text import utf8

_printable = re.compile(r"[\x20-\x7e]*\Z").match


class Blob(HostObject):
    """`Blob`."""

    __slots__ = ("_data", "_type")
    _data: bytes
    _type: str

    def __init__(self, parts: Any = None, options: Any = None, *_: Any) -> None:
        self._data = _join(parts, option(options, "endings"))
        kind = option(options, "type")
        text = "" if kind is None or kind is jsnull else js_str(kind)
        self._type = text.lower() if _printable(text) else ""

    @classmethod
    def _over(cls, data: bytes, content_type: str) -> Blob:
        made = cls.__new__(cls)
        made._data = data
        made._type = content_type
        return made

    @property
    def size(self) -> int:
        return len(self._data)

    @property
    def type(self) -> str:
        return self._type

    def __bool__(self) -> bool:
        return len(self._data) > 0

    def text(self, *_: Any) -> JsPromise:
        return JsPromise._resolved(str(self._data, "utf-8", "replace"))

    def arrayBuffer(self, *_: Any) -> JsPromise:
        return JsPromise._resolved(ArrayBuffer._over(self._data))

    def bytes(self, *_: Any) -> JsPromise:
        return JsPromise._resolved(Uint8Array._over(self._data))

    def stream(self, *_: Any) -> ReadableStream:
        return stream_of(self._data)

    def slice(self, start: Any = None, end: Any = None, content_type: Any = None, *_: Any) -> Blob:
        kind = "" if content_type is None else js_str(content_type)
        return Blob._over(self._data[span(len(self._data), start, end)], kind.lower() if _printable(kind) else "")

    def _own_keys(self) -> list[str]:
        return []


class File(Blob):
    """`File`: a Blob with a name and a time of change (milliseconds)."""

    __slots__ = ("_modified", "_name")

    def __init__(self, parts: Any = None, name: Any = None, options: Any = None, *_: Any) -> None:
        super().__init__(parts, options)
        self._name = js_str(name)
        modified = option(options, "lastModified")
        self._modified = now_ms() if modified is None else to_integer(modified)

    @classmethod
    def _named(cls, data: bytes, name: str, content_type: str) -> File:
        made = cls.__new__(cls)
        made._data = data
        made._type = content_type
        made._name = name
        made._modified = now_ms()
        return made

    @property
    def name(self) -> str:
        return self._name

    @property
    def lastModified(self) -> int:
        return self._modified


def _join(parts: Any, endings: Any) -> bytes:
    if parts is None:
        return b""
    if isinstance(parts, str) or not hasattr(parts, "__iter__"):
        throw("TypeError", "Failed to construct 'Blob': the provided value cannot be converted to a sequence.")
    found = []
    for part in parts:
        if isinstance(part, Blob):
            found.append(part._data)
            continue
        data = bytes_of(part)
        if data is None:
            text = js_str(part)
            if endings == "native":
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            data = utf8(text)
        found.append(data)
    return b"".join(found) if len(found) != 1 else found[0]


crosses_rpc(Blob)
