"""The tape of a packet: it gives every draw of chance from a seed and keeps what the clocks showed, so that the packet
can be run again with the same draws at the same times. Code that runs for no packet has real chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from random import Random

MAX_READINGS = 10_000
"""How many readings of one clock a tape keeps. Those after it are not kept, which a replay says."""


class Tape:
    """What one packet draws. `seed` decides all chance; `readings` are nanoseconds by clock (`time`, `monotonic`,
    `perf_counter`, ...), in the order they were read."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.readings: dict[str, list[int]] = {}
        self.open = True
        self._random: Random | None = None
        self._entropy: Random | None = None

    @property
    def random(self) -> Random:
        """Behind the functions of `random`: worker code may seed it."""
        if self._random is None:
            self._random = Random(self.seed)  # noqa: S311 - chosen to be repeatable
        return self._random

    @property
    def entropy(self) -> Random:
        """Behind uuid4, secrets and os.urandom: nothing that worker code seeds makes these repeat within a packet."""
        if self._entropy is None:
            self._entropy = Random(f"entropy {self.seed}")  # noqa: S311 - chosen to be repeatable
        return self._entropy

    def read(self, clock: str, now: int) -> int:
        """What `clock` shows when it really shows `now` (nanoseconds)."""
        if self.open:
            readings = self.readings.setdefault(clock, [])
            if len(readings) < MAX_READINGS:
                readings.append(now)
        return now

    def close(self) -> None:
        """The packet is over: what still runs for it is not kept any more."""
        self.open = False


current_tape: ContextVar[Tape | None] = ContextVar("current_tape", default=None)


@contextmanager
def on_tape(tape: Tape) -> Iterator[None]:
    """What runs in here, and the tasks it starts, draw from `tape`."""
    token = current_tape.set(tape)
    try:
        yield
    finally:
        current_tape.reset(token)


def read_clock(name: str, real: Callable[[], int]) -> int:
    """What the clock `name` shows (nanoseconds): by the tape of the packet at work, else the real one."""
    tape = current_tape.get()
    return real() if tape is None else tape.read(name, real())
