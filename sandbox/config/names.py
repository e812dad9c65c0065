"""Worker names as people write them, and the one spelling that counts."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.config.models import fold
from sandbox.config.problems import nearest


class WorkerNames:
    """The workers a reference may mean. Case, `-` and `_` do not count; the first spelling given is canonical."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._canonical: dict[str, str] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        self._canonical.setdefault(fold(name), name)

    def canonical(self, name: str) -> str | None:
        """The canonical spelling, None for a worker that is not there."""
        return self._canonical.get(fold(name))

    def hint(self, name: str) -> str:
        """What to say about an unknown one."""
        return nearest(name, self._canonical.values()) or (
            f"there are {', '.join(sorted(self._canonical.values()))}" if self._canonical else "there are no workers"
        )
