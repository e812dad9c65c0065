"""Faults and breakpoints of one sandbox, wired to the points where they stand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sandbox.app.routes import Handler
from sandbox.config.models import SandboxConfig
from sandbox.egress import Egress
from sandbox.events.bus import Event
from sandbox.ids import MASK
from sandbox.intercept.api import BreakpointsApi, FaultsApi, HeldApi
from sandbox.intercept.breakpoints import Breakpoints
from sandbox.intercept.faults import Fault, Faults, describe, where
from sandbox.intercept.gates import Gates
from sandbox.intercept.held import Holder
from sandbox.intercept.places import Passing
from sandbox.orchestrator.feed import Watched
from sandbox.runtime.protocols import Points

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox

LONGEST_SECRET = 65_536
PREVIEW = 4000
"""Characters of a held message's input that are shown."""


class Interception:
    """`points` is handed to whoever passes one; nothing stands there before `attach`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.points = Points()
        self.faults = Faults(self.workers, self._changed, self._struck, lambda: sandbox.config.workers)
        self.breakpoints = Breakpoints(self.workers, self._changed)
        self.held = Holder(sandbox.clock, sandbox.events.emit, sandbox.redact, MASK, self._preview)
        self._gates: Gates | None = None

    def attach(self, egress: Egress, config: SandboxConfig) -> None:
        """Stand around outbound calls too, and put the faults of sandbox.toml in force."""
        sandbox = self._sandbox
        self._gates = Gates(self.points, egress.around, self.faults, self.breakpoints, self.held, sandbox.clock)
        sandbox.events.subscribe(self._told, "held", "continued", "execution")
        self.faults.configure(config.faults)

    def api_parts(self) -> dict[str, Handler]:
        return {
            "/api/faults": FaultsApi(self.faults).handle,
            "/api/breakpoints": BreakpointsApi(self.breakpoints).handle,
            "/api/held": HeldApi(self.held).handle,
        }

    async def close(self) -> None:
        """Let go of everything that is held, as interrupted."""
        await self.held.close(self._sandbox.orchestrator.interrupt)

    def workers(self) -> Iterable[str]:
        """The names of the workers there are, external ones among them."""
        config = self._sandbox.config
        return [*config.workers, *config.external()]

    def _changed(self) -> None:
        if self._gates is not None:
            self._gates.refresh()

    def _told(self, event: Event) -> None:
        """Who watches an execution learns that it is held; what is held of one that was cancelled goes on."""
        execution_id = event.fields.get("execution_id")
        if execution_id is None:
            return
        if event.kind == "execution":
            if event.fields["state"] == "cancelled":
                self.held.release(execution_id)
            return
        shown = ("id", "point", "worker", "stage", "packet_id", "how")
        data = {name: event.fields[name] for name in shown if name in event.fields}
        self._sandbox.orchestrator.feed.publish(execution_id, Watched(None, event.at, event.kind, data))

    async def _preview(self, ref_id: str) -> dict[str, Any] | None:
        """The beginning of what a reference stands for."""
        references = self._sandbox.orchestrator.references
        stored = references.get(ref_id)
        if stored is None:
            return None
        text = (await references.body(stored)).decode(errors="replace")
        # cut after the secrets went out: half of one would not be known any more
        beginning = self._sandbox.redact(text[: PREVIEW + LONGEST_SECRET])[:PREVIEW]
        about = {"ref_id": ref_id, "size_bytes": stored.size_bytes}
        return {**about, "preview": beginning, "complete": len(text) <= PREVIEW}

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
