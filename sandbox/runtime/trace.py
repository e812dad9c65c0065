"""Which trace the running code belongs to: one id through every hop, as W3C Trace Context writes it.

https://www.w3.org/TR/trace-context/ (version 00). A request that comes in with a `traceparent` is continued, any other
begins a trace. Each hop (a request, a call of another worker, an outbound call, a packet) is a span: its `parent_id` is
the span that made it.
"""

from __future__ import annotations

import itertools
import re
import secrets
import time
from contextvars import ContextVar
from typing import Any

from sandbox.runtime.protocols import Emit

HEADER = "traceparent"
STATE_HEADER = "tracestate"

# Ids without a system call each: a counter that begins at random, spread over all 64 bits by an odd factor (which maps
# no two counts to one id), beside 64 bits that are this process's own.
_SPREAD = 0x9E3779B97F4A7C15
_MASK = 0xFFFFFFFFFFFFFFFF
_GATHER = pow(_SPREAD, -1, 1 << 64)
_next = itertools.count(secrets.randbits(62) + 1).__next__
PROCESS = f"{secrets.randbits(64) or 1:016x}"
"""The last half of every trace id that this process makes."""

_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16
_KNOWN_FLAGS = 0x03
"""Sampled, and (level 2) that the trace id is random; the others must go out as zero."""
_SAMPLED = 0x01
_LONGEST_STATE = 512


def span_id_of(number: int) -> str:
    """16 hex digits, not all zero."""
    return f"{number * _SPREAD & _MASK or 1:016x}"


def trace_id_of(number: int, process: str = PROCESS) -> str:
    """32 hex digits, not all zero, that no other trace has."""
    return f"{number * _SPREAD & _MASK:016x}{process}"


def number_of(trace_id: str) -> int:
    """The number that a trace id of `trace_id_of` was made of (of any other id: a number that means nothing)."""
    return int(trace_id[:16], 16) * _GATHER & _MASK


class Trace:
    """One span of a trace.

    `trace_id` has 32 and `span_id` 16 hex digits; `parent_id` is the span that led here, None where the trace began.
    `remote` says that it was continued from a header of somebody else's. `execution_id`, `stage` and `packet_id` tell
    what of the orchestrator's it belongs to, and go down to its children. Treat it as frozen. Without a `trace_id` it
    begins a trace. Ids are written out when somebody asks: a request that nobody follows makes none.
    """

    __slots__ = ("_span_id", "_trace_id", "begins", "execution_id", "flags", "generation", "number", "packet_id", "parent_id",
                 "reads", "remote", "stage", "state")  # fmt: skip

    def __init__(
        self,
        trace_id: str | None = None,
        parent_id: str | None = None,
        flags: int = _SAMPLED,
        state: str | None = None,
        remote: bool = False,
        execution_id: str | None = None,
        stage: str | None = None,
        packet_id: str | None = None,
    ) -> None:
        self.number = _next()
        """What its ids are made of."""
        self.reads = 0
        """KV reads of the worker that serves it."""
        self.generation: int | None = None
        """Of the worker that serves it."""
        self._span_id: str | None = None
        self._trace_id = trace_id
        self.begins = trace_id is None
        """Whether it begins a trace whose id is made of `number`."""
        self.parent_id = parent_id
        self.flags = flags
        self.state = state
        self.remote = remote
        self.execution_id = execution_id
        self.stage = stage
        self.packet_id = packet_id

    @property
    def trace_id(self) -> str:
        found = self._trace_id
        if found is None:
            found = self._trace_id = trace_id_of(self.number)
        return found

    @property
    def span_id(self) -> str:
        found = self._span_id
        if found is None:
            found = self._span_id = span_id_of(self.number)
        return found

    @property
    def traceparent(self) -> str:
        """The header that hands this span on: its `span_id` is the receiver's parent."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    def child(self, *, stage: str | None = None, packet_id: str | None = None) -> Trace:
        """The next hop. What it belongs to is this one's, but for what is given."""
        return Trace(
            self.trace_id,
            self.span_id,
            self.flags,
            self.state,
            False,
            self.execution_id,
            stage or self.stage,
            packet_id or self.packet_id,
        )

    def __repr__(self) -> str:
        return f"Trace({self.traceparent!r}, parent_id={self.parent_id!r})"


current_trace: ContextVar[Trace | None] = ContextVar("current_trace", default=None)
"""The span that the running code belongs to; None outside of all of them."""


def continued(traceparent: str | None, tracestate: str | None = None) -> Trace:
    """The span of a request that came in with these headers; a new trace where they are missing or not valid."""
    if traceparent is None:
        return Trace()
    found = parse_traceparent(traceparent)
    if found is None:
        return Trace()
    trace_id, parent_id, flags = found
    state = tracestate if tracestate and len(tracestate) <= _LONGEST_STATE else None
    return Trace(trace_id, parent_id, flags & _KNOWN_FLAGS, state, remote=True)


def parse_traceparent(text: str) -> tuple[str, str, int] | None:
    """(trace id, parent's span id, flags), or None where the header is not valid and must be ignored.

    Of a version newer than 00 the fields that 00 has are read, and what follows them is ignored; ff is no version.
    """
    found = _PARENT.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more is not None) or trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return trace_id, span_id, int(flags, 16)


def for_execution(execution_id: str, *, asked: Trace | None = None) -> Trace:
    """The span of an execution: the running code's own where it is at work on it. Else it begins: in the trace of the
    request that `asked` for it where that came in with one, else in a trace whose id is the execution's own 32 digits,
    so that it is the same after a restart."""
    current = current_trace.get()
    if current is not None and current.execution_id == execution_id:
        return current
    if asked is not None and asked.remote:
        made = asked.child()
    else:
        digits = execution_id.rpartition("_")[2]
        fits = re.fullmatch("[0-9a-f]{32}", digits) and digits != _NO_TRACE
        made = Trace(digits if fits else None)
    made.execution_id, made.stage, made.packet_id = execution_id, None, None
    return made


def count_reads(number: int = 1) -> None:
    """Reads of KV are counted, where writes are events."""
    trace = current_trace.get()
    if trace is not None:
        trace.reads += number


class hop:  # noqa: N801  (used like a function: `with hop():`)
    """While entered, the running code is in a span of its own: that of the call it makes, or of `trace`.

    Put back by `set`, for a call may end in another context than it began in (a generator closed late).
    """

    __slots__ = ("_before", "_trace")

    def __init__(self, trace: Trace | None = None) -> None:
        self._trace = trace

    def __enter__(self) -> Trace:
        before = self._before = current_trace.get()
        trace = self._trace
        if trace is None:
            trace = Trace() if before is None else before.child()
        current_trace.set(trace)
        return trace

    def __exit__(self, *exc: object) -> None:
        current_trace.set(self._before)


def trace_headers(trace: Trace, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What to add to an outgoing request's headers (lower-case names): nothing where they say `traceparent` already."""
    for name, _ in headers:
        if name == HEADER:
            return []
    found = [(HEADER, trace.traceparent)]
    if trace.state is not None and all(name != STATE_HEADER for name, _ in headers):
        found.append((STATE_HEADER, trace.state))
    return found


class told_hop(hop):  # noqa: N801
    """A hop that is an event when it has ended: `call`, with `fields`, `status` (set it), `ms`, `error` where the call
    raised, `generation` and `kv_reads` of the worker that served it."""

    __slots__ = ("_began", "_emit", "_fields", "status")

    def __init__(self, emit: Emit, **fields: Any) -> None:
        super().__init__()
        self._emit = emit
        self._fields = fields
        self.status: int | None = None

    def __enter__(self) -> Trace:
        self._began = time.perf_counter()
        return super().__enter__()

    def __exit__(self, *exc: object) -> None:
        trace, fields = current_trace.get(), self._fields
        if self.status is not None:
            fields["status"] = self.status
        if exc[1] is not None:
            fields["error"] = str(exc[1]) or type(exc[1]).__name__
        if trace is not None:
            fields |= {"generation": trace.generation, "kv_reads": trace.reads}
        self._emit("call", ms=(time.perf_counter() - self._began) * 1000, **fields)
        super().__exit__(*exc)
