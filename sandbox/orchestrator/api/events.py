"""`/api/executions/{id}/events`: server-sent events, resumable by Last-Event-ID."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import sandbox.orchestrator.codec as codec
from sandbox.clock import iso
from sandbox.orchestrator.api.call import BadField, Call
from sandbox.orchestrator.feed import Watched
from sandbox.runtime.exchange import make_response

if TYPE_CHECKING:
    from sandbox.orchestrator.orchestrator import Orchestrator
    from sandbox.runtime.web import Response

KEEP_ALIVE_SECONDS = 15.0


async def stream(call: Call) -> Response:
    """Every kept event after Last-Event-ID (or `?after=`), then what happens, until the execution has ended.

    `execution` and `stage` events carry an id; `progress` events do not (the newest is repeated to who comes later).
    """
    given = call.header("last-event-id") or call.query("after") or "0"
    if not (given.isascii() and given.isdigit() and len(given) < 19):
        raise BadField(f"Last-Event-ID: expected a whole number, got {given!r}")
    execution_id = call.values["execution_id"]
    call.orchestrator.views.state(execution_id)  # 404 before the stream begins
    return make_response(
        _events(call.orchestrator, execution_id, int(given)),
        headers={"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store"},
    )


async def _events(orchestrator: Orchestrator, execution_id: str, after: int) -> AsyncIterator[bytes]:
    with orchestrator.feed.watch(execution_id) as queue:
        # watched before it is read: an event in between comes twice and is dropped by its number, none is missed
        for kept in orchestrator.events_after(execution_id, after):
            after = kept.seq
            event = Watched(kept.seq, kept.at, kept.kind, kept.data)
            yield _line(execution_id, event)
            if event.last:
                return
        if orchestrator.has_ended(execution_id):
            return
        for event in orchestrator.progress_now(execution_id):
            yield _line(execution_id, event)
        while True:
            try:
                news = await asyncio.wait_for(queue.get(), KEEP_ALIVE_SECONDS)
            except TimeoutError:
                yield b": still here\n\n"
                continue
            if news is None:
                return
            if news.seq is not None:
                if news.seq <= after:
                    continue
                after = news.seq
            yield _line(execution_id, news)
            if news.last:
                return


def _line(execution_id: str, event: Watched) -> bytes:
    data = codec.dumps({"execution_id": execution_id, "at": iso(event.at), **event.data})
    number = b"" if event.seq is None else b"id: %d\n" % event.seq
    return number + b"event: " + event.kind.encode() + b"\ndata: " + data + b"\n\n"
