"""Faults and breakpoints of one sandbox, wired to the points where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sandbox.app.routes import Handler
from sandbox.config.models import SandboxConfig
from sandbox.egress import Egress
from sandbox.intercept.api import FaultsApi
from sandbox.intercept.faults import Fault, Faults, describe, where
from sandbox.intercept.gates import Gates
from sandbox.intercept.places import Passing
from sandbox.runtime.protocols import Points

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox


class Interception:
    """`points` is handed to whoever passes one; nothing stands there before `attach`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.points = Points()
        self.faults = Faults(self._workers, self._changed, self._struck)
        self._gates: Gates | None = None

    def attach(self, egress: Egress, config: SandboxConfig) -> None:
        """Stand around outbound calls too, and put the faults of sandbox.toml in force."""
        self._gates = Gates(self.points, egress.around, self.faults, self._sandbox.clock)
        self.faults.configure(config.faults)

    def api_parts(self) -> dict[str, Handler]:
        return {"/api/faults": FaultsApi(self.faults).handle}

    def _workers(self) -> Iterable[str]:
        config = self._sandbox.config
        return [*config.workers, *config.external()]

    def _changed(self) -> None:
        if self._gates is not None:
            self._gates.refresh()

    def _struck(self, fault: Fault, passing: Passing, milliseconds: float) -> None:
        """Every fault that strikes is an event: nobody shall look for a ghost."""
        emit = self._sandbox.events.emit
        emit(
            "fault",
            id=fault.id,
            fault=fault.config.kind,
            point=passing.point,
            worker=passing.worker,
            where=where(passing),
            text=describe(fault.config, passing, milliseconds),
            ms=milliseconds,
        )
