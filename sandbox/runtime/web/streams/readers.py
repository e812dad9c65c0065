"""The two ends of a `ReadableStream`: the source's controller and the consumer's readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.runtime.values import HostObject, JsException, JsObject, JsPromise, Uint8Array, js_method, jsnull, throw
from sandbox.runtime.values.promise import as_error
from sandbox.runtime.web.streams.chunks import END, chunk_bytes

if TYPE_CHECKING:
    from sandbox.runtime.web.streams.readable import ReadableStream


class ReadableStreamDefaultController(HostObject):
    """What a source's `start` and `pull` are handed."""

    __slots__ = ("_stream",)
    _stream: ReadableStream

    def __init__(self, *_: Any) -> None:
        throw("TypeError", "Illegal constructor")

    @classmethod
    def _for(cls, stream: ReadableStream) -> ReadableStreamDefaultController:
        made = cls.__new__(cls)
        made._stream = stream
        return made

    byobRequest = jsnull

    @property
    def desiredSize(self) -> Any:
        desired = self._stream._desired()
        return jsnull if desired is None else desired

    def enqueue(self, chunk: Any = None, *_: Any) -> None:
        self._stream._enqueue(chunk)

    def close(self, *_: Any) -> None:
        self._stream._close()

    def error(self, reason: Any = None, *_: Any) -> None:
        self._stream._fail(as_error(reason))


class ReadableStreamDefaultReader(HostObject):
    """`stream.getReader()`: `read()` answers `{done, value}`."""

    __slots__ = ("_stream",)
    _stream: ReadableStream | None

    def __init__(self, stream: Any = None, *_: Any) -> None:
        stream._lock(self)
        self._stream = stream

    def _locked(self) -> ReadableStream:
        if self._stream is None:
            raise JsException("TypeError", "This ReadableStream reader has been released.")
        return self._stream

    @js_method
    async def read(self) -> JsObject:
        chunk = await self._locked()._read_chunk()
        if chunk is END:
            return JsObject({"value": None, "done": True})
        return JsObject({"value": chunk, "done": False})

    @js_method
    async def cancel(self, reason: Any) -> None:
        await self._locked()._cancel(reason)

    def releaseLock(self, *_: Any) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream._reader = None
        waiters = list(stream._waiters)
        stream._waiters.clear()
        for waiter in waiters:
            waiter._reject(JsException("TypeError", "This ReadableStream reader has been released."))

    @property
    def closed(self) -> JsPromise:
        stream = self._locked()
        promise = JsPromise._pending()

        def settle() -> None:
            if stream._error is not None:
                promise._reject(stream._error)
            else:
                promise._resolve(None)
            promise._look()

        if stream._state == "readable":
            stream._settled.append(settle)
        else:
            settle()
        return promise


class ReadableStreamBYOBReader(ReadableStreamDefaultReader):
    """`stream.getReader({mode: "byob"})`: fills the caller's view."""

    __slots__ = ()
    js_name = "ReadableStreamBYOBReader"

    @js_method
    async def read(self, view: Any) -> JsObject:
        stream = self._locked()
        room = view.byteLength
        if room == 0:
            throw("TypeError", 'You must call read() on a "byob" reader with a positive-sized TypedArray object.')
        chunk = await stream._read_chunk()
        if chunk is END:
            return JsObject({"value": view.subarray(0, 0), "done": True})
        data = chunk_bytes(chunk)
        if len(data) > room:
            stream._unread(Uint8Array._over(data[room:]))
            data = data[:room]
        filled = Uint8Array(view.buffer, view.byteOffset, len(data))
        filled.assign(data)
        return JsObject({"value": filled, "done": False})
