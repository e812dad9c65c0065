"""The event log's place among the other parts: who tells it what, and who may ask it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from sandbox.app.redaction import Redaction
from sandbox.clock import Clock
from sandbox.config.models import EventsConfig
from sandbox.credentials import shown_url
from sandbox.egress import Egress
from sandbox.egress.call import Call
from sandbox.egress.observing import Exchange, Finished
from sandbox.errors import UserError
from sandbox.events import Bus, Event, EventLog
from sandbox.events.api import EventsApi
from sandbox.events.bodies import Recorded, Tape
from sandbox.runtime.exchange import json_response
from sandbox.runtime.web import Request, Response

FILE = "events.sqlite"
Handler = Callable[[Request], Awaitable[Response]]


class Recording:
    """`log` is None where `[events] enabled = false` says so."""

    def __init__(self, bus: Bus, clock: Clock, redact: Redaction) -> None:
        self._bus = bus
        self._clock = clock
        self._redact = redact
        self.log: EventLog | None = None

    def start(self, state: Path, config: EventsConfig, *, off: bool = False) -> None:
        if config.enabled and not off:
            self.log = EventLog(state / FILE, config, self._clock, self._redact)
            self._bus.recorder = self._happened

    def attach(self, egress: Egress) -> None:
        """See a worker's outbound calls whole."""
        if self.log is not None:
            egress.observers.append(self._outbound)

    async def close(self) -> None:
        """Write what is left."""
        self._bus.recorder = None
        if self.log is not None:
            await self.log.close()

    def api_parts(
        self, replay: Callable[[str, Request], Awaitable[Response]], workers: Callable[[], Iterable[str]]
    ) -> dict[str, Handler]:
        handle = _disabled if self.log is None else EventsApi(self.log, replay, workers).handle
        return {"/api/requests": handle, "/api/logs": handle}

    def _happened(self, event: Event) -> None:
        assert self.log is not None
        # A worker's calls are seen whole, below; but for those by sockets, of which nothing more is known.
        if event.kind != "outbound" or not event.fields.get("worker") or "place" in event.fields:
            self.log.happened(event)

    def _outbound(self, call: Call) -> Finished:
        trace = call.trace

        def finished(seen: Exchange) -> None:
            assert self.log is not None
            fields = {
                "method": seen.method,
                "url": shown_url(seen.url),
                "status": seen.status,
                "ms": seen.ms,
                "by": seen.by,
                "request_headers": seen.request_headers,
                "request_body": _body(seen.request_body),
                "response_headers": seen.response_headers,
                "response_body": _body(seen.response_body),
            }
            if seen.error is not None:
                fields["error"] = seen.error
            if not seen.complete:
                fields["complete"] = False
            if trace is not None and trace.generation is not None:  # a worker of ours answered in the same span
                fields |= {"generation": trace.generation, "kv_reads": trace.reads}
            self.log.put("outbound", seen.at, trace, seen.worker, fields)

        return finished


def _body(body: bytes | None) -> Recorded:
    """None is what an observer gets of a body that was too long for it."""
    return Tape.unseen() if body is None else body or None


async def _disabled(request: Request) -> Response:
    off = UserError("the event log is off", hint="[events] enabled = false in sandbox.toml says so", code="events_off")
    return json_response(off.as_json(), status=404)
