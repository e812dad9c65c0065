"""The tape of a packet: what its worker drew from outside its input.

Every draw of chance comes from a seed; what the clocks showed, what outbound calls and KV reads answered, and in which
order things finished, is kept, so that the packet can be run again with the same. Code that runs for no packet has real
chance and leaves no tape.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

MAX_READINGS = 10_000
"""Readings of one clock that a tape keeps."""
MAX_ENTRIES = 5_000
"""Outbound calls, KV reads, KV listings and turns that a tape keeps, of each."""
MAX_BYTES = 32 * 1024 * 1024
"""Bytes of bodies and values that a tape keeps. What is over a limit is not kept, which a replay says."""


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """An outbound call that left the sandbox's workers. Bodies are None where they were too long to keep; `status` is 0
    and `error` says why where there was no answer. Header names are lower case; those of the request are not kept."""

    worker: str
    method: str
    url: str
    body: bytes | None
    status: int
    headers: list[tuple[str, str]]
    answer: bytes | None
    by: str
    error: str | None = None

    @property
    def turn(self) -> str:
        return f"{self.method} {self.url}"


@dataclass(frozen=True, slots=True)
class RecordedRead:
    """What a key held when the packet first read it, or read it and somebody else had written. `value` is None where it was
    too long to keep; `at` says how many reads and writes of the key by the packet came before."""

    namespace: str
    key: str
    found: bool
    value: bytes | None = None
    metadata_json: str | None = None
    expiration: int | None = None
    at: int = 0


@dataclass(frozen=True, slots=True)
class RecordedList:
    """A page of a listing; `keys` are [name, expiration, metadata as JSON text]."""

    namespace: str
    prefix: str
    limit: int | None
    cursor: str | None
    keys: list[tuple[str, int | None, str | None]]
    next_cursor: str | None
    complete: bool


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """A protocol message to the worker and its answer; `status` is 0 where none came."""

    path: str
    sent: bytes
    status: int
    answer: bytes | None


@dataclass(slots=True)
class Recorded:
    """What a tape holds. `readings` are nanoseconds by clock (`time`, `monotonic`, `perf_counter`, ...) in the order they
    were read, `turns` names what finished one after the other, `over` says what was not kept and why."""

    seed: int
    started_ns: int
    readings: dict[str, list[int]] = field(default_factory=dict)
    calls: list[RecordedCall] = field(default_factory=list)
    reads: list[RecordedRead] = field(default_factory=list)
    lists: list[RecordedList] = field(default_factory=list)
    turns: list[str] = field(default_factory=list)
    messages: list[RecordedMessage] = field(default_factory=list)
    over: list[str] = field(default_factory=list)


class Tape:
    """Records one packet."""

    playing = False

    def __init__(self, seed: int, started_ns: int | None = None) -> None:
        self.recorded = Recorded(seed, time.time_ns() if started_ns is None else started_ns)
        self.open = True
        self.stores: dict[str, Any] = {}
        """What stands before the KV namespaces of this packet, by namespace; kept here by the binding."""
        self._bytes = 0
        self._random: Random | None = None
        self._entropy: Random | None = None

    @property
    def random(self) -> Random:
        """Behind the functions of `random`: worker code may seed it."""
        if self._random is None:
            self._random = Random(self.recorded.seed)  # noqa: S311 - chosen to be repeatable
        return self._random

    @property
    def entropy(self) -> Random:
        """Behind uuid4, secrets and os.urandom: nothing that worker code seeds makes these repeat within a packet."""
        if self._entropy is None:
            self._entropy = Random(f"entropy {self.recorded.seed}")  # noqa: S311 - chosen to be repeatable
        return self._entropy

    def read(self, clock: str, now: int) -> int:
        """What `clock` shows when it really shows `now` (nanoseconds)."""
        if self.open:
            readings = self.recorded.readings.setdefault(clock, [])
            if self._fits(readings, f"readings of {clock}", MAX_READINGS):
                readings.append(now)
        return now

    def call_ended(self, call: RecordedCall) -> None:
        """An outbound call that left the sandbox's workers has ended."""
        if self.open and self._fits(self.recorded.calls, "outbound calls"):
            if not self._room(call.body, call.answer):
                self._say(f"the bodies of {call.turn}")
                call = RecordedCall(
                    call.worker, call.method, call.url, None, call.status, call.headers, None, call.by, call.error
                )
            self.recorded.calls.append(call)
            self.ended(call.turn)

    def kv_read(self, read: RecordedRead) -> None:
        """A key was read, and held what the packet did not know."""
        if self.open and self._fits(self.recorded.reads, "KV reads"):
            if not self._room(read.value):
                self._say(f"the value of {read.key} in {read.namespace}")
                read = replace(read, value=None)
            self.recorded.reads.append(read)

    def kv_listed(self, page: RecordedList) -> None:
        """Keys were listed."""
        if self.open and self._fits(self.recorded.lists, "KV listings"):
            self.recorded.lists.append(page)
            self.ended(f"kv list {page.namespace} {page.prefix}")

    def message(self, path: str, sent: bytes, status: int, answer: bytes) -> None:
        """A message of the protocol was answered; status 0 where it was not."""
        kept = self._room(sent, answer)
        if not kept:
            self._say(f"the answer to {path}")
        self.recorded.messages.append(RecordedMessage(path, sent, status, answer if kept and status else None))

    def ended(self, turn: str) -> None:
        """Something the packet waited for has ended."""
        if self.open and self._fits(self.recorded.turns, "turns"):
            self.recorded.turns.append(turn)

    def unseen(self, what: str) -> None:
        """Something came from outside in a way that cannot be kept."""
        if self.open:
            self._say(what)

    def close(self) -> None:
        """The packet is over: what still runs for it is not kept any more."""
        self.open = False

    def _fits(self, entries: Any, what: str, most: int = MAX_ENTRIES) -> bool:
        if len(entries) < most:
            return True
        self._say(f"{what} after the first {most:,}")
        return False

    def _room(self, *bodies: bytes | None) -> bool:
        size = sum(len(body) for body in bodies if body is not None)
        if self._bytes + size > MAX_BYTES:
            return False
        self._bytes += size
        return True

    def _say(self, what: str) -> None:
        if what not in self.recorded.over and len(self.recorded.over) < MAX_ENTRIES:
            self.recorded.over.append(what)


current_tape: ContextVar[Tape | None] = ContextVar("current_tape", default=None)


@contextmanager
def on_tape(tape: Tape | None) -> Iterator[None]:
    """What runs in here, and the tasks it starts, draw from `tape`; from none where it is None."""
    token = current_tape.set(tape)
    try:
        yield
    finally:
        current_tape.reset(token)


def read_clock(name: str, real: Callable[[], int]) -> int:
    """What the clock `name` shows (nanoseconds): by the tape of the packet at work, else the real one."""
    tape = current_tape.get()
    return real() if tape is None else tape.read(name, real())
