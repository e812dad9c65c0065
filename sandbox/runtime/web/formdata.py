"""`FormData`, and its two encodings."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from typing import Any

from sandbox.runtime.values import JsArray, JsException, JsIterator, call_back, crosses_rpc, js_str, jsnull
from sandbox.runtime.values.maplike import MapLike
from sandbox.runtime.web import percent
from sandbox.runtime.web.blob import Blob, File
from sandbox.runtime.web.text import utf8
from sandbox.runtime.web.url import set_pair


class FormData(MapLike):
    """`FormData`: names with strings or Files."""

    __slots__ = ("_list",)

    def __init__(self, *_: Any) -> None:
        self._list: list[tuple[str, Any]] = []

    @classmethod
    def _of(cls, pairs: list[tuple[str, Any]]) -> FormData:
        made = cls()
        made._list = pairs
        return made

    def append(self, name: Any = None, value: Any = None, filename: Any = None, *_: Any) -> None:
        self._list.append((js_str(name), _entry(value, filename)))

    def set(self, name: Any = None, value: Any = None, filename: Any = None, *_: Any) -> None:
        self._list = set_pair(self._list, js_str(name), _entry(value, filename))

    def get(self, name: Any = None, *_: Any) -> Any:
        key = js_str(name)
        return next((value for known, value in self._list if known == key), jsnull)

    def getAll(self, name: Any = None, *_: Any) -> JsArray:
        key = js_str(name)
        return JsArray([value for known, value in self._list if known == key])

    def has(self, name: Any = None, *_: Any) -> bool:
        key = js_str(name)
        return any(known == key for known, _ in self._list)

    def delete(self, name: Any = None, *_: Any) -> None:
        key = js_str(name)
        self._list = [pair for pair in self._list if pair[0] != key]

    def forEach(self, callback: Any = None, *_: Any) -> None:
        for name, value in list(self._list):
            call_back(callback, value, name, self)

    def keys(self, *_: Any) -> JsIterator:
        return JsIterator((name for name, _ in list(self._list)), "FormData Iterator")

    def values(self, *_: Any) -> JsIterator:
        return JsIterator((value for _, value in list(self._list)), "FormData Iterator")

    def entries(self, *_: Any) -> JsIterator:
        return JsIterator(iter(self), "FormData Iterator")

    def __iter__(self) -> Iterator[JsArray]:
        return (JsArray(list(pair)) for pair in list(self._list))

    def _own_keys(self) -> list[str]:
        return []


def _entry(value: Any, filename: Any) -> Any:
    """What a form keeps: text, or a File (a plain Blob is given the name "blob")."""
    if not isinstance(value, Blob):
        return js_str(value)
    if filename is None and isinstance(value, File):
        return value
    name = "blob" if filename is None else js_str(filename)
    return File._named(value._data, name, value._type)


crosses_rpc(FormData, lambda form: FormData._of(list(form._list)))


def encode_multipart(form: FormData, boundary: str) -> bytes:
    """The form as `multipart/form-data`."""
    parts: list[bytes] = []
    for name, value in form._list:
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{_escape(_crlf(name))}"'
        if isinstance(value, File):
            head += f'; filename="{_escape(value.name)}"\r\nContent-Type: {value.type or "application/octet-stream"}'
            data = value._data
        else:
            data = utf8(_crlf(value))
        parts += [utf8(head), b"\r\n\r\n", data, b"\r\n"]
    parts.append(f"--{boundary}--\r\n".encode())
    return b"".join(parts)


def encode_form(form: FormData) -> tuple[bytes, str]:
    """The form as a body, with its content type and a boundary that cannot be guessed."""
    boundary = "----sandbox-" + secrets.token_hex(16)
    return encode_multipart(form, boundary), f"multipart/form-data; boundary={boundary}"


def _crlf(text: str) -> str:
    return re.sub(r"\r\n|\r|\n", "\r\n", text)


def _escape(name: str) -> str:
    return name.replace("\n", "%0A").replace("\r", "%0D").replace('"', "%22")


def parse_form(data: bytes, content_type: str) -> FormData:
    """`formData()` of a body. Raises TypeError where the content type is no form's or the body is malformed."""
    kind, _, rest = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/x-www-form-urlencoded":
        return FormData._of(list(percent.form_decode(data.decode("utf-8", "replace"))))
    if kind == "multipart/form-data":
        boundary = _parameter(rest, "boundary")
        if not boundary:
            raise JsException("TypeError", "No boundary string in Content-Type header.")
        return FormData._of(_parse_multipart(data, boundary.encode()))
    raise JsException(
        "TypeError",
        f"Unrecognized Content-Type header value. FormData can only parse the following MIME types: multipart/form-data, "
        f"application/x-www-form-urlencoded. Received: {content_type!r}",
    )


_parameters = re.compile(r';?\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;]*))').findall


def _parameter(text: str, name: str) -> str | None:
    for key, quoted, plain in _parameters(text):
        if key.lower() == name:
            return str(quoted.replace('\\"', '"') if quoted else plain.strip())
    return None


def _malformed() -> JsException:
    return JsException("TypeError", "Parsing a Body as FormData failed: the multipart body is malformed.")


def _parse_multipart(data: bytes, boundary: bytes) -> list[tuple[str, Any]]:
    mark = b"--" + boundary
    position = data.find(mark)
    if position < 0 or (position > 0 and not data.startswith(b"\r\n", position - 2)):
        raise _malformed()
    position += len(mark)
    found: list[tuple[str, Any]] = []
    while not data.startswith(b"--", position):
        line_end = data.find(b"\r\n", position)
        if line_end < 0 or data[position:line_end].strip(b" \t"):
            raise _malformed()
        # A part without headers would end its empty header block right here.
        head_end = data.find(b"\r\n\r\n", line_end)
        body_end = data.find(b"\r\n" + mark, head_end + 2)
        if head_end < 0 or body_end < 0:
            raise _malformed()
        found.append(_part(data[line_end + 2 : head_end], data[head_end + 4 : body_end]))
        position = body_end + 2 + len(mark)
    return found


def _part(head: bytes, body: bytes) -> tuple[str, Any]:
    name = filename = None
    content_type = None
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            name, filename = (
                _parameter(value.partition(";")[2], "name"),
                _parameter(value.partition(";")[2], "filename"),
            )
        elif key.strip().lower() == "content-type":
            content_type = value.strip()
    if name is None:
        raise _malformed()
    if filename is None:
        return _unescape(name), body.decode("utf-8", "replace")
    return _unescape(name), File._named(body, _unescape(filename), content_type or "text/plain")


def _unescape(text: str) -> str:
    return text.replace("%0A", "\n").replace("%0D", "\r").replace("%22", '"')
