"""What is asked of the log, over a `Reader`: requests, one request, everything of a trace, lines in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sandbox.errors import NotFound
from sandbox.events.bodies import BodyRef
from sandbox.events.records import REQUEST, Entry
from sandbox.events.segment import decode
from sandbox.events.store import Reader, Wanted
from sandbox.runtime.trace import number_of

TRACE_EVENTS = 2000
"""Events of one trace that are shown, at most."""
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted; None leaves a field open. `after` and `before` are sequence numbers."""

    worker: str | None = None
    trace_id: str | None = None
    execution_id: str | None = None
    since: float | None = None
    until: float | None = None
    after: int | None = None
    before: int | None = None
    kinds: tuple[str, ...] = ()
    loud: bool = False
    """Without what happens all the time and is no news: requests that went well, calls, KV writes, progress."""

    def wanted(self) -> Wanted:
        number = None
        if self.trace_id is not None:
            found = number_of(self.trace_id)
            number = found if found <= _LARGEST else -1
        return Wanted(
            kinds=self.kinds,
            worker=self.worker,
            trace_id=self.trace_id,
            number=number,
            execution_id=self.execution_id,
            after=self.after,
            before=self.before,
            since=self.since,
            until=self.until,
        )

    def fits(self, entry: Entry) -> bool:
        span = entry.span
        return not (
            (self.after is not None and entry.seq <= self.after)
            or (self.before is not None and entry.seq >= self.before)
            or (self.kinds and entry.kind not in self.kinds)
            or (self.worker is not None and entry.worker != self.worker)
            or (self.trace_id is not None and (span is None or span.trace_id != self.trace_id))
            or (self.execution_id is not None and self.execution_id not in _executions(entry))
            or (self.since is not None and entry.at < self.since)
            or (self.until is not None and entry.at > self.until)
            or (self.loud and is_quiet(entry))
        )


def is_quiet(entry: Entry) -> bool:
    """Whether an event is no news by itself."""
    match entry.kind:
        case "request":
            return bool(entry.fields["status"] < 500)
        case "outbound":
            return entry.fields.get("by") != "refused"
    return entry.kind in ("call", "kv.put", "kv.delete", "progress")


def newest(reader: Reader, wanted: Filter, limit: int, fits: Callable[[Entry], bool] | None = None) -> list[Entry]:
    """The last `limit` events that fit, newest first."""
    found: list[Entry] = []
    for entry in _walk(reader, wanted, newest_first=True):
        if wanted.fits(entry) and (fits is None or fits(entry)):
            found.append(entry)
            if len(found) == limit:
                break
    return found


def oldest(reader: Reader, wanted: Filter, limit: int) -> list[Entry]:
    """The first `limit` events that fit, oldest first."""
    found: list[Entry] = []
    for entry in _walk(reader, wanted, newest_first=False):
        if wanted.fits(entry):
            found.append(entry)
            if len(found) == limit:
                break
    return found


def of_trace(reader: Reader, trace_id: str) -> list[Entry]:
    """Everything of one trace, in the order in which it began."""
    return sorted(oldest(reader, Filter(trace_id=trace_id), TRACE_EVENTS), key=lambda entry: (entry.at, entry.seq))


def request(reader: Reader, wanted: str, *, replays: bool = True) -> Entry:
    """The request called `r42` (or `42`), or the `last` that a worker got (which was no replay, without `replays`).
    Raises NotFound."""
    if wanted == "last":

        def fits(entry: Entry) -> bool:
            return entry.worker is not None and (replays or entry.fields["replay_of"] is None)

        found = newest(reader, Filter(kinds=(REQUEST,)), 1, fits)
        if not found:
            raise NotFound("no request was recorded yet", hint="ask a worker, then look again")
        return found[0]
    digits = wanted.removeprefix("r")
    if digits.isascii() and digits.isdigit() and len(digits) < 16:
        for first, data in reader.segments(Wanted(request=int(digits)), newest_first=True):
            for entry in decode(data, first):
                if entry.kind == REQUEST and entry.fields["id"] == f"r{int(digits)}":
                    return entry
    raise NotFound(f"no request {wanted} is in the event log", hint="`sandbox requests list` shows those that are")


def content(reader: Reader, body: BodyRef | None) -> bytes | None:
    """The bytes of a recorded body; None where they were not kept (or there was none)."""
    if body is None or body.dropped is not None:
        return None
    if body.inline is not None:
        return body.inline
    return None if body.sha256 is None else reader.body(body.sha256)


def _walk(reader: Reader, wanted: Filter, *, newest_first: bool) -> Iterator[Entry]:
    for first, data in reader.segments(wanted.wanted(), newest_first=newest_first):
        entries = decode(data, first)
        yield from reversed(list(entries)) if newest_first else entries


def _executions(entry: Entry) -> tuple[str | None, str | None]:
    given = entry.fields.get("execution_id")
    return (entry.span.execution_id if entry.span is not None else None, given if isinstance(given, str) else None)
