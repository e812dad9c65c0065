"""Runs one stage of an execution: attempts, waiting in between, and what becomes of each."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import sandbox.orchestrator.inputs as inputs
import sandbox.orchestrator.transitions as transitions
from sandbox.clock import Clock
from sandbox.config.models import StageConfig
from sandbox.errors import SandboxError
from sandbox.ids import new_id
from sandbox.orchestrator.answers import Busy, Failure
from sandbox.orchestrator.driver import Driver
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.outbox import Outbox
from sandbox.orchestrator.packets import Packet
from sandbox.orchestrator.ports import Transport
from sandbox.orchestrator.reference_store import ReferenceStore
from sandbox.orchestrator.references import Stored, sha256
from sandbox.orchestrator.retry import Again, decide
from sandbox.orchestrator.slots import Slots
from sandbox.runtime.trace import current_trace, for_execution, hop

logger = logging.getLogger("sandbox.orchestrator")


class StageRunner:
    """`code_hash(worker)` names the code that serves now: a checkpoint of other code is not handed on.

    All messages of one attempt go to one version of the worker's code, held by the `transport`; the next attempt takes
    the newest again.
    """

    def __init__(
        self,
        journal: Journal,
        driver: Driver,
        transport: Transport,
        references: ReferenceStore,
        outbox: Outbox,
        slots: Slots,
        clock: Clock,
        chance: random.Random,
        code_hash: Callable[[str], str],
    ) -> None:
        self._journal = journal
        self._driver = driver
        self._transport = transport
        self._references = references
        self._outbox = outbox
        self._slots = slots
        self._clock = clock
        self._chance = chance
        self._code_hash = code_hash

    async def run(
        self,
        execution_id: str,
        stage: StageConfig,
        parameters: Mapping[str, Any],
        given: Stored,
        outputs: Mapping[str, Stored],
    ) -> Stored | Failure:
        """The stage's output, or why it failed; the journal knows then. Raises `Late` where it is no longer wanted."""
        trace = for_execution(execution_id).child(stage=stage.name)
        current_trace.set(trace)  # each stage runs in a task of its own
        try:
            stored = await self._input(execution_id, stage, given, outputs)
        except SandboxError as error:
            failure = Failure(error.code, error.message, retryable=False, hint=error.hint)
            fail = partial(
                transitions.fail_stage,
                execution_id=execution_id,
                stage=stage.name,
                worker=stage.worker,
                failure=failure,
            )
            await self._journal.commit(fail)
            return failure
        body = await self._references.body(stored) if stored.inline else None

        def packet_of(attempt: int) -> Packet:
            return Packet(
                new_id("packet"),
                execution_id,
                stage.name,
                stage.worker,
                attempt,
                stored,
                body,
                parameters,
                stage.timeout_ms,
            )

        packet, again = packet_of(1), False
        try:
            while True:
                with hop(trace.child(packet_id=packet.packet_id)):
                    outcome = await self._attempt(packet, again)
                if isinstance(outcome, Stored):
                    self._acknowledge(packet)
                    return outcome
                if isinstance(outcome, Busy):
                    await self._pause(packet, None, outcome.delay, same_packet=True)
                    again = True
                    continue
                decision = decide(outcome, packet.attempt, stage.retry, self._chance)
                if not isinstance(decision, Again):
                    bytes_ = packet.tally.take()
                    give_up = partial(transitions.t5_fail, packet=packet, failure=outcome, bytes_=bytes_)
                    if await self._journal.commit(give_up):
                        self._acknowledge(packet)
                    return outcome
                await self._pause(packet, outcome, decision.delay, same_packet=decision.same_packet)
                again = decision.same_packet
                if again:
                    packet.attempt += 1
                else:
                    packet = packet_of(packet.attempt + 1)
        finally:
            packet.let_go()

    async def _attempt(self, packet: Packet, again: bool) -> Stored | Busy | Failure:
        async with self._slots.hold(packet.worker):
            packet.held = self._transport.hold(packet.worker)
            code_hash = self._code_hash(packet.worker)
            claim = partial(transitions.t2_claim, packet=packet, code_hash=code_hash, again=again)
            packet.delivery = await self._journal.commit(claim)
            return await self._driver.deliver(packet, code_hash)

    def _acknowledge(self, packet: Packet) -> None:
        self._outbox.add(packet.execution_id, packet.packet_id, packet.hand_over())

    async def _pause(self, packet: Packet, failure: Failure | None, delay: float, *, same_packet: bool) -> None:
        """Backoff, with no slot held; a busy worker's wait too."""
        bytes_ = packet.tally.take()
        ack_due = await self._journal.commit(
            partial(
                transitions.t5_retry,
                packet=packet,
                failure=failure,
                wake_at=self._clock.now() + delay,
                again=same_packet,
                bytes_=bytes_,
            )
        )
        if ack_due:
            self._acknowledge(packet)
        packet.let_go()
        await self._clock.sleep(delay)
        await self._journal.commit(partial(transitions.wake, packet=packet))

    async def _input(
        self, execution_id: str, stage: StageConfig, given: Stored, outputs: Mapping[str, Stored]
    ) -> Stored:
        match inputs.plan(stage):
            case inputs.FromRun():
                return given
            case inputs.FromStage(name):
                return outputs[name]
            case inputs.Built(names):
                bodies = {name: await self._references.body(outputs[name]) for name in names if name in outputs}
                body = inputs.build(stage, bodies)
                keep = partial(
                    transitions.keep_input, execution_id=execution_id, stage=stage.name, body=body, digest=sha256(body)
                )
                return await self._journal.commit(keep)
