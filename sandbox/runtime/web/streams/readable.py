"""`ReadableStream`: a queue between a source that is pulled and one reader."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Any, Literal

from sandbox.runtime.owner import DIFFERENT_REQUEST, used_elsewhere
from sandbox.runtime.values import (
    HostObject,
    JsArray,
    JsException,
    JsPromise,
    crosses_rpc,
    js_method,
    option,
    throw,
    to_number,
)
from sandbox.runtime.values.promise import as_promise_value
from sandbox.runtime.web.streams.chunks import END, HOST, chunk_bytes
from sandbox.runtime.web.streams.pipe import pipe
from sandbox.runtime.web.streams.readers import (
    ReadableStreamBYOBReader,
    ReadableStreamDefaultController,
    ReadableStreamDefaultReader,
)
from sandbox.runtime.web.streams.tee import split


class ReadableStream(HostObject):
    """`ReadableStream`. Host code reads with `_read_chunk` or `_chunks`, worker code through a reader or `async for`."""

    __slots__ = (
        "_again",
        "_cancel_source",
        "_closing",
        "_controller",
        "_disturbed",
        "_error",
        "_high_water",
        "_host",
        "_owner",
        "_pull",
        "_pulling",
        "_queue",
        "_queued",
        "_reader",
        "_settled",
        "_size",
        "_started",
        "_state",
        "_waiters",
    )
    _state: Literal["readable", "closed", "errored"]
    _owner: Any

    def __init__(self, source: Any = None, strategy: Any = None, *_: Any) -> None:
        mark = option(strategy, "highWaterMark")
        byte_source = option(source, "type") == "bytes"
        self._setup(
            pull=option(source, "pull"),
            cancel=option(source, "cancel"),
            high_water=(0 if byte_source else 1) if mark is None else to_number(mark),
            size=option(strategy, "size"),
        )
        start = option(source, "start")
        if start is not None:
            self._started = False
            result = as_promise_value(start(self._controller))
            if isinstance(result, JsPromise):
                result._when_settled(lambda: self._start_done(result))
                return
            self._started = True
        self._soon_pull()

    def _setup(self, *, pull: Any, cancel: Any, high_water: float, size: Any = None) -> None:
        self._queue: deque[tuple[Any, float]] = deque()
        self._queued: float = 0
        self._waiters: deque[JsPromise] = deque()
        self._state = "readable"
        self._error: BaseException | None = None
        self._pull: Callable[[Any], Any] | None = pull
        self._cancel_source: Callable[..., Any] | None = cancel
        self._high_water = high_water
        self._size = size
        self._pulling = self._again = self._closing = self._disturbed = False
        self._started = True
        self._reader: Any = None
        self._settled: list[Callable[[], None]] = []
        self._host: AsyncIterator[bytes] | None = None
        self._controller = ReadableStreamDefaultController._for(self)

    def _start_done(self, result: JsPromise) -> None:
        try:
            result._result()
        except BaseException as error:
            self._fail(error)
            return
        self._started = True
        self._call_pull()

    def _soon_pull(self) -> None:
        if self._pull is None or self._high_water <= 0:
            return
        loop = asyncio._get_running_loop()
        if loop is not None:  # at import time nothing runs yet; the first read pulls then
            loop.call_soon(self._call_pull)

    # --- the source's side

    def _desired(self) -> float | None:
        if self._state == "errored":
            return None
        return 0 if self._state == "closed" else self._high_water - self._queued

    def _enqueue(self, chunk: Any) -> None:
        if self._closing or self._state != "readable":
            throw("TypeError", "Unable to enqueue: the stream is closed or being closed.")
        if self._waiters:
            self._waiters.popleft()._resolve(chunk)
        else:
            size = 1 if self._size is None else to_number(self._size(chunk))
            self._queue.append((chunk, size))
            self._queued += size
        self._call_pull()

    def _close(self) -> None:
        if self._closing or self._state != "readable":
            throw("TypeError", "Unable to close: the stream is closed or being closed.")
        self._closing = True
        if not self._queue:
            self._finish()

    def _finish(self) -> None:
        if self._state != "readable":
            return
        self._state = "closed"
        self._release_source()
        for waiter in self._waiters:
            waiter._resolve(END)
        self._waiters.clear()
        self._tell_settled()

    def _fail(self, error: BaseException) -> None:
        if self._state != "readable":
            return
        self._state = "errored"
        self._error = error
        self._queue.clear()
        self._release_source()
        for waiter in self._waiters:
            waiter._reject(error)
        self._waiters.clear()
        self._tell_settled()

    def _release_source(self) -> None:
        self._pull = self._cancel_source = self._host = None

    def _tell_settled(self) -> None:
        told, self._settled = self._settled, []
        for tell in told:
            tell()

    def _when_made(self, callback: Callable[[], None]) -> None:
        """Call back when whoever makes the stream has no more part in it: it ended, failed or was cancelled. At once
        where that is so already, or where the host alone makes it."""
        if self._state != "readable" or self._closing or self._host is not None:
            callback()
        else:
            self._settled.append(callback)

    def _wants_pull(self) -> bool:
        if self._state != "readable" or self._closing or self._pull is None or not self._started:
            return False
        return bool(self._waiters) or self._high_water > self._queued

    def _call_pull(self) -> None:
        if self._pulling:
            self._again = True
            return
        while self._wants_pull():
            self._pulling, self._again = True, False
            try:
                result = as_promise_value(self._pull(self._controller))  # type: ignore[misc]
            except BaseException as error:  # or the reader would wait for ever
                self._pulling = False
                self._fail(error)
                return
            if isinstance(result, JsPromise):
                result._when_settled(lambda result=result: self._pulled(result))  # type: ignore[misc]
                return
            self._pulling = False
            if not self._again:
                return

    def _pulled(self, result: JsPromise) -> None:
        self._pulling = False
        try:
            result._result()
        except BaseException as error:
            self._fail(error)
            return
        if self._again:
            self._call_pull()

    # --- the consumer's side

    def _read_chunk(self) -> JsPromise:
        """A promise of the next chunk, or of END."""
        self._disturbed = True
        if self._queue:
            chunk, size = self._queue.popleft()
            self._queued -= size
            if self._closing and not self._queue:
                self._finish()
            else:
                self._call_pull()
            return JsPromise._resolved(chunk)
        if self._state == "closed":
            return JsPromise._resolved(END)
        if self._error is not None:
            return JsPromise._rejected(self._error)
        promise = JsPromise._pending()
        self._waiters.append(promise)
        self._call_pull()
        return promise

    def _unread(self, chunk: Any) -> None:
        """Put the rest of a chunk back in front."""
        self._queue.appendleft((chunk, 0))
        if self._state == "closed":
            self._state, self._closing = "readable", True

    def _cancel(self, reason: Any = None) -> JsPromise:
        self._disturbed = True
        if self._state == "closed":
            return JsPromise._resolved(None)
        if self._error is not None:
            return JsPromise._rejected(self._error)
        cancel, host = self._cancel_source, self._host
        self._queue.clear()
        self._closing = True
        self._finish()
        if cancel is not None:
            return JsPromise._begin(_nothing(cancel, reason))
        close = getattr(host, "aclose", None)
        return JsPromise._in_task(close()) if close is not None else JsPromise._resolved(None)

    def _chunks(self) -> AsyncIterator[bytes]:
        """The stream's bytes for the host: its own iterator where nothing was read yet, so that nothing is wrapped."""
        if self._host is not None and not self._queue and not self._disturbed:
            self._disturbed = True
            self._reader = HOST
            host, self._host = self._host, None
            return host
        self._reader = HOST
        return self._drain()

    def _at_hand(self) -> bytes | None:
        """The whole stream where it lies ready in one piece; it is then read. None where it does not."""
        if self._closing and len(self._queue) == 1 and self._cancel_source is None:
            self._disturbed = True
            return chunk_bytes(self._read_chunk()._value)
        return None

    async def _drain(self) -> AsyncIterator[bytes]:
        done = False
        try:
            while (chunk := await self._read_chunk()) is not END:
                yield chunk_bytes(chunk)
            done = True
        except BaseException:
            done = self._state != "readable"
            raise
        finally:
            if not done:
                self._cancel()._look()

    def _lock(self, reader: Any) -> None:
        if self._reader is not None:
            throw("TypeError", "This ReadableStream is currently locked to a reader.")
        self._reader = reader

    @property
    def locked(self) -> bool:
        return self._reader is not None

    def _check_owner(self) -> None:
        """Raises JsException where it is another request's (`_owner`: the event it belongs to, where that is known) and
        that is to fail here."""
        if used_elsewhere(getattr(self, "_owner", None), "a stream"):
            throw("Error", DIFFERENT_REQUEST)

    @js_method
    def getReader(self, options: Any) -> Any:
        self._check_owner()
        if option(options, "mode") == "byob":
            return ReadableStreamBYOBReader(self)
        return ReadableStreamDefaultReader(self)

    @js_method
    def cancel(self, reason: Any) -> JsPromise:
        if self._reader is not None:
            return JsPromise._rejected(JsException("TypeError", "This ReadableStream is currently locked to a reader."))
        return self._cancel(reason)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._iterate(prevent_cancel=False)

    @js_method
    def values(self, options: Any) -> AsyncIterator[Any]:
        return self._iterate(prevent_cancel=bool(option(options, "preventCancel")))

    async def _iterate(self, *, prevent_cancel: bool) -> AsyncIterator[Any]:
        self._check_owner()
        reader = ReadableStreamDefaultReader(self)
        ended = False
        try:
            while (chunk := await self._read_chunk()) is not END:
                yield chunk
            ended = True
        except Exception:
            ended = True
            raise
        finally:
            if not ended and not prevent_cancel:
                self._cancel()._look()
            reader.releaseLock()

    def _tee(self) -> tuple[ReadableStream, ReadableStream]:
        return split(self, _plain)

    @js_method
    def tee(self) -> JsArray:
        self._check_owner()
        return JsArray(list(self._tee()))

    @js_method
    def pipeTo(self, destination: Any, options: Any) -> JsPromise:
        self._check_owner()
        if self._reader is not None:
            return JsPromise._rejected(JsException("TypeError", "This ReadableStream is currently locked to a reader."))
        return JsPromise._in_task(pipe(self, destination, options))

    @js_method
    def pipeThrough(self, transform: Any, options: Any) -> Any:
        self.pipeTo(transform.writable, options)._look()
        return transform.readable

    @staticmethod
    def _static_from_(source: Any = None, *_: Any) -> ReadableStream:
        iterator = source.__aiter__() if hasattr(source, "__aiter__") else _async(iter(source))

        async def pull(controller: Any) -> None:
            try:
                value = await anext(iterator)
            except StopAsyncIteration:
                controller.close()
            else:
                controller.enqueue(value)

        return _plain(pull, None)

    def _own_keys(self) -> list[str]:
        return []


async def _nothing(cancel: Callable[..., Any], reason: Any) -> None:
    result = as_promise_value(cancel(reason))
    if isinstance(result, JsPromise):
        await result


async def _async(iterator: Any) -> AsyncIterator[Any]:
    for value in iterator:
        yield value


def _plain(pull: Any, cancel: Any, high_water: float = 0) -> ReadableStream:
    made = ReadableStream.__new__(ReadableStream)
    made._setup(pull=pull, cancel=cancel, high_water=high_water)
    return made


crosses_rpc(ReadableStream)
