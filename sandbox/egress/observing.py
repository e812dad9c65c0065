"""What others may do with a worker's outbound calls: see each finished one whole, or stand around it.

Neither costs a call anything while nobody has asked for it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.clock import Clock
from sandbox.egress.call import Call
from sandbox.egress.counting import Counted
from sandbox.runtime import exchange
from sandbox.runtime.values import JsException
from sandbox.runtime.web import Response

KEPT = 16 * 1024 * 1024
"""Bodies longer than this (bytes) are not kept for observers."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One hop of an outbound call that has ended.

    Header names are lower case. Bodies are as the worker sent and got them (content codings of answers undone); None
    where they were longer than `KEPT`. `status` is 0 and `error` says why where there was no answer. `complete` is
    false where the worker did not read the answer's body to its end. `by` as in `Call`. `at` is seconds since the epoch
    by the sandbox's clock, `ms` the time from the call to the answer's head.
    """

    worker: str
    method: str
    url: str
    request_headers: list[tuple[str, str]]
    request_body: bytes | None
    status: int
    response_headers: list[tuple[str, str]]
    response_body: bytes | None
    by: str
    at: float
    ms: float
    complete: bool = True
    error: str | None = None


Finished = Callable[[Exchange], None]
Observer = Callable[[Call], Finished | None]
"""Called as a hop begins, in the caller's context; what it returns is called once when the hop has ended, in whatever
context that happens. None: not interested in this one."""
GoOn = Callable[[Call], Awaitable[Response]]
Around = Callable[[Call, GoOn], Awaitable[Response]]
"""Stands around a hop: answers by itself (and may set `call.by`), or awaits `go_on(call)` and may change the call, wait,
raise JsException, or change the answer. Runs before every rule, our own addresses included."""

Keep = Callable[[Any, "Callable[[KeptBody], None]"], "KeptBody"]


async def surrounded(call: Call, around: Sequence[Around], inner: GoOn) -> Response:
    """The answer to a hop through every interceptor, the first one outermost."""
    if not around:
        return await inner(call)
    first, rest = around[0], around[1:]
    return await first(call, lambda call: surrounded(call, rest, inner))


async def observed(
    call: Call, observers: Sequence[Observer], clock: Clock, answer: GoOn, *, keep: Keep | None = None
) -> Response:
    """The answer to a hop, its observers being told when its body has ended. `keep` makes what keeps that body."""
    sinks = [sink for observer in observers if (sink := observer(call)) is not None]
    if not sinks:
        return await answer(call)
    kept = KeptBody(call.body) if isinstance(call.body, Counted) else None
    if kept is not None:
        call.body = kept
    at, began = clock.now(), time.perf_counter()

    def tell(status: int, headers: list[tuple[str, str]], body: bytes | None, **more: Any) -> None:
        sent = kept.kept if kept is not None else call.body or b""
        assert sent is None or isinstance(sent, bytes)
        ended = Exchange(
            call.worker, call.method, call.url, call.headers, sent, status, headers, body, call.by, at, ms, **more
        )
        for sink in sinks:
            sink(ended)

    try:
        response = await answer(call)
    except BaseException as error:  # a cancelled call has ended, too
        ms = (time.perf_counter() - began) * 1000
        tell(0, [], b"", error=error.message if isinstance(error, JsException) else type(error).__name__)
        raise
    ms = (time.perf_counter() - began) * 1000
    status, headers, body = int(response.status), exchange.header_pairs(response), exchange.take_body(response)
    if body is None or isinstance(body, bytes):
        tell(status, headers, body or b"")
    else:
        body = (keep or KeptBody)(body, lambda whole: tell(status, headers, whole.kept, complete=whole.complete))
    return exchange.make_response(body, status=status, headers=headers)


class KeptBody(Counted):
    """A stream that keeps what passes. `on_end(self)` is called once: at the end, when closed, or when dropped."""

    __slots__ = ("_chunks", "complete")

    def __init__(self, source: AsyncIterator[bytes], on_end: Callable[[KeptBody], None] | None = None) -> None:
        super().__init__(source, None if on_end is None else lambda _: on_end(self))
        self._chunks: list[bytes] | None = []
        self.complete = False

    @property
    def kept(self) -> bytes | None:
        """What has passed so far; None where that was too much."""
        return None if self._chunks is None else b"".join(self._chunks)

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._source.__anext__()
        except StopAsyncIteration:
            self.complete = True
            self._end()
            raise
        except BaseException:
            self._end()
            raise
        self.count += len(chunk)
        if self.count > KEPT:
            self._chunks = None
        elif self._chunks is not None:
            self._chunks.append(chunk)
        return bytes(chunk)
