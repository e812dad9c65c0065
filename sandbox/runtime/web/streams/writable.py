"""`WritableStream`: a queue in front of a sink, with back-pressure by `writer.ready`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from sandbox.runtime.values import HostObject, JsException, JsPromise, crosses_rpc, js_method, jsnull, option, throw
from sandbox.runtime.values.numbers import to_number
from sandbox.runtime.values.promise import as_error, as_promise_value
from sandbox.runtime.web.abort import AbortController

_CLOSE = object()


class WritableStream(HostObject):
    """`WritableStream`: chunks are handed to the sink one at a time."""

    __slots__ = (
        "_busy",
        "_controller",
        "_error",
        "_high_water",
        "_queue",
        "_queued",
        "_ready",
        "_settled",
        "_sink",
        "_size",
        "_started",
        "_state",
        "_writer",
    )
    _state: Literal["writable", "closing", "closed", "errored"]
    _controller: WritableStreamDefaultController

    def __init__(self, sink: Any = None, strategy: Any = None, *_: Any) -> None:
        mark = option(strategy, "highWaterMark")
        names = ("write", "close", "abort")
        self._setup(
            {name: option(sink, name) for name in names},
            1 if mark is None else to_number(mark),
            option(strategy, "size"),
        )
        start = option(sink, "start")
        result = None if start is None else as_promise_value(start(self._controller))
        if isinstance(result, JsPromise):
            self._started = False
            result._when_settled(lambda: self._start_done(result))

    def _setup(self, sink: dict[str, Callable[..., Any] | None], high_water: float, size: Any = None) -> None:
        self._sink = sink
        self._high_water = high_water
        self._size = size
        self._queue: deque[tuple[Any, float, JsPromise]] = deque()
        self._queued: float = 0
        self._state = "writable"
        self._error: BaseException | None = None
        self._writer: WritableStreamDefaultWriter | None = None
        self._busy = False
        self._started = True
        self._ready: JsPromise = JsPromise._resolved(None)
        self._settled: list[Callable[[], None]] = []
        self._controller = WritableStreamDefaultController._for(self)

    def _start_done(self, result: JsPromise) -> None:
        self._started = True
        try:
            result._result()
        except BaseException as error:
            self._fail(error)
        else:
            self._advance()

    def _desired(self) -> float | None:
        if self._state == "errored":
            return None
        return 0 if self._state == "closed" else self._high_water - self._queued

    def _put(self, chunk: Any) -> JsPromise:
        if self._error is not None:
            return JsPromise._rejected(self._error)
        if self._state != "writable":
            return JsPromise._rejected(JsException("TypeError", "This WritableStream has been closed."))
        size = 1 if chunk is _CLOSE or self._size is None else to_number(self._size(chunk))
        done = JsPromise._pending()
        if chunk is _CLOSE:
            self._state, size = "closing", 0
        self._queue.append((chunk, size, done))
        self._queued += size
        self._update_ready()
        self._advance()
        return done

    def _update_ready(self) -> None:
        if self._queued >= self._high_water and self._state == "writable":
            if self._ready._done:
                self._ready = JsPromise._pending()
        elif not self._ready._done:
            self._ready._resolve(None)

    def _advance(self) -> None:
        """Hand the sink its next chunk, unless it is busy with one."""
        while self._queue and self._started and not self._busy and self._error is None:
            chunk, _, _ = self._queue[0]
            self._busy = True
            try:
                if chunk is _CLOSE:
                    close = self._sink["close"]
                    result = None if close is None else as_promise_value(close())
                else:
                    write = self._sink["write"]
                    result = None if write is None else as_promise_value(write(chunk, self._controller))
            except BaseException as error:
                self._busy = False
                self._fail(error)
                return
            if isinstance(result, JsPromise) and not result._done:
                result._when_settled(lambda result=result: self._written_later(result))  # type: ignore[misc]
                return
            self._written(result)

    def _written_later(self, result: JsPromise) -> None:
        self._written(result)
        self._advance()

    def _written(self, result: Any) -> None:
        self._busy = False
        if isinstance(result, JsPromise):
            try:
                result._result()
            except BaseException as error:
                self._fail(error)
                return
        if not self._queue:
            return
        chunk, size, done = self._queue.popleft()
        self._queued -= size
        if chunk is _CLOSE:
            self._state = "closed"
            self._tell()
        self._update_ready()
        done._resolve(None)

    def _fail(self, error: BaseException) -> None:
        if self._state in ("errored", "closed"):
            return
        self._state = "errored"
        self._error = error
        waiting, self._queue = self._queue, deque()
        self._queued = 0
        for _, _, done in waiting:
            done._reject(error)
        if self._ready._done:
            self._ready = JsPromise._pending()
        self._ready._reject(error)
        self._ready._look()
        self._tell()

    def _tell(self) -> None:
        told, self._settled = self._settled, []
        for tell in told:
            tell()

    def _abort(self, reason: Any = None) -> JsPromise:
        if self._state in ("closed", "errored"):
            return JsPromise._resolved(None)
        abort = self._sink["abort"]
        error = as_error(JsException("AbortError", "The stream was aborted") if reason is None else reason)
        self._controller._aborting._signal._abort(error)
        self._fail(error)
        if abort is None:
            return JsPromise._resolved(None)
        try:
            return JsPromise._static_resolve(abort(reason)).then(_drop)
        except BaseException as failure:
            return JsPromise._rejected(failure)

    @property
    def locked(self) -> bool:
        return self._writer is not None

    @js_method
    def getWriter(self) -> WritableStreamDefaultWriter:
        return WritableStreamDefaultWriter(self)

    def _refuse_locked(self) -> JsPromise | None:
        if self._writer is None:
            return None
        return JsPromise._rejected(JsException("TypeError", "This WritableStream is currently locked to a writer."))

    @js_method
    def abort(self, reason: Any) -> JsPromise:
        return self._refuse_locked() or self._abort(reason)

    @js_method
    def close(self) -> JsPromise:
        return self._refuse_locked() or self._put(_CLOSE)

    def _own_keys(self) -> list[str]:
        return []


def _drop(*_: Any) -> None:
    return None


class WritableStreamDefaultController(HostObject):
    """What a sink's `start` and `write` are handed."""

    _stream: WritableStream

    def __init__(self, *_: Any) -> None:
        throw("TypeError", "Illegal constructor")

    @classmethod
    def _for(cls, stream: WritableStream) -> WritableStreamDefaultController:
        made = cls.__new__(cls)
        made._stream = stream
        made._aborting = AbortController()
        return made

    _aborting: AbortController

    @property
    def signal(self) -> Any:
        return self._aborting.signal

    @js_method
    def error(self, reason: Any) -> None:
        self._stream._fail(as_error(reason))


class WritableStreamDefaultWriter(HostObject):
    """`stream.getWriter()`. `ready` is pending while the queue is full; `write` resolves when the sink took the chunk."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Any = None, *_: Any) -> None:
        if stream._writer is not None:
            throw("TypeError", "This WritableStream is currently locked to a writer.")
        stream._writer = self
        self._stream: WritableStream | None = stream

    def _held(self) -> WritableStream:
        if self._stream is None:
            raise JsException("TypeError", "This WritableStream writer has been released.")
        return self._stream

    @js_method
    def write(self, chunk: Any) -> JsPromise:
        return self._held()._put(chunk)

    @js_method
    def close(self) -> JsPromise:
        return self._held()._put(_CLOSE)

    @js_method
    def abort(self, reason: Any) -> JsPromise:
        return self._held()._abort(reason)

    def releaseLock(self, *_: Any) -> None:
        if self._stream is not None:
            self._stream._writer = None
            self._stream = None

    @property
    def ready(self) -> JsPromise:
        return self._held()._ready

    @property
    def desiredSize(self) -> Any:
        desired = self._held()._desired()
        return jsnull if desired is None else desired

    @property
    def closed(self) -> JsPromise:
        stream = self._held()
        promise = JsPromise._pending()

        def settle() -> None:
            if stream._error is not None:
                promise._reject(stream._error)
                promise._look()
            else:
                promise._resolve(None)

        if stream._state in ("closed", "errored"):
            settle()
        else:
            stream._settled.append(settle)
        return promise


crosses_rpc(WritableStream)
