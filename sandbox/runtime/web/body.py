"""What requests and responses share: one body, read once, as text, bytes, JSON, form or stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from sandbox.runtime.owner import DIFFERENT_REQUEST, used_elsewhere
from sandbox.runtime.values import (
    ArrayBuffer,
    BufferView,
    HostObject,
    JsException,
    JsPromise,
    Uint8Array,
    js_str,
    jsnull,
    json_parse,
    throw,
)
from sandbox.runtime.web.blob import Blob
from sandbox.runtime.web.formdata import FormData, encode_form, parse_form
from sandbox.runtime.web.headers import Headers
from sandbox.runtime.web.streams import ReadableStream, stream_of
from sandbox.runtime.web.text import decode_utf8, utf8
from sandbox.runtime.web.url import URLSearchParams

USED = "Body has already been used. It can only be used once. Use tee() first if you need to read it twice."


class Body(HostObject):
    """`_body` is None (no body), bytes, str (not encoded yet), an asynchronous iterator of the host, or a stream."""

    __slots__ = ("_body", "_content_type", "_headers", "_owner", "_used")
    _body: Any
    _headers: Headers | None
    _content_type: str | None  # what the body's kind asks for, until the headers object exists
    _used: bool
    _owner: Any  # the event it belongs to; not set for what only memory is behind

    @property
    def headers(self) -> Headers:
        made = self._headers
        if made is None:
            made = self._make_headers()
            self._headers = made
        return made

    def _make_headers(self) -> Headers:
        made = Headers()
        if self._content_type is not None:
            made._map["content-type"] = self._content_type
        return made

    @property
    def bodyUsed(self) -> bool:
        return self._used or (isinstance(self._body, ReadableStream) and self._body._disturbed)

    @property
    def body(self) -> Any:
        body = self._body
        if body is None:
            return jsnull
        self._check_owner()
        if not isinstance(body, ReadableStream):
            body = stream_of(body)
            if self._used:
                body._disturbed = True
            self._body = body
        if (owner := getattr(self, "_owner", None)) is not None:
            body._owner = owner
        return body

    def _check_owner(self) -> None:
        """Raises JsException where it is another request's and that is to fail here."""
        if used_elsewhere(getattr(self, "_owner", None), "the body"):
            throw("Error", DIFFERENT_REQUEST)

    def _take(self) -> Any:
        """The body, marked used; a TypeError where it was used before."""
        body = self._body
        if self._used:
            throw("TypeError", USED)
        self._check_owner()
        if body is None:
            return None
        if isinstance(body, ReadableStream):
            if body._disturbed:
                throw("TypeError", USED)
            if body._reader is not None:
                throw("TypeError", "This ReadableStream is currently locked to a reader.")
        self._used = True
        return body

    def _read(self, finish: Callable[[bytes], Any]) -> JsPromise:
        """A promise of `finish(bytes of the body)`."""
        try:
            body = self._take()
            if body is None:
                return JsPromise._resolved(finish(b""))
            if type(body) is bytes:
                return JsPromise._resolved(finish(body))
            if type(body) is str:
                return JsPromise._resolved(finish(utf8(body)))
        except JsException as error:
            return JsPromise._rejected(error)
        return JsPromise._in_task(_finish_later(collect(body), finish))

    def text(self, *_: Any, **__: Any) -> JsPromise:
        if type(self._body) is str and not self._used:
            self._used = True
            text = self._body
            return JsPromise._resolved(text if text.isascii() else decode_utf8(utf8(text)))
        return self._read(decode_utf8)

    def json(self, *_: Any) -> JsPromise:
        return self._read(lambda data: json_parse(decode_utf8(data)))

    def arrayBuffer(self, *_: Any) -> JsPromise:
        return self._read(ArrayBuffer._over)

    def bytes(self, *_: Any) -> JsPromise:
        return self._read(Uint8Array._over)

    def blob(self, *_: Any) -> JsPromise:
        content_type = self.headers._map.get("content-type", "")
        return self._read(lambda data: Blob._over(data, content_type))

    def formData(self, *_: Any) -> JsPromise:
        content_type = self.headers._map.get("content-type", "")
        return self._read(lambda data: parse_form(data, content_type))

    def _clone_body(self) -> Any:
        """The body for a copy of this message; streams are teed."""
        if self.bodyUsed:
            throw("TypeError", "Cannot clone a message whose body has already been used.")
        body = self._body
        self._check_owner()
        if body is None or type(body) is bytes or type(body) is str:
            return body
        self._body, copy = self.body._tee()
        return copy


async def _finish_later(data: Awaitable[bytes], finish: Callable[[bytes], Any]) -> Any:
    return finish(await data)


async def collect(body: Any, limit: int | None = None) -> bytes:
    """All bytes of a taken body. Raises ValueError past `limit` bytes."""
    if body is None:
        return b""
    if isinstance(body, (bytes, str)):
        data = body if isinstance(body, bytes) else utf8(body)
        if limit is not None and len(data) > limit:
            raise ValueError(f"the body is longer than {limit} bytes")
        return data
    parts = bytearray()
    async for chunk in chunks(body):
        parts += chunk
        if limit is not None and len(parts) > limit:
            raise ValueError(f"the body is longer than {limit} bytes")
    return bytes(parts)


def chunks(body: Any) -> AsyncIterator[bytes]:
    """The byte chunks of a taken stream or host iterator."""
    return body._chunks() if isinstance(body, ReadableStream) else body


def extract(init: Any) -> tuple[Any, str | None]:
    """A body given to a constructor, as what `Body` keeps, with the content type it brings along."""
    if init is None or init is jsnull:
        return None, None
    if type(init) is str:
        return init, "text/plain;charset=UTF-8"
    if isinstance(init, BufferView):
        return bytes(init._bytes()), None
    if isinstance(init, ArrayBuffer):
        return bytes(init._data), None
    if isinstance(init, ReadableStream):
        if init._reader is not None:
            throw("TypeError", "This ReadableStream is currently locked to a reader.")
        if init._disturbed:
            throw(
                "TypeError",
                "This ReadableStream is disturbed (has already been read from), and cannot be used as a body.",
            )
        return init, None
    if isinstance(init, Blob):
        return init._data, init._type or None
    if isinstance(init, FormData):
        return encode_form(init)
    if isinstance(init, URLSearchParams):
        return init.toString(), "application/x-www-form-urlencoded;charset=UTF-8"
    return js_str(init), "text/plain;charset=UTF-8"
