"""What a probe found: one row of the migration table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

State = Literal["ok", "failed", "claimed", "no", "not checked"]
COLUMNS = ("Worker", "Status", "Handshake", "References", "Progress", "Checkpoints", "Deployed")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell, from what was seen.

    `ok`: seen to work. `failed`: seen not to, `why` says how. `claimed`: the worker says so and nothing disproved it, but
    it could not be proven (no failure). `no`: the worker does not offer it. `not checked`: nothing was tried.
    """

    state: State
    why: str = ""

    def __str__(self) -> str:
        return f"{self.state} ({self.why})" if self.state == "not checked" and self.why else self.state


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One worker's row. The fields stand in the order of `COLUMNS`."""

    worker: str
    status: Cell
    handshake: Cell
    references: Cell
    progress: Cell
    checkpoints: Cell
    deployed: Cell

    def cells(self) -> dict[str, Cell]:
        """The cells by column name, without the worker's own."""
        return {column: getattr(self, column.lower()) for column in COLUMNS[1:]}

    @property
    def failed(self) -> bool:
        """Whether any cell failed; the command line then ends with 1."""
        return any(cell.state == "failed" for cell in self.cells().values())

    def as_json(self) -> dict[str, Any]:
        """`{"worker", "failed", "cells": {column: {"state", "why"}}}`."""
        cells = {name: {"state": cell.state, "why": cell.why} for name, cell in self.cells().items()}
        return {"worker": self.worker, "failed": self.failed, "cells": cells}
