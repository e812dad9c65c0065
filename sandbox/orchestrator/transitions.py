"""T1 to T6: each function is one transaction, run in the journal's writer.

T1 execution and stages; T2 a stage claimed, its packet made; T3 the handshake's verdict; T4 `processing`, before
`POST /api/process`; T5 the outcome with everything that follows from it; T6 the acknowledgement.
Each is guarded by the state it expects and by the boot id; `Late` is raised where another got there first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sandbox.orchestrator.codec as codec
import sandbox.orchestrator.recordings as recordings
from sandbox.config.models import StageConfig, fold
from sandbox.orchestrator.adoption import Output
from sandbox.orchestrator.answers import Failure, Ready
from sandbox.orchestrator.packets import Packet
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.reference_store import ORCHESTRATOR, keep
from sandbox.orchestrator.references import TIME_TO_LIVE, Stored, mint
from sandbox.orchestrator.steps import Step


@dataclass(frozen=True, slots=True)
class NewExecution:
    """What T1 writes. `request_id` (with `client_id`) makes starting twice start once."""

    execution_id: str
    kind: str
    name: str
    parameters: Mapping[str, Any]
    stages: Sequence[StageConfig]
    stage_parameters: Mapping[str, Mapping[str, Any]]
    input: bytes
    input_hash: str
    client_id: str = ""
    request_id: str | None = None
    pinned: Mapping[str, Stored] = field(default_factory=dict)
    """Outputs of stages that are taken over from an earlier execution, and not run."""


def t1_start(step: Step, new: NewExecution) -> tuple[str, bool]:
    """Insert the execution and its stages; returns its id and whether it is new."""
    who = {"client_id": new.client_id, "request_id": new.request_id}
    known = step.run(Q.same_request, **who) if new.request_id is not None else []
    if known:
        return known[0][0], False
    given = _keep_built(step, new.input, new.input_hash, new.execution_id, None)
    step.run(
        Q.insert_execution,
        execution_id=new.execution_id,
        kind=new.kind,
        name=new.name,
        parameters=_json(new.parameters),
        input_ref=given.ref_id,
        **who,
    )
    step.event(new.execution_id, "execution", state="queued", name=new.name)
    for position, stage in enumerate(new.stages):
        step.run(
            Q.insert_stage,
            execution_id=new.execution_id,
            name=stage.name,
            position=position,
            worker=stage.worker,
            needs=_json(list(stage.needs)),
            spec=_json({"input": stage.input, "parameters": dict(new.stage_parameters[stage.name])}),
            state="ready" if new.pinned.keys() >= set(stage.needs) else "pending",
        )
        if stage.name in new.pinned:
            _take_over(step, new.execution_id, stage, new.pinned[stage.name])
        elif new.pinned.keys() >= set(stage.needs):
            step.event(new.execution_id, "stage", stage=stage.name, worker=stage.worker, state="ready")
    return new.execution_id, True


def _take_over(step: Step, execution_id: str, stage: StageConfig, output: Stored) -> None:
    """The stage has succeeded already, elsewhere: its output under a reference of this execution's own."""
    ref_id = mint()
    step.run(
        Q.insert_reference,
        ref_id=ref_id,
        producer=fold(stage.worker),
        own_id=ref_id,
        origin="adopted",
        sha256=output.sha256,
        size_bytes=output.size_bytes,
        is_json=output.is_json,
        execution_id=execution_id,
        stage=stage.name,
        expires_at=step.now + TIME_TO_LIVE,
    )
    step.expect(Q.take_over_stage, execution_id=execution_id, stage=stage.name, output_ref=ref_id)
    about = {"worker": stage.worker, "ref_id": ref_id, "size_bytes": output.size_bytes, "taken_over": True}
    step.event(execution_id, "stage", stage=stage.name, state="succeeded", **about)


def keep_input(step: Step, execution_id: str, stage: str, body: bytes, digest: str) -> Stored:
    """Pin an input that was built of several outputs. Not a transition: a run that ends before T2 leaves it unused."""
    return _keep_built(step, body, digest, execution_id, stage)


def t2_claim(step: Step, packet: Packet, code_hash: str, again: bool) -> int:
    """The stage runs and has a packet: a new one, or the earlier one once more (delivery + 1). Returns the delivery."""
    delivery = 1
    if again:
        # with the code that serves now, as the checkpoint it is handed and those it saves belong to that
        again_as = {"packet_id": packet.packet_id, "attempt": packet.attempt, "code_hash": code_hash}
        delivery = int(step.expect_row(Q.redeliver_packet, **again_as)[0])
    else:
        step.run(
            Q.insert_packet,
            packet_id=packet.packet_id,
            execution_id=packet.execution_id,
            stage=packet.stage,
            worker=packet.worker,
            attempt=packet.attempt,
            code_hash=code_hash,
            input_ref=packet.input.ref_id,
        )
    step.expect(
        Q.claim_stage,
        execution_id=packet.execution_id,
        stage=packet.stage,
        packet_id=packet.packet_id,
        attempt=packet.attempt,
        input_ref=packet.input.ref_id,
        input_hash=packet.input.sha256,
    )
    if step.change(Q.run_execution, execution_id=packet.execution_id):
        step.event(packet.execution_id, "execution", state="running")
    _stage_event(step, packet, "running", attempt=packet.attempt, delivery=delivery)
    return delivery


def offer(step: Step, packet: Packet) -> None:
    """About to send the handshake."""
    step.expect(Q.offer_packet, packet_id=packet.packet_id)


def t3_accept(step: Step, packet: Packet, ready: Ready, bytes_: Mapping[str, int]) -> None:
    """The worker said `ready`. A refusal is the failing side of T5."""
    step.expect(
        Q.accept_packet,
        packet_id=packet.packet_id,
        capabilities=_json(ready.capabilities),
        resource_requirements=_json(ready.resource_requirements),
        **bytes_,
    )


def t4_process(step: Step, packet: Packet) -> None:
    """Written before `POST /api/process` leaves: after a crash the journal knows that the worker may have begun."""
    step.expect(Q.process_packet, packet_id=packet.packet_id)


def t5_succeed(step: Step, packet: Packet, output: Output, bytes_: Mapping[str, int]) -> Stored:
    """The output pinned, the stage succeeded, usage noted, dependents ready, the acknowledgement due: one commit."""
    stored = output.uploaded or keep(
        step,
        output.body,
        output.sha256,
        producer=fold(packet.worker),
        own_id=output.own_id,
        origin="adopted",
        is_json=output.is_json,
        execution_id=packet.execution_id,
        stage=packet.stage,
        expires_at=output.expires_at,
    )
    where = {"packet_id": packet.packet_id, "execution_id": packet.execution_id, "stage": packet.stage}
    step.expect(
        Q.return_packet,
        output_ref=stored.ref_id,
        metrics=_json(output.metrics),
        data_bytes=stored.size_bytes if output.uploaded else 0,
        **where,
        **bytes_,
    )
    step.expect(Q.succeed_stage, output_ref=stored.ref_id, **where)
    recordings.keep(step, packet)
    for metric, amount in output.metrics.items():
        step.run(Q.insert_usage, packet_id=packet.packet_id, metric=metric, amount=amount)
    _stage_event(step, packet, "succeeded", ref_id=stored.ref_id, size_bytes=stored.size_bytes)
    for (name,) in step.run(Q.ready_dependents, execution_id=packet.execution_id):
        step.event(packet.execution_id, "stage", stage=name, state="ready")
    return stored


def t5_retry(
    step: Step, packet: Packet, failure: Failure | None, wake_at: float, again: bool, bytes_: Mapping[str, int]
) -> bool:
    """The attempt ended without a result and another follows at `wake_at`; `failure` is None where the worker is busy.

    Returns whether an acknowledgement is due: after a known failure, for that packet is over.
    """
    error = _json(failure.as_json()) if failure else None
    ack = step.expect_row(
        Q.end_attempt,
        packet_id=packet.packet_id,
        packet_state=failure.packet_state if failure else None,
        error=error,
        ack_due=failure is not None and not again,
        **bytes_,
    )[0]
    step.expect(
        Q.backoff_stage,
        execution_id=packet.execution_id,
        stage=packet.stage,
        packet_id=packet.packet_id,
        wake_at=wake_at,
        error=error,
    )
    if failure:
        recordings.keep(step, packet)
    reason: dict[str, Any] = {"error": failure.as_json()} if failure else {"busy": True}
    _stage_event(step, packet, "backoff", wake_at=wake_at, **reason)
    if step.change(Q.wait_execution, execution_id=packet.execution_id):
        step.event(packet.execution_id, "execution", state="waiting", until=wake_at)
    return bool(ack == "due")


def wake(step: Step, packet: Packet) -> None:
    """The backoff is over."""
    step.expect(Q.wake_stage, execution_id=packet.execution_id, stage=packet.stage)


def t5_fail(step: Step, packet: Packet, failure: Failure, bytes_: Mapping[str, int]) -> bool:
    """The stage has failed for good. Returns whether an acknowledgement (`success: false`) is due."""
    error = _json(failure.as_json())
    ack = step.expect_row(
        Q.end_attempt,
        packet_id=packet.packet_id,
        packet_state=failure.packet_state,
        error=error,
        ack_due=True,
        **bytes_,
    )[0]
    recordings.keep(step, packet)
    fail_stage(step, packet.execution_id, packet.stage, packet.worker, failure, packet_id=packet.packet_id)
    return bool(ack == "due")


def fail_stage(
    step: Step, execution_id: str, stage: str, worker: str, failure: Failure, *, packet_id: str | None = None
) -> None:
    """A stage that cannot go on, with or without a packet (its input may not be buildable)."""
    step.expect(Q.fail_stage, execution_id=execution_id, stage=stage, error=_json(failure.as_json()))
    about = {"stage": stage, "worker": worker, "packet_id": packet_id}
    step.event(execution_id, "stage", state="failed", error=failure.as_json(), **about)


def t6_acked(step: Step, packet_id: str, execution_id: str, stage: str, attempts: int, message_bytes: int) -> None:
    """The worker confirmed. A succeeded stage's checkpoint is of no use any more."""
    step.expect(Q.acked, packet_id=packet_id, ack_attempts=attempts, message_bytes=message_bytes)
    step.run(Q.drop_checkpoints, execution_id=execution_id, stage=stage)


def ack_abandoned(step: Step, packet_id: str, execution_id: str, stage: str, attempts: int, message_bytes: int) -> None:
    step.expect(Q.ack_abandoned, packet_id=packet_id, ack_attempts=attempts, message_bytes=message_bytes)
    step.event(execution_id, "ack_abandoned", stage=stage, packet_id=packet_id, attempts=attempts)


def end_execution(step: Step, execution_id: str, state: str, error: Mapping[str, Any] | None = None) -> None:
    """completed, failed or cancelled; stages that never ran are skipped (cancelled where the run was)."""
    close_as = "cancelled" if state == "cancelled" else "skipped"
    text = _json(error) if error else None
    for name, closed in step.run(Q.close_stages, execution_id=execution_id, state=close_as):
        step.event(execution_id, "stage", stage=name, state=closed)
    step.run(Q.interrupt_packets, execution_id=execution_id, error=text)
    step.expect(Q.end_execution, execution_id=execution_id, state=state, error=text)
    step.event(execution_id, "execution", state=state, error=error)


def cancel(step: Step, execution_id: str) -> list[str]:
    """running -> cancelling: live packets are superseded. Returns those whose worker is owed an acknowledgement."""
    step.expect(Q.cancel_execution, execution_id=execution_id)
    error = _json({"code": "cancelled", "message": "the execution was cancelled", "hint": None, "retryable": False})
    owed = step.run(Q.supersede_packets, execution_id=execution_id, error=error)
    step.event(execution_id, "execution", state="cancelling")
    return [packet_id for packet_id, ack in owed if ack == "due"]


def interrupt(step: Step, execution_id: str, message: str) -> None:
    """End what a stopped sandbox left behind: failed with code `interrupted` (a cancelled one is cancelled)."""
    error = {"code": "interrupted", "message": message, "hint": "start it again; finished stages are not kept for it"}
    state = step.expect_row(Q.interrupt_execution, execution_id=execution_id, error=_json(error))[0]
    step.run(Q.interrupt_stages, execution_id=execution_id, error=_json(error))
    step.run(Q.interrupt_packets, execution_id=execution_id, error=_json(error))
    step.event(execution_id, "execution", state=state, error=error)


def begin_boot(step: Step) -> list[str]:
    """A new boot id; whatever an earlier boot left unfinished is marked. Returns those executions."""
    step.run(Q.begin_boot)
    left = [row[0] for row in step.run(Q.unfinished)]
    for execution_id in left:
        interrupt(step, execution_id, "the sandbox stopped while this execution was running")
    return left


def prune(step: Step, retention: float, keep: int) -> int:
    """Forget executions that ended over `retention` seconds ago or are not among the newest `keep`, with everything
    they pinned; and what was planted, uploaded or saved by hand that long ago. Returns how many executions went."""
    before = step.now - retention
    ended = [row[0] for row in step.run(Q.prunable, before=before, keep=keep)]
    for execution_id in ended:
        step.run(Q.prune_execution_references, execution_id=execution_id)
        step.run(Q.prune_execution_checkpoints, execution_id=execution_id)
        step.run(Q.prune_execution, execution_id=execution_id)
    loose = step.change(Q.prune_loose_references, before=before)
    step.run(Q.prune_loose_checkpoints, before=before)
    if ended or loose:
        step.run(Q.prune_content)
    return len(ended)


def _keep_built(step: Step, body: bytes, digest: str, execution_id: str, stage: str | None) -> Stored:
    return keep(
        step,
        body,
        digest,
        producer=ORCHESTRATOR,
        own_id=None,
        origin="built",
        is_json=True,
        execution_id=execution_id,
        stage=stage,
        expires_at=step.now + TIME_TO_LIVE,
    )


def _stage_event(step: Step, packet: Packet, state: str, **more: Any) -> None:
    about = {"stage": packet.stage, "worker": packet.worker, "packet_id": packet.packet_id}
    step.event(packet.execution_id, "stage", state=state, **about, **more)


def _json(value: Any) -> str:
    return codec.dumps(value).decode()
