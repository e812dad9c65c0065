"""Faults in force: which there are, what each has met, and what happens to whoever passes by."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from sandbox.config.faults import KV_POINTS, fault_of
from sandbox.config.models import FaultConfig, WorkerConfig
from sandbox.errors import NotFound
from sandbox.intercept.chance import draw
from sandbox.intercept.places import Passing, Place

Origin = Literal["sandbox.toml", "added"]
_SHAPES = ("slow_body", "truncate")


class Fault:
    """One fault. `seen` counts what passed where it stands, `injected` how often it struck; `seed` repeats its chance."""

    def __init__(self, id_: str, config: FaultConfig, origin: Origin) -> None:
        self.id = id_
        self.config = config
        self.origin: Origin = origin
        self.seed = config.seed if config.seed is not None else secrets.randbits(32)
        self.seen = 0
        self.injected = 0
        self.place = Place.of(config)

    def strikes(self) -> float | None:
        """Decide about what passes now, and count it. A number of [0, 1) where it strikes, else None."""
        self.seen += 1
        if self.config.times is not None and self.injected >= self.config.times:
            return None
        whether, how_much = draw(self.seed, self.seen)
        if whether >= self.config.probability:
            return None
        self.injected += 1
        return how_much

    def as_json(self) -> dict[str, Any]:
        """The fields it was given, and `id`, `origin`, `seed`, `seen`, `injected`."""
        shown: dict[str, Any] = {"id": self.id, "kind": self.config.kind, "points": list(self.config.points)}
        for field_ in fields(FaultConfig):
            value = getattr(self.config, field_.name)
            if field_.name not in ("kind", "points", "seed", "headers") and value != field_.default:
                shown[field_.name] = value
        if self.config.headers:
            shown["headers"] = dict(self.config.headers)
        return {**shown, "seed": self.seed, "origin": self.origin, "seen": self.seen, "injected": self.injected}


@dataclass(slots=True)
class Struck:
    """What faults do to one passing: wait `delay` seconds, then end it by `end` (a status or a lost connection) or let it
    go on and change the answer's body by `shapes`."""

    delay: float = 0.0
    end: Fault | None = None
    shapes: list[Fault] = field(default_factory=list)


class Faults:
    """The list of faults, in the order they were added. `changed()` is called after each change; `workers()` names the
    workers there are, `hosted()` tells of those whose bindings are known (None: any may be named);
    `struck(fault, passing, milliseconds)` is called for each fault that strikes."""

    def __init__(
        self,
        workers: Callable[[], Iterable[str]],
        changed: Callable[[], None],
        struck: Callable[[Fault, Passing, float], None],
        hosted: Callable[[], Mapping[str, WorkerConfig] | None] = lambda: None,
    ) -> None:
        self._workers = workers
        self._hosted = hosted
        self._changed = changed
        self._struck = struck
        self._faults: list[Fault] = []
        self._count = 0

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._faults)

    def __len__(self) -> int:
        return len(self._faults)

    def add(self, /, **fields: Any) -> Fault:
        """Put a fault in force; the fields are those of `[[faults]]`. Raises BadFault.

        `sandbox.faults.add(kind="status", worker="feed_fetcher", status=503)`"""
        given = {name: value for name, value in fields.items() if value is not None}
        fault = self._put(fault_of(given, self._workers(), self._hosted()), "added")
        self._changed()
        return fault

    def get(self, id_: str) -> Fault:
        """Raises NotFound."""
        for fault in self._faults:
            if fault.id == id_:
                return fault
        known = ", ".join(fault.id for fault in self._faults) or "none"
        raise NotFound(f"there is no fault {id_}", code="fault_unknown", hint=f"in force: {known}")

    def remove(self, id_: str) -> Fault:
        """Lift a fault; what it has begun (a slow body) goes on. Raises NotFound."""
        fault = self.get(id_)
        self._faults.remove(fault)
        self._changed()
        return fault

    def clear(self) -> int:
        """Lift all; how many there were."""
        count = len(self._faults)
        self._faults.clear()
        self._changed()
        return count

    def configure(self, configs: Iterable[FaultConfig]) -> None:
        """Take up what sandbox.toml says now. What it said before as well keeps its counts; what was removed by hand is
        back; what was added by hand stays."""
        old = [fault for fault in self._faults if fault.origin == "sandbox.toml"]
        added = [fault for fault in self._faults if fault.origin == "added"]
        self._faults = []
        for config in configs:
            same = next((fault for fault in old if fault.config == config), None)
            if same is None:
                self._put(config, "sandbox.toml")
            else:
                old.remove(same)
                self._faults.append(same)
        self._faults += added
        self._changed()

    def stand_at(self, points: Iterable[str]) -> bool:
        """Whether any stands at one of these points."""
        return any(not fault.place.points.isdisjoint(points) for fault in self._faults)

    def meet(self, passing: Passing) -> Struck | None:
        """Decide about what passes now; None where nothing strikes. After one that ends it no other is asked."""
        result: Struck | None = None
        for fault in self._faults:
            if not fault.place.meets(passing):
                continue
            much = fault.strikes()
            if much is None:
                continue
            if result is None:
                result = Struck()
            config, milliseconds = fault.config, 0.0
            if config.kind == "latency":
                milliseconds = config.ms + config.jitter_ms * much
                result.delay += milliseconds / 1000
            elif config.kind in _SHAPES:
                result.shapes.append(fault)
            else:
                result.end = fault
            self._struck(fault, passing, milliseconds)
            if result.end is not None:
                break
        return result

    def _put(self, config: FaultConfig, origin: Origin) -> Fault:
        self._count += 1
        fault = Fault(f"f{self._count}", config, origin)
        self._faults.append(fault)
        return fault


def describe(fault: FaultConfig, passing: Passing, milliseconds: float) -> str:
    """What a fault does, for people: `503 instead of an answer`."""
    match fault.kind:
        case "latency":
            return f"{milliseconds:.0f} ms of latency"
        case "status" | "kv_429":
            return f"{fault.status or 429} instead of an answer"
        case "drop":
            return "the connection is lost"
        case "slow_body":
            return f"a body of {fault.bytes_per_second} bytes per second"
        case "truncate":
            return f"the connection is lost after {fault.after_bytes} bytes of the body"


def where(passing: Passing) -> str:
    """`request feed_fetcher /health`, `kv.put feed_fetcher RESULT_CACHE result:1`, `process feed_fetcher`."""
    parts = [passing.point, passing.worker, passing.target, *passing.names[:1]]
    if passing.point in KV_POINTS:
        parts.append(", ".join(passing.keys[:3]) + (", ..." if len(passing.keys) > 3 else ""))
    return " ".join(part for part in parts if part)
