"""Acknowledgements that are due: sent until the worker takes them, 8 times at most. The stage's outcome stands."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import sandbox.orchestrator.codec as codec
import sandbox.orchestrator.transitions as transitions
from sandbox.clock import Clock
from sandbox.orchestrator.answers import Failure, read_acknowledge
from sandbox.orchestrator.calls import Caller
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.packets import ACKNOWLEDGE_SECONDS, acknowledge_message
from sandbox.orchestrator.ports import Held
from sandbox.orchestrator.queries import Q
from sandbox.runtime.trace import current_trace, for_execution

TRIES = 8
FIRST_DELAY = 1.0
LONGEST_DELAY = 60.0

logger = logging.getLogger("sandbox.orchestrator")


class Outbox:
    """At least once on the wire, one row in the journal: only an `ack` that is `due` is sent, and T6 closes it."""

    def __init__(self, journal: Journal, caller: Caller, clock: Clock) -> None:
        self._journal = journal
        self._caller = caller
        self._clock = clock
        self._sending: dict[str, asyncio.Task[None]] = {}
        self._first_tries: dict[str, dict[str, asyncio.Future[None]]] = {}

    def add(self, execution_id: str, packet_id: str, held: Held | None = None) -> None:
        """Send the acknowledgement that the journal says is due for this packet; the first time to the code that is
        `held`, which is released then."""
        if packet_id in self._sending:
            if held is not None:
                held.release()
            return
        tried = asyncio.get_running_loop().create_future()
        self._first_tries.setdefault(execution_id, {})[packet_id] = tried
        task = asyncio.ensure_future(self._send(packet_id, tried, held))
        self._sending[packet_id] = task
        task.add_done_callback(lambda done: self._ended(execution_id, packet_id, done, held))

    async def first_tries(self, execution_id: str) -> None:
        """Return when every acknowledgement of the execution was tried once, so that its end shows them and their bytes."""
        waiting = [tried for tried in self._first_tries.get(execution_id, {}).values() if not tried.done()]
        if waiting:
            await asyncio.wait(waiting)

    async def close(self) -> None:
        for task in self._sending.values():
            task.cancel()
        if self._sending:
            await asyncio.gather(*self._sending.values(), return_exceptions=True)

    async def _send(self, packet_id: str, tried: asyncio.Future[None], held: Held | None) -> None:
        rows = self._journal.rows(Q.ack_order, packet_id=packet_id)
        if not rows:
            return
        _, execution_id, stage, worker, success, error = rows[0]
        current_trace.set(for_execution(execution_id).child(stage=stage, packet_id=packet_id))
        message = codec.loads(error)["message"] if error else None
        body = acknowledge_message(packet_id, execution_id, bool(success), message)
        crossed = 0
        for attempt in range(1, TRIES + 1):
            answer = await self._caller.call(worker, "POST", "/api/acknowledge", ACKNOWLEDGE_SECONDS, body, held)
            if held is not None:
                held.release()
                held = None
            crossed += len(body) + (0 if isinstance(answer, Failure) else len(answer.body))
            problem = answer.message if isinstance(answer, Failure) else read_acknowledge(answer)
            closing = transitions.t6_acked if problem is None else transitions.ack_abandoned
            close = partial(
                closing,
                packet_id=packet_id,
                execution_id=execution_id,
                stage=stage,
                attempts=attempt,
                message_bytes=crossed,
            )
            if problem is None:
                await self._journal.settle(close, f"the acknowledgement of {packet_id}")
                return
            if not tried.done():
                tried.set_result(None)
            if attempt < TRIES:
                await self._clock.sleep(min(FIRST_DELAY * 2 ** (attempt - 1), LONGEST_DELAY))
        logger.warning("%s did not take the acknowledgement of %s: %s", worker, packet_id, problem)
        await self._journal.settle(close, f"giving up the acknowledgement of {packet_id}")

    def _ended(self, execution_id: str, packet_id: str, task: asyncio.Task[None], held: Held | None) -> None:
        if held is not None:
            held.release()  # where the task was cancelled before it could
        self._sending.pop(packet_id, None)
        tries = self._first_tries.get(execution_id, {})
        tried = tries.pop(packet_id, None)
        if tried is not None and not tried.done():
            tried.set_result(None)
        if not tries:
            self._first_tries.pop(execution_id, None)
        if not task.cancelled() and task.exception() is not None:
            logger.error("sending the acknowledgement of %s failed", packet_id, exc_info=task.exception())
