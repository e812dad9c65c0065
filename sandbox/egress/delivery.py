"""How an answer reaches the caller: sent for over HTTP or made here, decoded, counted, and told as an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import partial

from sandbox.egress.addresses import way_there
from sandbox.egress.bodies import ForWorker, decoded, pieces
from sandbox.egress.call import Call
from sandbox.egress.client import AddressRefused, Client, Unreachable
from sandbox.egress.counting import count_body
from sandbox.runtime import exchange
from sandbox.runtime.protocols import Emit
from sandbox.runtime.redirects import parse
from sandbox.runtime.values import JsException
from sandbox.runtime.web import Response


class Delivery:
    """`outbound` events say who answered (see `Call.by`); they come when an answer's body has ended."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._loop = asyncio._get_running_loop()

    async def over_http(self, client: Client, call: Call, by: str) -> Response:
        """A server's answer. Raises JsException (TypeError) for an address that may not be reached, and for none."""
        call.by = by
        try:
            status, headers, source = await self.send(client, call, by)
        except AddressRefused as error:
            self.note(call, 0, "refused", 0)
            way = way_there(error.kind, parse(call.url).origin)
            raise JsException("TypeError", f"fetch of {call.shown} refused: {error}{way}") from None
        except Unreachable as error:
            self.note(call, 0, by, 0)
            # without the client library's own traces, which say no more to a worker's author
            raise JsException("TypeError", f"fetch of {call.shown} failed: {error}") from None
        body = None if source is None else ForWorker(decoded(source, headers), source)
        return exchange.make_response(body, status=status, headers=headers)

    async def send(
        self, client: Client, call: Call, by: str
    ) -> tuple[int, list[tuple[str, str]], AsyncIterator[bytes] | None]:
        """Status, headers and body as they come. Raises AddressRefused, Unreachable."""
        reply = await client.send(call.method, call.url, call.traced(), call.body)
        reply.body.notify(lambda received: self.note(call, reply.status, by, received))
        if call.method == "HEAD" or reply.status in (204, 205, 304):
            await reply.body.aclose()
            return reply.status, reply.headers, None
        return reply.status, reply.headers, reply.body

    def received(self, call: Call, response: Response, by: str) -> Response:
        """An answer made in this process, as the caller gets it: an object of its own, its body counted."""
        call.by = by
        status, headers = int(response.status), exchange.header_pairs(response)
        manual = response.encodeBody == "manual"
        body = count_body(exchange.take_body(response), lambda received: self.note(call, status, by, received))
        if manual and body is not None:
            source = pieces(body)
            body = ForWorker(decoded(source, headers), source)
        return exchange.make_response(body, status=status, headers=headers)

    def note(self, call: Call, status: int, by: str, received: int) -> None:
        """Tell of a hop; `status` is 0 where there was no answer."""
        call.by = by
        self._emit(
            "outbound",
            worker=call.worker,
            url=call.shown,
            method=call.method,
            status=status,
            by=by,
            bytes=received,
            sent=call.sent,
        )

    def note_socket(
        self, worker: str, host: str, port: int, by: str, place: str | None, *, method: str = "CONNECT"
    ) -> None:
        """Tell what a worker's socket was about, from whatever thread."""
        shown = f"[{host}]" if ":" in host else host
        url = f"tcp://{shown}:{port}" if port else shown
        fields = {"worker": worker, "url": url, "method": method, "status": 0, "by": by, "bytes": 0, "sent": 0}
        emit = partial(self._emit, "outbound", **fields, place=place)
        if self._loop is None or self._loop is asyncio._get_running_loop():
            emit()
        else:
            with suppress(RuntimeError):  # the loop was closed under a thread of the worker's
                self._loop.call_soon_threadsafe(emit)

    def written(self, file: str, problem: str | None) -> None:
        """Tell of a cassette."""
        self._emit("cassette", file=file, error=problem)
