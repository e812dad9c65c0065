"""A tape that is played: the packet runs again on what was recorded, and what goes another way is noted.

Nothing of the real state is touched: KV writes stay here, and outbound calls are answered from the recording alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from sandbox.runtime.tape import Recorded, RecordedCall, RecordedList, RecordedRead, Tape

if TYPE_CHECKING:
    from sandbox.runtime.web import Request, Response

PATIENCE_S = 0.3
"""How long what has finished waits for what finished before it in the recording."""
MAX_WAITING_S = 5.0
"""How long a playback waits for turns altogether; after that everything goes as it comes."""


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where the packet went another way. `kind` is `call`, `kv_read`, `kv_list`, `call_missing` or `over`; `nearest` is
    the recorded call that comes closest, with the difference."""

    kind: str
    what: str
    nearest: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "what": self.what, "nearest": self.nearest}


class Playback(Tape):
    """Plays what was `recorded`. `orchestrator` answers the packet's calls to the orchestrator's address; `redact` takes
    secrets out of what is compared, for an imported recording has none."""

    playing = True

    def __init__(
        self,
        recorded: Recorded,
        orchestrator: Callable[[Request], Awaitable[Response]],
        redact: Callable[[str], str] = str,
    ) -> None:
        super().__init__(recorded.seed, recorded.started_ns)
        self.recorded = recorded
        self.orchestrator = orchestrator
        self.divergences: list[Divergence] = []
        self.notes: list[str] = []
        self._redact = redact
        self._calls = list(recorded.calls)
        self._lists = list(recorded.lists)
        self._left = {clock: deque(readings) for clock, readings in recorded.readings.items()}
        self._shown: dict[str, tuple[int, int]] = {}
        self._turns = Turns([redact(turn) for turn in recorded.turns])

    def read(self, clock: str, now: int) -> int:
        """The next recorded reading; after the last one the time goes on from there."""
        left = self._left.get(clock)
        if left:
            shown = left.popleft()
            self._shown[clock] = shown, time.monotonic_ns()
            return shown
        if clock not in self._shown:
            self._shown[clock] = (self.recorded.started_ns if clock == "time" else now), time.monotonic_ns()
        if self.open:
            self.note(f"the clock {clock!r} is read more often than it was")
        shown, at = self._shown[clock]
        return shown + time.monotonic_ns() - at

    def take_call(self, method: str, url: str, body: bytes) -> RecordedCall | None:
        """The recorded answer to this call, each once; None, noted with the nearest one, where there is none."""
        url, body = self._redact(url), self._plain(body) or b""
        for at, call in enumerate(self._calls):
            if call.method == method and self._redact(call.url) == url and self._plain(call.body) in (body, None):
                return self._calls.pop(at)
        nearest = _nearest(self.recorded.calls, method, url, body)
        self.diverged("call", f"{method} {url} was not recorded", nearest)
        return None

    def _plain(self, body: bytes | None) -> bytes | None:
        if not body:
            return body
        return self._redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def reads_of(self, namespace: str, key: str) -> list[RecordedRead]:
        """What the key held, one read after the other."""
        names = {(namespace, key), (namespace, self._redact(key))}
        return [read for read in self.recorded.reads if (read.namespace, read.key) in names]

    def not_read(self, namespace: str, key: str, read: RecordedRead | None) -> None:
        """Note that today's value is taken: nothing was recorded, or (`read`) not the value."""
        if read is None:
            self.diverged("kv_read", f"KV {namespace}: {key!r} was not read before; today's value was taken")
        else:
            self.diverged("over", f"KV {namespace}: the value of {key!r} was too large to keep; today's was taken")

    def list_of(self, namespace: str, prefix: str, limit: int | None, cursor: str | None) -> RecordedList | None:
        """The recorded page; None, noted, where the packet did not ask for it."""
        for at, page in enumerate(self._lists):
            if (page.namespace, page.prefix, page.limit, page.cursor) == (namespace, prefix, limit, cursor):
                return self._lists.pop(at)
        self.diverged("kv_list", f"KV {namespace}: list({prefix!r}) was not asked before; today's keys were taken")
        return None

    def diverged(self, kind: str, what: str, nearest: str | None = None) -> None:
        if self.open:
            self.divergences.append(Divergence(kind, what, nearest))

    def note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)

    async def turn(self, name: str) -> None:
        """Return when what finished before this in the recording has finished, as far as it comes."""
        if self.open:
            await self._turns.wait(self._redact(name))

    def close(self) -> None:
        """The packet is over: what was recorded and did not come is noted."""
        if self.open:
            for call in self._calls:
                self.diverged("call_missing", f"{call.turn} was not called this time")
        super().close()


class Turns:
    """Lets things finish in the order of `names`, one at a time: the next one when the last has gone on. One that does
    not come is waited for a little, then left out."""

    def __init__(self, names: list[str]) -> None:
        self._next = deque(names)
        self._ahead = Counter(names)
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._called: asyncio.Future[None] | None = None
        self._spent = 0.0

    async def wait(self, name: str) -> None:
        if not self._ahead[name]:
            return  # it did not come in the recording, or not that often
        entry = name, asyncio.get_running_loop().create_future()
        turn = entry[1]
        self._waiting.append(entry)
        self._call_up()
        try:
            while not turn.done():
                began = time.monotonic()
                await asyncio.wait([turn], timeout=PATIENCE_S if self._spent < MAX_WAITING_S else 0)
                if not turn.done():
                    self._spent += time.monotonic() - began
                    self._leave_out()
        finally:
            if entry in self._waiting:  # cancelled
                self._waiting.remove(entry)
            if self._called is turn:
                self._called = None
                self._call_up()

    def _call_up(self) -> None:
        """Call the next one, if it is here and nobody called before is still to go on."""
        if not self._next or self._called is not None:
            return
        found = next((entry for entry in self._waiting if entry[0] == self._next[0]), None)
        if found is not None:
            self._waiting.remove(found)
            self._ahead[self._next.popleft()] -= 1
            self._called = found[1]
            found[1].set_result(None)

    def _leave_out(self) -> None:
        """What is next does not come: go on to the first that is here."""
        here = {name for name, _ in self._waiting}
        while self._next and self._next[0] not in here:
            self._ahead[self._next.popleft()] -= 1
        self._call_up()


def _nearest(calls: list[RecordedCall], method: str, url: str, body: bytes) -> str | None:
    """The recorded call most like this one, and in what they differ."""
    if not calls:
        return None
    best = max(calls, key=lambda call: (SequenceMatcher(None, call.url, url).ratio(), call.method == method))
    differs = []
    if best.method != method:
        differs.append(f"the method is {method}")
    if best.url != url:
        differs.append("the address differs")
    elif best.body is not None and best.body != body:
        differs.append(f"the body differs ({len(best.body)} bytes then, {len(body or b'')} now)")
    return f"{best.turn}: {', '.join(differs) or 'asked more often than it was'}"
