"""Where something stands, and whether what passes by is meant. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sandbox.config.models import FaultConfig, fold


@dataclass(frozen=True, slots=True)
class Passing:
    """What comes by a point.

    `worker` is whose request or step it is; the caller where a worker calls. `target` is the path of a request (with its
    query), the URL of an outbound call. `names` are a binding's name and, for KV, its namespace. `keys` are KV's.
    """

    point: str
    worker: str
    target: str | None = None
    names: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


def glob(pattern: str) -> re.Pattern[str]:
    """`*` stands for anything, slashes too; everything else for itself."""
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


class Place:
    """A set of points, narrowed down by worker, target, binding and key; None means any."""

    __slots__ = ("_binding", "_key", "_route", "_with_query", "_worker", "points")

    def __init__(
        self,
        points: tuple[str, ...],
        *,
        worker: str | None = None,
        route: str | None = None,
        binding: str | None = None,
        key: str | None = None,
    ) -> None:
        self.points = frozenset(points)
        self._worker = glob(fold(worker)) if worker is not None else None
        self._route = glob(route) if route is not None else None
        self._with_query = route is not None and "?" in route
        self._binding = binding
        self._key = glob(key) if key is not None else None

    @classmethod
    def of(cls, fault: FaultConfig) -> Place:
        return cls(fault.points, worker=fault.worker, route=fault.route, binding=fault.binding, key=fault.key)

    def meets(self, passing: Passing) -> bool:
        """Whether what passes is meant. A route without `?` is compared without the query."""
        if passing.point not in self.points:
            return False
        if self._worker is not None and self._worker.fullmatch(fold(passing.worker)) is None:
            return False
        if self._binding is not None and self._binding not in passing.names:
            return False
        if self._route is not None:
            target = passing.target
            if target is None:
                return False
            if not self._with_query:
                target = target.partition("?")[0]
            if self._route.fullmatch(target) is None:
                return False
        return self._key is None or any(self._key.fullmatch(key) is not None for key in passing.keys)
