"""`TransformStream` and the transforms built on it."""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Callable
from typing import Any

from sandbox.runtime.values import HostObject, JsException, JsPromise, Uint8Array, js_str, option, throw
from sandbox.runtime.values.numbers import to_number
from sandbox.runtime.values.promise import as_error, as_promise_value
from sandbox.runtime.web.streams.chunks import chunk_bytes
from sandbox.runtime.web.streams.readable import ReadableStream
from sandbox.runtime.web.streams.writable import WritableStream
from sandbox.runtime.web.text import utf8


class TransformStream(HostObject):
    """`TransformStream`: without a transformer chunks pass as they are. A write waits until somebody reads."""

    __slots__ = ("_change", "_pressure", "_readable", "_transformer", "_writable")

    def __init__(self, transformer: Any = None, writing: Any = None, reading: Any = None, *_: Any) -> None:
        functions = {name: option(transformer, name) for name in ("transform", "flush", "cancel")}
        self._setup(functions, _mark(writing, 1), _mark(reading, 0))
        start = option(transformer, "start")
        if start is not None:
            result = as_promise_value(start(self._controller()))
            if isinstance(result, JsPromise):
                self._writable._started = False
                result._when_settled(lambda: self._writable._start_done(result))

    def _setup(self, transformer: dict[str, Callable[..., Any] | None], writing: float = 1, reading: float = 0) -> None:
        self._transformer = transformer
        self._pressure = True
        self._change = JsPromise._pending()
        readable = self._readable = ReadableStream.__new__(ReadableStream)
        readable._setup(pull=self._pull, cancel=self._cancel, high_water=reading)
        if reading > 0:
            readable._soon_pull()
        writable = self._writable = WritableStream.__new__(WritableStream)
        writable._setup({"write": self._write, "close": self._close, "abort": self._abort}, writing)

    def _controller(self) -> TransformStreamDefaultController:
        return TransformStreamDefaultController._for(self)

    def _set_pressure(self, pressure: bool) -> None:
        if self._pressure != pressure:
            self._pressure = pressure
            change, self._change = self._change, JsPromise._pending()
            change._resolve(None)

    def _pull(self, _: Any) -> JsPromise:
        self._set_pressure(False)
        return self._change

    def _enqueue(self, chunk: Any) -> None:
        readable = self._readable
        if readable._error is not None:
            raise readable._error
        readable._enqueue(chunk)
        if not readable._wants_pull():
            self._set_pressure(True)

    def _write(self, chunk: Any, _: Any = None) -> JsPromise:
        return JsPromise._begin(self._pass(chunk))

    async def _pass(self, chunk: Any) -> None:
        while self._pressure and self._writable._error is None:
            await self._change
        if self._writable._error is not None:
            raise self._writable._error
        transform = self._transformer.get("transform")
        if transform is None:
            self._enqueue(chunk)
            return
        try:
            result = as_promise_value(transform(chunk, self._controller()))
            if isinstance(result, JsPromise):
                await result
        except BaseException as error:
            self._fail(error)
            raise

    def _close(self) -> JsPromise:
        return JsPromise._begin(self._finish())

    async def _finish(self) -> None:
        flush = self._transformer.get("flush")
        if flush is not None:
            try:
                result = as_promise_value(flush(self._controller()))
                if isinstance(result, JsPromise):
                    await result
            except BaseException as error:
                self._fail(error)
                raise
        if self._readable._state == "readable" and not self._readable._closing:
            self._readable._close()

    def _abort(self, reason: Any = None) -> None:
        self._readable._fail(self._writable._error or as_error(reason))

    def _cancel(self, reason: Any = None) -> None:
        self._writable._fail(
            as_error(JsException("TypeError", "The readable side was cancelled") if reason is None else reason)
        )
        self._set_pressure(False)

    def _fail(self, error: BaseException) -> None:
        self._readable._fail(error)
        self._writable._fail(error)
        self._set_pressure(False)

    @property
    def readable(self) -> ReadableStream:
        return self._readable

    @property
    def writable(self) -> WritableStream:
        return self._writable

    def _own_keys(self) -> list[str]:
        return ["readable", "writable"]


def _mark(strategy: Any, default: float) -> float:
    mark = option(strategy, "highWaterMark")
    return default if mark is None else to_number(mark)


class TransformStreamDefaultController(HostObject):
    """What a transformer's functions are handed."""

    _stream: TransformStream

    def __init__(self, *_: Any) -> None:
        throw("TypeError", "Illegal constructor")

    @classmethod
    def _for(cls, stream: TransformStream) -> TransformStreamDefaultController:
        made = cls.__new__(cls)
        made._stream = stream
        return made

    @property
    def desiredSize(self) -> Any:
        return self._stream._readable._desired()

    def enqueue(self, chunk: Any = None, *_: Any) -> None:
        self._stream._enqueue(chunk)

    def error(self, reason: Any = None, *_: Any) -> None:
        self._stream._fail(as_error(reason))

    def terminate(self, *_: Any) -> None:
        self._stream._readable._close()
        self._stream._writable._fail(JsException("TypeError", "The transform stream has been terminated"))


class IdentityTransformStream(TransformStream):
    """workerd's `IdentityTransformStream`: bytes pass as they are."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        self._setup({"transform": lambda chunk, controller: controller.enqueue(Uint8Array._over(chunk_bytes(chunk)))})


class FixedLengthStream(TransformStream):
    """workerd's `FixedLengthStream(length)`: an error where more or fewer bytes are written."""

    __slots__ = ("_left",)

    def __init__(self, length: Any = 0, *_: Any) -> None:
        self._left = to_number(length)

        def transform(chunk: Any, controller: Any) -> None:
            data = chunk_bytes(chunk)
            self._left -= len(data)
            if self._left < 0:
                throw("TypeError", "Attempt to write too many bytes through a FixedLengthStream.")
            controller.enqueue(Uint8Array._over(data))

        def flush(_: Any) -> None:
            if self._left > 0:
                throw("TypeError", "FixedLengthStream did not see all expected bytes before close().")

        self._setup({"transform": transform, "flush": flush})


def _bytes_transform(step: Callable[[bytes], bytes], end: Callable[[], bytes]) -> dict[str, Callable[..., Any] | None]:
    def put(data: bytes, controller: Any) -> None:
        if data:
            controller.enqueue(Uint8Array._over(data))

    return {
        "transform": lambda chunk, controller: put(step(chunk_bytes(chunk)), controller),
        "flush": lambda controller: put(end(), controller),
    }


_WINDOWS = {"gzip": 31, "deflate": 15, "deflate-raw": -15}


def _window(name: Any) -> int:
    text = js_str(name)
    if text not in _WINDOWS:
        throw("TypeError", "The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.")
    return _WINDOWS[text]


class CompressionStream(TransformStream):
    """`CompressionStream(format)`: gzip, deflate or deflate-raw."""

    __slots__ = ()

    def __init__(self, format: Any = None, *_: Any) -> None:
        engine = zlib.compressobj(wbits=_window(format))
        self._setup(_bytes_transform(engine.compress, engine.flush))


class DecompressionStream(TransformStream):
    """`DecompressionStream(format)`."""

    __slots__ = ()

    def __init__(self, format: Any = None, *_: Any) -> None:
        engine = zlib.decompressobj(wbits=_window(format))

        def step(data: bytes) -> bytes:
            try:
                return engine.decompress(data)
            except zlib.error:
                throw("TypeError", "Decompression failed.")

        def end() -> bytes:
            if not engine.eof:
                throw("TypeError", "Called close() on a decompression stream with incomplete data")
            return b""

        self._setup(_bytes_transform(step, end))


class TextEncoderStream(TransformStream):
    """`TextEncoderStream`."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        self._setup({"transform": lambda chunk, controller: controller.enqueue(Uint8Array._over(utf8(js_str(chunk))))})


class TextDecoderStream(TransformStream):
    """`TextDecoderStream`, for UTF-8."""

    __slots__ = ()

    def __init__(self, *_: Any) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")

        def put(text: str, controller: Any) -> None:
            if text:
                controller.enqueue(text)

        self._setup(
            {
                "transform": lambda chunk, controller: put(decoder.decode(chunk_bytes(chunk)), controller),
                "flush": lambda controller: put(decoder.decode(b"", True), controller),
            }
        )
