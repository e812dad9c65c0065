"""A packet: one attempt at a stage, the messages that carry it and the bytes they take."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.ids import new_seed
from sandbox.orchestrator.ports import Held
from sandbox.orchestrator.references import Stored
from sandbox.runtime.tape import Tape

DEFAULT_PROCESS_SECONDS = 120.0
HANDSHAKE_SECONDS = 10.0
ACKNOWLEDGE_SECONDS = 10.0


@dataclass(slots=True)
class Tally:
    """Body bytes of messages, both ways: as sent, and as they would be with every value inlined."""

    message_bytes: int = 0
    inline_bytes: int = 0

    def add(self, body: bytes, *, by_reference: int = 0, inlined: int = 0) -> None:
        """Count a body in which a reference of `by_reference` bytes would take `inlined` bytes by value."""
        self.message_bytes += len(body)
        self.inline_bytes += len(body) - by_reference + inlined

    def take(self) -> dict[str, int]:
        """What was counted since the last call, as statement values."""
        taken = {"message_bytes": self.message_bytes, "inline_bytes": self.inline_bytes}
        self.message_bytes = self.inline_bytes = 0
        return taken


@dataclass(slots=True)
class Packet:
    """`input_body` is there where the input goes inline. `accepted` is True once a handshake was answered `ready`.
    `held` is the worker's code that all of its messages go to: what one of them left in memory, the next one finds."""

    packet_id: str
    execution_id: str
    stage: str
    worker: str
    attempt: int
    input: Stored
    input_body: bytes | None
    parameters: Mapping[str, Any]
    timeout_ms: int | None = None
    delivery: int = 1
    accepted: bool = False
    max_processing_time_ms: float | None = None
    tally: Tally = field(default_factory=Tally)
    tape: Tape = field(default_factory=lambda: Tape(new_seed()))
    """What its worker draws from outside; each delivery has its own."""
    checkpoint: dict[str, Any] | None = None
    """What this delivery was given to go on from."""
    code_hash: str = ""
    held: Held | None = None

    def hand_over(self) -> Held | None:
        """What is held, for somebody else to release."""
        held, self.held = self.held, None
        return held

    def let_go(self) -> None:
        """Release what is held."""
        if self.held is not None:
            self.held.release()
            self.held = None

    @property
    def process_seconds(self) -> float:
        """The smaller of the stage's `timeout_ms` and the worker's `max_processing_time_ms`; 120 s where both are silent."""
        limits = [limit for limit in (self.timeout_ms, self.max_processing_time_ms) if limit is not None]
        return min(limits) / 1000 if limits else DEFAULT_PROCESS_SECONDS

    def handshake_message(self) -> bytes:
        return self._message({})

    def process_message(self, checkpoint: Mapping[str, Any] | None) -> bytes:
        """The guide's fields, `delivery` (1 at first), and `checkpoint` {seq, data} where an earlier attempt left one."""
        extra: dict[str, Any] = {"parameters": dict(self.parameters), "delivery": self.delivery}
        if checkpoint is not None:
            extra["checkpoint"] = checkpoint
        return self._message(extra)

    def _message(self, extra: Mapping[str, Any]) -> bytes:
        reference = self.input.as_reference(self.input_body)
        body = codec.dumps(
            {
                "packet_id": self.packet_id,
                "execution_id": self.execution_id,
                "stage_id": self.stage,
                "input_ref": reference,
                **extra,
            }
        )
        as_sent = len(codec.dumps(reference))
        inlined = as_sent if self.input.inline else self.input.inline_size()
        self.tally.add(body, by_reference=as_sent, inlined=inlined)
        return body


def acknowledge_message(packet_id: str, execution_id: str, success: bool, error: str | None) -> bytes:
    return codec.dumps({"packet_id": packet_id, "execution_id": execution_id, "success": success, "error": error})
