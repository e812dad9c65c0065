"""`tee`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox.runtime.values import JsArray, JsPromise
from sandbox.runtime.web.streams.chunks import END, HOST

if TYPE_CHECKING:
    from sandbox.runtime.web.streams.readable import ReadableStream


def split(source: ReadableStream, make: Callable[[Any, Any], ReadableStream]) -> tuple[ReadableStream, ReadableStream]:
    """Two streams of the same chunks. The source is read as fast as the quicker branch asks."""
    source._lock(HOST)
    reading = False
    cancelled: list[Any] = []

    def pull(_: Any) -> None:
        nonlocal reading
        if not reading:
            reading = True
            promise = source._read_chunk()
            promise._when_settled(lambda: pass_on(promise))

    def pass_on(promise: JsPromise) -> None:
        nonlocal reading
        reading = False
        try:
            chunk = promise._result()
        except BaseException as error:
            for branch in branches:
                branch._fail(error)
            return
        for branch in branches:
            if branch._state != "readable":
                continue
            if chunk is END:
                branch._close()
            else:
                branch._enqueue(chunk)

    def cancel(reason: Any = None) -> Any:
        cancelled.append(reason)
        return source._cancel(JsArray(cancelled)) if len(cancelled) == 2 else None

    branches = (make(pull, cancel), make(pull, cancel))
    return branches
