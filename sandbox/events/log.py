"""The event log: what happens is put down on the loop in a fraction of a microsecond, and written by a thread of its own.

That thread takes what has gathered for half a second, and writes it as segments in one commit. A clean stop loses
nothing; a killed process loses what had not been written yet, half a second at most.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from sandbox.clock import Clock
from sandbox.config.models import EventsConfig
from sandbox.events.bodies import Recorded, Tape
from sandbox.events.bus import Event
from sandbox.events.records import Answered, Happened, Request
from sandbox.events.scrub import NoSecrets, Redactor
from sandbox.events.segment import Batch, encode
from sandbox.events.store import Reader, Store, reading
from sandbox.runtime.context import current_worker
from sandbox.runtime.trace import Trace, current_trace
from sandbox.storage import DatabaseError

T = TypeVar("T")

GATHER_S = 0.5
SEGMENT = 512
"""Events in a segment, at most."""
HURRY_BYTES = 8 * 1024 * 1024
"""Bodies that wait to be written: from here on the writer does not gather any longer,"""
FULL_BYTES = 64 * 1024 * 1024
"""and from here on they are recorded by hash and length alone."""
FULL_BATCHES = 200
"""So many batches that wait, and the next one is lost: the disk does not take them."""
_SHORT = 4096
SETTLE = 32
"""Requests that are added to their batch at once."""

logger = logging.getLogger("sandbox.events")


class EventLog:
    """Use `request` and `happened` on the loop's thread. The file is opened with the first event.

    `number()` gives a request its number. What cannot be written is counted in `lost` and told once.
    """

    def __init__(self, path: Path, config: EventsConfig, clock: Clock, redact: Redactor | None = None) -> None:
        self.path = path
        self.clock = clock
        self.lost = 0
        self._max_bytes = config.max_mb * 1024 * 1024
        self._max_age = config.max_age
        self.body_limit = min(config.body_limit, self._max_bytes // 16)
        self._redact = redact or NoSecrets()
        self._lock = threading.Lock()
        self._fresh: deque[Answered] = deque()
        self._batch: Batch | None = None
        self._ready: list[Batch] = []
        self._waiting: list[Callable[[], None]] = []
        self._held = 0
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.number: Callable[[], int] = self._first_number
        """Gives the next request's number."""
        self._told = False

    # -- on the loop -------------------------------------------------------------------------------------------------

    def tape(self) -> Tape:
        """For a body that streams past."""
        return Tape(self.body_limit)

    def request(self, answered: Answered, *, large: bool = False) -> None:
        """Put down a request that was answered (or cut). `large` says that it may hold bodies of more than 4 KiB, which
        must not wait for other requests."""
        fresh = self._fresh
        fresh.append(answered)
        waiting = len(fresh)
        if waiting >= SETTLE or large:
            with self._lock:
                self._settle()
        elif waiting == 1 and not self._wake.is_set():
            self._begin()

    def _settle(self) -> None:
        """Add what was put down to the batch, several at once: that takes a third of what it takes one by one between
        two requests, when the processor's caches hold other things. Under the lock."""
        fresh = self._fresh
        while fresh:
            answered = fresh.popleft()
            (number, at, seconds, trace, worker, method, url, headers, body, status, head, answer, stale, sent) = (
                answered
            )
            if trace.begins:
                shape = (
                    worker,
                    method,
                    url,
                    headers,
                    body,
                    status,
                    head,
                    answer,
                    stale,
                    trace.generation,
                    trace.reads,
                    sent,
                )
                batch = self._batch
                if batch is not None and shape == batch.last_shape:  # as nearly always where many come
                    batch.again(number, at, seconds, trace.number)
                    if len(batch.numbers) >= SEGMENT:
                        self._full()
                    continue
                if _is_short(body) and _is_short(answer):
                    batch = batch or self._new_batch(at)
                    batch.request(shape, number, at, seconds, trace.number)
                    if len(batch) >= SEGMENT:
                        self._full()
                    continue
            whole = Request(*answered)
            self._add(whole._replace(body=self._bounded(body), answer=self._bounded(answer)))

    def replayed(self, request: Request) -> None:
        """Put down a request that was another one again."""
        self._put(request._replace(body=self._bounded(request.body), answer=self._bounded(request.answer)))

    def happened(self, event: Event) -> None:
        """Put down any other event, in the span of the running code."""
        worker = event.fields.get("worker")
        if worker is None and (context := current_worker.get()) is not None:
            worker = context.name
        at = event.at - event.fields["ms"] / 1000 if event.kind == "call" else event.at  # when it began
        self.put(event.kind, at, current_trace.get(), worker, event.fields)

    def put(self, kind: str, at: float, trace: Trace | None, worker: str | None, fields: Mapping[str, Any]) -> None:
        """Put down an event; see `Happened` for its fields."""
        kept = {key: value for key, value in fields.items() if key != "worker"}
        for key in ("request_body", "response_body"):
            if key in kept:
                kept[key] = self._bounded(kept[key])
        self._put(Happened(kind, at, trace, worker, kept))

    async def flush(self) -> None:
        """Return when everything put down so far is written."""
        if self._thread is None or self._stopping:
            return
        loop = asyncio.get_running_loop()
        written: asyncio.Future[None] = loop.create_future()

        def tell() -> None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(lambda: None if written.done() else written.set_result(None))

        with self._lock:
            self._waiting.append(tell)
        self._wake.set()
        self._hurry.set()
        await written

    async def read(self, work: Callable[[Reader], T]) -> T:
        """The result of `work`, on a thread, over everything put down so far."""
        await self.flush()
        found: T = await asyncio.to_thread(reading, self.path, work)
        return found

    async def close(self) -> None:
        """Write what is left and close the file. Idempotent."""
        thread = self._thread
        if thread is None or self._stopping:
            return
        self._stopping = True
        self._wake.set()
        self._hurry.set()
        await asyncio.to_thread(thread.join)

    def _put(self, record: Request | Happened) -> None:
        with self._lock:
            self._settle()
            self._add(record)

    def _add(self, record: Request | Happened) -> None:
        batch = self._batch or self._new_batch(record.at)
        batch.other(record)
        if len(batch) >= SEGMENT:
            self._full()

    def _new_batch(self, base: float) -> Batch:
        self._batch = Batch(base)
        self._begin()
        return self._batch

    def _begin(self) -> None:
        """There is something to write."""
        if self._thread is None:
            self._start()
        self._wake.set()

    def _full(self) -> None:
        assert self._batch is not None
        if len(self._ready) < FULL_BATCHES:
            self._ready.append(self._batch)
        else:
            self.lost += len(self._batch)
        self._batch = None

    def _bounded(self, body: Recorded) -> Recorded:
        """The body as it may wait: a long one as hash and length, any but a short one so where too much waits already."""
        if body is None:
            return None
        size = body.size if isinstance(body, Tape) else len(body)
        if size <= _SHORT or (isinstance(body, Tape) and size > self.body_limit):
            return body
        if size > self.body_limit or self._held > FULL_BYTES:
            return Tape.of(body, 0) if isinstance(body, bytes) else body.forget()
        self._held += size
        if self._held > HURRY_BYTES:
            self._hurry.set()
        return body

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="event log", daemon=True)
        self._thread.start()

    def _first_number(self) -> int:
        """Numbers go on where the file ends."""
        try:
            last: int = reading(self.path, Reader.last_request)
        except DatabaseError:
            last = 0  # damaged: it is put aside when the writer opens it
        self.number = itertools.count(last + 1).__next__
        return self.number()

    # -- on its own thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        store: Store | None = None
        try:
            while True:
                self._wake.wait()
                self._wake.clear()
                if not self._stopping:
                    self._hurry.wait(GATHER_S)
                self._hurry.clear()
                batches, waiting = self._take()
                if batches:
                    try:
                        store = store or self._open()
                        store.write([encode(batch, self._redact) for batch in batches])
                    except (DatabaseError, OSError) as error:
                        self._tell(sum(map(len, batches)), error)
                for tell in waiting:
                    tell()
                if self._stopping and not self._fresh and self._batch is None and not self._ready:
                    return
                if self._stopping:
                    self._wake.set()
        except Exception:
            logger.exception("the event log has failed; nothing more is recorded")
            self._fail()
        finally:
            if store is not None:
                with suppress(DatabaseError):
                    store.close()

    def _open(self) -> Store:
        store = Store(self.path, max_bytes=self._max_bytes, max_age=self._max_age)
        if store.damage is not None:
            logger.warning("%s", store.damage)
        return store

    def _take(self) -> tuple[list[Batch], list[Callable[[], None]]]:
        with self._lock:
            self._settle()
            batches, self._ready = self._ready, []
            if self._batch is not None:
                batches.append(self._batch)
                self._batch = None
            waiting, self._waiting = self._waiting, []
            self._held = 0
        return batches, waiting

    def _tell(self, lost: int, error: Exception) -> None:
        self.lost += lost
        if not self._told:
            self._told = True
            logger.warning("the event log could not be written (%s); these events are lost: %s", self.path, error)

    def _fail(self) -> None:
        """Whoever waits must not wait for ever."""
        self._stopping = True
        for tell in self._take()[1]:
            tell()


def _is_short(body: Recorded) -> bool:
    return body is None or (type(body) is bytes and len(body) <= _SHORT)
