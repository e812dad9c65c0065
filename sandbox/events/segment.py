"""Some hundred events as one compressed text: strings, headers and bodies that repeat are written once.

A request that looks like one before it (same headers, same answer) costs the loop a look into a dictionary and four
numbers, and keeps no object alive; the rest is made on the log's own thread, redacted on the way. A row with a JSON text
for each request would cost several times the 5 % that the log may.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sandbox.events.bodies import BodyRef, Tape, keep
from sandbox.events.records import REQUEST, Entry, Happened, Request, Span
from sandbox.events.scrub import Redactor, redacted, scrub_headers
from sandbox.runtime.trace import PROCESS, Trace, span_id_of, trace_id_of

VERSION = 2
LEVEL = 1
"""Of the compression: the least, which takes a third of the usual one's time for four fifths of its effect."""
_A_REQUEST, _ANOTHER = 0, 1
_HEADERS = ("request_headers", "response_headers")
_BODIES = ("request_body", "response_body")


@dataclass(slots=True)
class Segment:
    """What goes into the file for a run of events. `searched` is what a search can skip the segment by."""

    count: int
    data: bytes
    bodies: dict[str, bytes]
    """By hash: those that are not inline."""
    at: tuple[float, float]
    requests: tuple[int, int] | None
    numbers: tuple[int, int] | None
    """Of the traces that begin here; their ids end with `process`."""
    process: str
    kinds: set[str] = field(default_factory=set)
    workers: set[str] = field(default_factory=set)
    traces: set[str] = field(default_factory=set)
    executions: set[str] = field(default_factory=set)


class _Writer:
    """The tables of one segment."""

    def __init__(self, redact: Redactor) -> None:
        self.redact = redact
        self.strings: dict[str, int] = {}
        self.heads: dict[Any, int] = {}
        self.bodies: dict[bytes, int] = {}
        self.refs: list[list[Any]] = []
        self.apart: dict[str, bytes] = {}
        self.traces: set[str] = set()
        self.executions: set[str] = set()

    def text(self, value: str) -> int:
        strings = self.strings
        found = strings.get(value)
        if found is None:
            found = strings[value] = len(strings)
        return found

    def head(self, value: Any) -> int:
        found = self.heads.get(value)
        if found is None:
            found = self.heads[value] = len(self.heads)
        return found

    def body(self, value: bytes | Tape | None, encoding: str = "") -> int | None:
        if value is None:
            return None
        short = value if type(value) is bytes and len(value) <= 4096 and not encoding else None
        if short is not None:
            known = self.bodies.get(short)
            if known is not None:
                return known
        ref, stored = keep(value, self.redact, encoding)
        if stored is not None:
            assert ref.sha256 is not None
            self.apart[ref.sha256] = stored
        self.refs.append(ref.as_list())
        at = len(self.refs) - 1
        if short is not None:
            self.bodies[short] = at
        return at

    def trace(self, trace: Trace | None) -> Any:
        if trace is None:
            return None
        if trace.begins and trace.execution_id is None:
            return trace.number
        self.traces.add(trace.trace_id)
        if trace.execution_id is not None:
            self.executions.add(trace.execution_id)
        return [
            trace.trace_id,
            trace.number,
            trace.parent_id,
            trace.execution_id,
            trace.stage,
            trace.packet_id,
            trace.remote,
        ]

    def shape(self, shape: Shape) -> list[Any]:
        worker, method, url, headers, body, status, head, answer, stale, generation, reads, sent = shape
        return [
            None if worker is None else self.text(worker),
            self.text(method),
            self.text(url),
            self.head(headers),
            self.body(body, _raw_encoding(headers)),
            status,
            None if head is None else self.head(head),
            self.body(answer, _head_encoding(head)),
            stale,
            generation,
            reads,
            sent,
        ]

    def row(self, record: Request | Happened, base: float) -> list[Any]:
        at = int((record.at - base) * 1e6)
        if type(record) is Request:
            return [
                _A_REQUEST,
                self.shape(record.shape),
                record.number,
                at,
                int(record.seconds * 1e6),
                self.trace(record.trace),
                record.replay_of,
            ]
        assert type(record) is Happened
        execution = record.fields.get("execution_id")
        if isinstance(execution, str):
            self.executions.add(execution)
        worker = None if record.worker is None else self.text(record.worker)
        return [_ANOTHER, self.text(record.kind), at, self.trace(record.trace), worker, self.fields(record.fields)]

    def fields(self, given: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for key, value in given.items():
            if key in _BODIES:
                headers = given.get(key.replace("body", "headers")) or ()
                fields[key] = self.body(value, _encoding(headers))
            elif key in _HEADERS:
                fields[key] = redacted(scrub_headers(value or ()), self.redact)
            else:
                fields[key] = redacted(value, self.redact)
        return fields

    def known_strings(self) -> list[str]:
        """The table of strings: looked through for secrets at once, and one by one only where there is one."""
        strings = list(self.strings)
        return [self.redact(text) for text in strings] if self.redact.has("\n".join(strings)) else strings

    def known_heads(self) -> list[list[tuple[str, str]]]:
        heads = [scrub_headers(_pairs(head)) for head in self.heads]
        text = "\n".join(f"{name}: {value}" for head in heads for name, value in head)
        return redacted(heads, self.redact) if self.redact.has(text) else heads


Shape = tuple[Any, ...]
"""What requests have in common: (worker, method, url, headers, body, status, head, answer, stale, generation, reads,
sent), as in `Request`; the bodies short, and bytes."""


class Batch:
    """What has gathered for one segment. Of each request that has a shape: its number, when it began (seconds since the
    epoch), how long it took (seconds), and what its trace's id is made of; `runs` says from which one on which shape is
    meant. Plain numbers, since objects would go from one processor's cache to the other's, and back when they are freed.
    `others` is every other event, with how many such requests came before it."""

    __slots__ = ("at", "base", "last_shape", "numbers", "others", "runs", "shapes", "took", "traces")

    def __init__(self, base: float) -> None:
        self.base = base
        self.shapes: dict[Shape, int] = {}
        # Most requests look like the one before: to see that is cheaper than to hash what they have in common.
        self.last_shape: Shape | None = None
        self.runs: list[tuple[int, int]] = []
        self.numbers = array("q")
        self.at = array("d")
        self.took = array("d")
        self.traces = array("q")
        self.others: list[tuple[int, Request | Happened]] = []

    def __len__(self) -> int:
        return len(self.numbers) + len(self.others)

    def request(self, shape: Shape, number: int, at: float, seconds: float, trace: int) -> None:
        known = self.shapes.get(shape)
        if known is None:
            known = self.shapes[shape] = len(self.shapes)
        self.runs.append((len(self.numbers), known))
        self.last_shape = shape
        self.again(number, at, seconds, trace)

    def again(self, number: int, at: float, seconds: float, trace: int) -> None:
        """One more of the last shape."""
        self.numbers.append(number)
        self.at.append(at)
        self.took.append(seconds)
        self.traces.append(trace)

    def other(self, record: Request | Happened) -> None:
        self.others.append((len(self.numbers), record))


def encode(batch: Batch, redact: Redactor) -> Segment:
    """Write a batch (of one event at least) as a segment, without secrets."""
    writer = _Writer(redact)
    base = batch.base
    others = [record for _, record in batch.others]
    kinds = {record.kind for record in others if type(record) is Happened}
    requests = [record for record in others if type(record) is Request]
    numbers = [*batch.numbers, *(record.number for record in requests)]
    begun = [*batch.traces, *(record.trace.number for record in requests)]
    workers = {shape[0] for shape in batch.shapes} | {record.worker for record in others}
    ats = [record.at for record in others]
    if batch.at:
        ats += [min(batch.at), max(batch.at)]
    if numbers:
        kinds.add(REQUEST)
    whole = {
        "v": VERSION,
        "base": base,
        "process": PROCESS,
        "shapes": [writer.shape(shape) for shape in batch.shapes],
        "others": [(before, writer.row(record, base)) for before, record in batch.others],
        "strings": writer.known_strings(),
        "heads": writer.known_heads(),
        "bodies": writer.refs,
        "requests": len(batch.numbers),
        "runs": batch.runs,
    }
    text = json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    # Which compress better than rows.
    columns: tuple[array[Any], ...] = (batch.numbers, batch.at, batch.took, batch.traces)
    data = b"".join((len(text).to_bytes(4, "big"), text, *map(_bytes, columns)))
    return Segment(
        count=len(batch),
        data=zlib.compress(data, LEVEL),
        bodies=writer.apart,
        at=(min(ats), max(ats)),
        requests=(min(numbers), max(numbers)) if numbers else None,
        numbers=(min(begun), max(begun)) if begun else None,
        process=PROCESS,
        kinds=kinds,
        workers={worker for worker in workers if worker is not None},
        traces=writer.traces,
        executions=writer.executions,
    )


def decode(data: bytes, first: int) -> Iterator[Entry]:
    """The events of a segment whose first has the sequence number `first`, in the order they were recorded."""
    data = zlib.decompress(data)
    end = 4 + int.from_bytes(data[:4], "big")
    whole = json.loads(data[4:end].decode("utf-8", "surrogatepass"))
    count = whole["requests"]
    arrays = []
    for kind in "qddq":
        one = array(kind)
        size = count * one.itemsize
        one.frombytes(data[end : end + size])
        if sys.byteorder != "little":
            one.byteswap()
        arrays.append(one)
        end += size
    read = _Reader(whole)
    shapes, base = whole["shapes"], whole["base"]
    rows = zip(*arrays, strict=True)
    runs = deque(whole["runs"])
    seq, done, shape = first, 0, -1
    for before, row in [*whole["others"], (count, None)]:
        while done < before:
            if runs and runs[0][0] == done:
                shape = runs.popleft()[1]
            number, at, took, trace = next(rows)
            yield read.request(seq, shapes[shape], number, at, round(took * 1e6), trace, None)
            seq, done = seq + 1, done + 1
        if row is not None:
            yield read.row(seq, row, base)
            seq += 1


class _Reader:
    """The tables of one segment."""

    def __init__(self, whole: dict[str, Any]) -> None:
        self._strings, self._heads, self._process = whole["strings"], whole["heads"], whole["process"]
        self._bodies = [BodyRef.from_list(stored) for stored in whole["bodies"]]

    def row(self, seq: int, row: list[Any], base: float) -> Entry:
        if row[0] == _A_REQUEST:
            _, shape, number, at, took, trace, of = row
            return self.request(seq, shape, number, base + at / 1e6, took, trace, of)
        _, kind, at, trace, worker, fields = row
        for key in _BODIES:
            if key in fields:
                fields[key] = self._body(fields[key])
        return Entry(
            seq, self._strings[kind], base + at / 1e6, self._string(worker), _span(trace, self._process), fields
        )

    def request(
        self, seq: int, shape: list[Any], number: int, at: float, took: int, trace: Any, of: int | None
    ) -> Entry:
        worker, method, url, head, given, status, answered, answer, stale, generation, reads, sent = shape
        fields = {
            "id": f"r{number}",
            "method": self._strings[method],
            "url": self._strings[url],
            "status": status,
            "ms": took / 1000,
            "stale": stale,
            "generation": generation,
            "kv_reads": reads,
            "bytes": sent,
            "replay_of": None if of is None else f"r{of}",
            "request_headers": self._heads[head],
            "request_body": self._body(given),
            "response_headers": [] if answered is None else self._heads[answered],
            "response_body": self._body(answer),
        }
        return Entry(seq, REQUEST, at, self._string(worker), _span(trace, self._process), fields)

    def _string(self, at: int | None) -> str | None:
        return None if at is None else self._strings[at]

    def _body(self, at: int | None) -> BodyRef | None:
        return None if at is None else self._bodies[at]


def _bytes(numbers: array[Any]) -> bytes:
    if sys.byteorder != "little":
        numbers = array(numbers.typecode, numbers)
        numbers.byteswap()
    return numbers.tobytes()


def _span(stored: Any, process: str) -> Span | None:
    if stored is None:
        return None
    if isinstance(stored, int):
        return Span(trace_id_of(stored, process), span_id_of(stored))
    trace_id, number, parent_id, execution_id, stage, packet_id, remote = stored
    return Span(trace_id, span_id_of(number), parent_id, execution_id, stage, packet_id, remote)


def _pairs(head: Any) -> list[tuple[str, str]]:
    """Headers as they came in (pairs of bytes) or went out (a head as bytes)."""
    if isinstance(head, bytes):
        lines = head.decode("utf-8", "replace").split("\r\n")[1:]
        split = [line.partition(":") for line in lines if line]
        return [(name.strip().lower(), value.strip()) for name, _, value in split]
    return [(name.decode("utf-8", "replace").lower(), value.decode("utf-8", "replace")) for name, value in head]


def _encoding(pairs: Sequence[tuple[str, str]]) -> str:
    return next((value.strip().lower() for name, value in pairs if name == "content-encoding"), "")


def _raw_encoding(headers: Sequence[tuple[bytes, bytes]]) -> str:
    for name, value in headers:
        if len(name) == 16 and name.lower() == b"content-encoding":
            return value.decode("latin-1").strip().lower()
    return ""


def _head_encoding(head: bytes | None) -> str:
    return "" if head is None or b"content-encoding:" not in head else _encoding(_pairs(head))
