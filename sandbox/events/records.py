"""What is put into the log, and what comes out of it again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sandbox.clock import iso
from sandbox.events.bodies import BodyRef, Recorded
from sandbox.runtime.trace import Trace

REQUEST = "request"


Answered = tuple[
    int, float, float, Trace, str | None, str, str, tuple[tuple[bytes, bytes], ...], Recorded, int, bytes | None, Recorded,
    bool, int,
]  # fmt: skip
"""The fields of `Request` but for `replay_of`, as they are handed to the log: a tuple is made soonest."""


class Request(NamedTuple):
    """A request that was answered. `head` is the answer's status line and headers as they went out, None where it was
    cut before; `headers` are those that came in, as bytes. `at` is seconds since the epoch, `seconds` how long it took."""

    number: int
    at: float
    seconds: float
    trace: Trace
    worker: str | None
    method: str
    url: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: Recorded
    status: int
    head: bytes | None
    answer: Recorded
    stale: bool
    sent: int
    replay_of: int | None = None

    @property
    def shape(self) -> tuple[Any, ...]:
        """What other requests may have in common with it; see `sandbox.events.segment.Shape`."""
        span = self.trace
        return (
            self.worker,
            self.method,
            self.url,
            self.headers,
            self.body,
            self.status,
            self.head,
            self.answer,
            self.stale,
            span.generation,
            span.reads,
            self.sent,
        )


class Happened(NamedTuple):
    """Any other event. Among its fields, `request_headers` and `response_headers` are pairs, `request_body` and
    `response_body` are `Recorded`."""

    kind: str
    at: float
    trace: Trace | None
    worker: str | None
    fields: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """Where in which trace an event happened; see `sandbox.runtime.trace.Trace`."""

    trace_id: str
    span_id: str
    parent_id: str | None = None
    execution_id: str | None = None
    stage: str | None = None
    packet_id: str | None = None
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One event out of the log. `seq` orders all of them; `at` is seconds since the epoch by the sandbox's clock.

    Of a request the fields are: `id` (`r42`), `method`, `url`, `status`, `ms`, `stale`, `generation`, `kv_reads`,
    `bytes`, `replay_of`, `request_headers`, `response_headers` (pairs), `request_body`, `response_body` (BodyRef or None).
    """

    seq: int
    kind: str
    at: float
    worker: str | None
    span: Span | None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For the API: bodies by hash and size; `time` is `at` to the microsecond."""
        shown: dict[str, Any] = {
            "seq": self.seq,
            "kind": self.kind,
            "at": iso(self.at),
            "time": self.at,
            "worker": self.worker,
        }
        if self.span is not None:
            span = self.span
            shown |= {"trace_id": span.trace_id, "span_id": span.span_id, "parent_id": span.parent_id}
            belongs = {"execution_id": span.execution_id, "stage": span.stage, "packet_id": span.packet_id}
            shown |= {key: value for key, value in belongs.items() if value is not None}
        for key, value in self.fields.items():
            shown[key] = body_json(value) if isinstance(value, BodyRef) else value
        return shown


def body_json(body: BodyRef, content: bytes | None = None) -> dict[str, Any]:
    """A body for the API, with its text (or `base64`) where `content` is given."""
    shown: dict[str, Any] = {"sha256": body.sha256, "size": body.size}
    if body.dropped is not None:
        shown["dropped"] = body.dropped
    if body.changed:
        shown["redacted"] = True
    if content is not None:
        stored = BodyRef(None, 0, content).as_list()
        shown["base64" if stored[3] else "text"] = stored[2]
    return shown
