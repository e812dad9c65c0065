"""How one worker stands: the generation that serves, and what keeps the newest code from it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sandbox.config.models import WorkerConfig
from sandbox.loader.generation import Generation


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """How a worker stands. `generation` is the number of the one that serves (None: none can); `error` is one line
    about why the newest code does not load, and `stale` says that older code serves meanwhile. `loaded_at` is in
    seconds since the epoch by the sandbox's clock. Without `settled` a file was in the middle of its save when the
    newest code was read, which was dropped therefore: reload again."""

    name: str
    generation: int | None
    stale: bool
    error: str | None
    loaded_at: float | None
    settled: bool = True


@dataclass(slots=True)
class Slot:
    """A worker's place in the registry. `failure` is why the newest code is not serving, `config` the configuration that
    was read last; `copies` are generations of the same code that serve in turn, where there are several; `tried` are the files the newest code opened, where it does not load: one of them may be why."""

    name: str
    config: WorkerConfig
    attempts: int = 0
    generation: Generation | None = None
    loaded_at: float | None = None
    failure: BaseException | None = None
    error: str | None = None
    hint: str | None = None
    next_try: float = 0.0
    settled: bool = True
    tried: frozenset[str] = frozenset()
    older: set[Generation] = field(default_factory=set)
    copies: list[Generation] = field(default_factory=list)

    def current(self) -> tuple[Generation, ...]:
        """The generation that serves, and the other copies of the same code."""
        if self.generation is None:
            return ()
        return (self.generation, *(copy for copy in self.copies if copy is not self.generation))

    def next_copy(self) -> Generation:
        """The copy that is to serve now; the others come after it."""
        copy = self.generation = self.copies.pop(0)
        self.copies.append(copy)
        return copy

    def status(self) -> WorkerStatus:
        number = self.generation.number if self.generation is not None else None
        stale = self.failure is not None and self.generation is not None
        return WorkerStatus(self.name, number, stale, self.error, self.loaded_at, self.settled)

    def opened(self) -> Collection[str]:
        return self.tried.union(self.generation.opened) if self.generation is not None else self.tried
