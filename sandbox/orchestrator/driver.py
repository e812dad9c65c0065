"""Drives one packet through handshake, process and the adoption of its result."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from urllib.parse import quote

import sandbox.orchestrator.transitions as transitions
from sandbox.clock import Clock
from sandbox.ids import new_seed
from sandbox.orchestrator.adoption import Adopter
from sandbox.orchestrator.answers import Answer, Busy, Failure, read_handshake, read_process, read_progress
from sandbox.orchestrator.calls import Caller
from sandbox.orchestrator.checkpoints import Checkpoints
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.packets import HANDSHAKE_SECONDS, Packet
from sandbox.orchestrator.references import Stored
from sandbox.runtime.tape import Tape, on_tape

POLL_SECONDS = 0.7
POLL_LIMIT_SECONDS = 5.0

logger = logging.getLogger("sandbox.orchestrator")

OnProgress = Callable[[str, str, float, str], None]
"""(execution_id, stage, percent, message)"""


class Driver:
    """What is known of a packet is in the journal before the call that depends on it leaves (T3, T4, T5)."""

    def __init__(
        self,
        journal: Journal,
        caller: Caller,
        checkpoints: Checkpoints,
        adopter: Adopter,
        clock: Clock,
        on_progress: OnProgress,
    ) -> None:
        self._journal = journal
        self._caller = caller
        self._checkpoints = checkpoints
        self._adopter = adopter
        self._clock = clock
        self._on_progress = on_progress

    async def deliver(self, packet: Packet, code_hash: str) -> Stored | Busy | Failure:
        """Take a claimed packet (T2) to its result (T5 is committed then), to busy or to a failure (nothing is).

        Raises `Late` where the stage was cancelled or taken over meanwhile.
        """
        packet.tape, packet.code_hash = Tape(new_seed()), code_hash
        try:
            problem = None if packet.accepted else await self._handshake(packet)
            return problem or await self._process(packet, code_hash)
        finally:
            packet.tape.close()

    async def _handshake(self, packet: Packet) -> Busy | Failure | None:
        await self._journal.commit(partial(transitions.offer, packet=packet))
        body = packet.handshake_message()
        answer = await self._send(packet, "/api/handshake", HANDSHAKE_SECONDS, body)
        if isinstance(answer, Failure):
            return answer
        packet.tally.add(answer.body)
        verdict = read_handshake(answer, packet.packet_id)
        if isinstance(verdict, Busy | Failure):
            return verdict
        bytes_ = packet.tally.take()
        await self._journal.commit(partial(transitions.t3_accept, packet=packet, ready=verdict, bytes_=bytes_))
        packet.accepted = True
        packet.max_processing_time_ms = verdict.max_processing_time_ms
        return None

    async def _process(self, packet: Packet, code_hash: str) -> Stored | Busy | Failure:
        await self._journal.commit(partial(transitions.t4_process, packet=packet))
        packet.checkpoint = self._checkpoints.for_stage(
            packet.execution_id, packet.stage, packet.input.sha256, code_hash
        )
        body = packet.process_message(packet.checkpoint)
        poll = asyncio.ensure_future(self._poll(packet))
        try:
            answer = await self._send(packet, "/api/process", packet.process_seconds, body)
        finally:
            poll.cancel()
            packet.tape.close()
        if isinstance(answer, Failure):
            return answer
        result = read_process(answer, packet.packet_id)
        if isinstance(result, Busy | Failure):
            packet.tally.add(answer.body)
            return result
        output = await self._adopter.adopt(packet.worker, result)
        if isinstance(output, Failure):
            packet.tally.add(answer.body)
            return output
        inlined = output.inline_size(result)
        packet.tally.add(answer.body, by_reference=result.output_bytes, inlined=inlined)
        bytes_ = packet.tally.take()
        return await self._journal.commit(partial(transitions.t5_succeed, packet=packet, output=output, bytes_=bytes_))

    async def _send(self, packet: Packet, path: str, seconds: float, body: bytes) -> Answer | Failure:
        """Send a message whose work goes on the packet's tape."""
        with on_tape(packet.tape):
            answer = await self._caller.call(packet.worker, "POST", path, seconds, body, packet.held)
        if isinstance(answer, Failure):
            packet.tape.message(path, body, 0, b"")
        else:
            packet.tape.message(path, body, answer.status, answer.body)
        return answer

    async def _poll(self, packet: Packet) -> None:
        """Ask for the packet's progress until cancelled. A worker that does not answer is asked again: it is only a view."""
        path = f"/api/progress/{quote(packet.packet_id, safe='')}"
        while True:
            await self._clock.interval(POLL_SECONDS)
            answer = await self._caller.call(packet.worker, "GET", path, POLL_LIMIT_SECONDS, held=packet.held)
            if isinstance(answer, Failure):
                logger.debug("no progress of %s: %s", packet.packet_id, answer.message)
                continue
            seen = read_progress(answer)
            if seen is not None:
                self._on_progress(packet.execution_id, packet.stage, *seen)
