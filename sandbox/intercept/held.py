"""Messages that are held at a breakpoint: shown, edited, let go or given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import nullcontext
from typing import Any

from sandbox.clock import Clock, iso
from sandbox.errors import ConnectionLost, NotFound, SandboxError
from sandbox.intercept.breakpoints import Breakpoint
from sandbox.intercept.edits import BadEdit, masked, restored
from sandbox.intercept.places import Passing
from sandbox.runtime.deadline import current_deadline
from sandbox.runtime.protocols import Emit
from sandbox.runtime.trace import current_trace


class Interrupted(SandboxError):
    """The sandbox stopped while the message was held."""

    code = "interrupted"
    status = 503


class Held:
    """One message that waits. `message` is what is sent if it goes on as it is, `shown` the same without secrets."""

    def __init__(
        self,
        id_: str,
        breakpoint_: Breakpoint,
        passing: Passing,
        message: dict[str, Any],
        shown: dict[str, Any],
        check: Callable[[dict[str, Any]], Any],
        at: float,
        input_: Mapping[str, Any] | None,
    ) -> None:
        trace = current_trace.get()
        self.id = id_
        self.breakpoint = breakpoint_
        self.point = passing.point
        self.worker = passing.worker
        self.message = message
        self.shown = shown
        self.check = check
        self.at = at
        self.input = input_
        self.execution_id = trace.execution_id if trace is not None else None
        self.stage = trace.stage if trace is not None else None
        self.packet_id = trace.packet_id if trace is not None else None
        self.ended: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.how = "cancelled"

    def as_json(self) -> dict[str, Any]:
        """`input` is what the message's `input_ref` stands for: {ref_id, size_bytes, preview, complete}."""
        return {
            "id": self.id,
            "point": self.point,
            "worker": self.worker,
            "breakpoint": self.breakpoint.id,
            "execution_id": self.execution_id,
            "stage": self.stage,
            "packet_id": self.packet_id,
            "held_at": iso(self.at),
            "message": self.shown,
            "input": dict(self.input) if self.input is not None else None,
        }


MOST_SHOWN = 8000
"""Characters of a held message that its event carries."""


def _event(held: Held) -> dict[str, Any]:
    fields = held.as_json()
    text = json.dumps(fields.pop("message"), indent=2, ensure_ascii=False)
    return {**fields, "text": text[:MOST_SHOWN], "complete": len(text) <= MOST_SHOWN}


Preview = Callable[[str], Awaitable[Mapping[str, Any] | None]]


class Holder:
    """Holds messages until somebody lets them go. `preview(ref_id)` shows what a reference stands for, without secrets; `mask` is what
    `redact` puts in a secret's place.

    Events: `held` (as `Held.as_json`, but for the message, which is there as `text`, cut where it is long), `continued` (id, point, worker, execution_id, how: continued, edited, failed,
    interrupted, or cancelled, where who waited was cancelled).
    """

    def __init__(self, clock: Clock, emit: Emit, redact: Callable[[str], str], mask: str, preview: Preview) -> None:
        self._clock = clock
        self._emit = emit
        self._redact = redact
        self._mask = mask
        self._preview = preview
        self._held: dict[str, Held] = {}
        self._count = 0
        self._closed = False
        self._news = asyncio.Event()

    def __iter__(self) -> Iterator[Held]:
        return iter(list(self._held.values()))

    def __len__(self) -> int:
        return len(self._held)

    def get(self, id_: str) -> Held:
        """Raises NotFound."""
        if id_ not in self._held:
            there = ", ".join(self._held) or "nothing"
            raise NotFound(f"{id_} is not held", code="not_held", hint=f"held: {there}")
        return self._held[id_]

    async def next(self) -> Held:
        """The message that is held longest; waits until there is one."""
        while not self._held:
            self._news.clear()
            await self._news.wait()
        return next(iter(self._held.values()))

    async def hold(
        self,
        breakpoint_: Breakpoint,
        passing: Passing,
        message: dict[str, Any],
        check: Callable[[dict[str, Any]], Any],
    ) -> Any:
        """Wait until the message is let go; what `check` made of the edited message, None where it goes on as it was.

        Time limits of the running code stand still meanwhile. Raises ConnectionLost where it was given up, Interrupted
        where the sandbox stops.
        """
        if self._closed:
            return None
        deadline = current_deadline.get()
        with deadline.standing_still() if deadline is not None else nullcontext():
            input_ = await self._input(message)
            if self._closed:
                raise Interrupted("the sandbox was stopped while this was held")
            self._count += 1
            shown = masked(message, self._redact)
            held = Held(f"h{self._count}", breakpoint_, passing, message, shown, check, self._clock.now(), input_)
            breakpoint_.hits += 1
            self._held[held.id] = held
            self._emit("held", **_event(held))
            self._news.set()
            try:
                return await held.ended
            finally:
                del self._held[held.id]
                about = {"point": held.point, "worker": held.worker, "execution_id": held.execution_id}
                self._emit("continued", id=held.id, how=held.how, **about)

    def go_on(self, id_: str, message: Any = None, *, fail: bool = False) -> Held:
        """Let a message go: as it was, as `message` says, or not at all (`fail`: its sender sees a lost connection).

        `message` is as it was shown, with changes. Raises NotFound, BadEdit (it is held still).
        """
        held = self.get(id_)
        result: Any = None
        if message is not None and not isinstance(message, dict):
            raise BadEdit("message: expected an object")
        if message is not None and not fail:
            result = held.check(restored(held.message, held.shown, message, self._mask))
        if not held.ended.done():
            held.how = "failed" if fail else "continued" if message is None else "edited"
            if fail:
                held.ended.set_exception(ConnectionLost(f"{held.id} was given up by hand"))
            else:
                held.ended.set_result(result)
        return held

    def release(self, execution_id: str) -> None:
        """Let go what is held of an execution that has ended."""
        for held in self:
            if held.execution_id == execution_id and not held.ended.done():
                self.go_on(held.id)

    async def close(self, interrupt: Callable[[str], Awaitable[None]]) -> None:
        """Hold nothing any more. Executions whose messages are held are interrupted, all others see Interrupted."""
        self._closed = True
        for held in self:
            held.how = "interrupted"
        for execution_id in {held.execution_id for held in self if held.point != "acknowledge"}:
            if execution_id is not None:
                await interrupt(execution_id)
        for held in self:
            if held.ended.done():
                continue
            if held.point == "acknowledge":
                held.ended.cancel()  # it stays due
            else:
                held.ended.set_exception(Interrupted("the sandbox was stopped while this was held"))

    async def _input(self, message: Mapping[str, Any]) -> Mapping[str, Any] | None:
        reference = message.get("input_ref")
        if (
            not isinstance(reference, dict)
            or "inline_data" in reference
            or not isinstance(reference.get("ref_id"), str)
        ):
            return None
        return await self._preview(reference["ref_id"])
