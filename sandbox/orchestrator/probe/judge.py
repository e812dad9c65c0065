"""From answers to cells. Each defect of a worker turns exactly the cell red that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.handshake.messages import Checkpoint, Reference
from sandbox.handshake.schema import ProtocolError
from sandbox.orchestrator.probe import contract
from sandbox.orchestrator.probe.answers import Answer, Packet
from sandbox.orchestrator.probe.result import Cell

OK = Cell("ok")
UNPROCESSED = Cell("not checked", "the worker did not process the probe's input")


def cell(wrong: str | None) -> Cell:
    """Red with a reason, or ok."""
    return Cell("failed", wrong) if wrong else OK


def status(health: Answer) -> Cell:
    """Status: `/health` keeps its contract."""
    if health.status == 200 and health.fields and "capabilities" not in health.fields:
        return Cell("no", "protocol 1.0: /health has no capabilities")
    return cell(health.misfit(contract.HEALTH))


def handshake(offer: Answer, packet_id: str, packet: Packet) -> Cell:
    """Handshake: the conversation of handshake, process and acknowledge, but for the references in it."""
    wrong = offer.misfit(contract.HANDSHAKE, packet_id)
    if wrong is None and offer.fields["status"] != "ready":
        wrong = f"{offer.call}: incompatible with the probe's input{offer.error_text()}"
    wrong = wrong or packet.processed.misfit(contract.PROCESS, packet.packet_id)
    return cell(wrong or packet.acknowledged.misfit(contract.ACKNOWLEDGE, packet.packet_id))


def progress(unknown: Answer, packets: Sequence[Packet]) -> Cell:
    """Progress: unknown before, between 0 and 100 during or after the work, unknown again after acknowledge."""
    wrong = unknown.progress_misfit()
    if wrong is None and _known(unknown):
        wrong = f"{unknown.call}: a packet nobody sent has stage {unknown.fields['stage']!r}, expected 'unknown', 0"
    watched = [answer for packet in packets for answer in packet.watched]
    for answer in watched:
        wrong = wrong or answer.progress_misfit()
    if wrong is None and not any(_known(answer) for answer in watched):
        if all(packet.processed.unsuccessful() for packet in packets):
            return UNPROCESSED
        wrong = "no progress was seen while the packet was processed, nor afterwards"
    for packet in packets:
        wrong = wrong or packet.afterwards.progress_misfit()
        if wrong is None and _known(packet.afterwards):
            wrong = f"{packet.afterwards.call}: the progress is still there after acknowledge"
    return cell(wrong)


def _known(answer: Answer) -> bool:
    return answer.fields.get("stage") != "unknown" or answer.fields.get("progress") != 0


def input_by_reference(packet: Packet, fetched: int, refusal: str | None) -> str | None:
    """References, inwards: the planted input was fetched, and the work then succeeded."""
    if fetched == 0:
        if refusal is not None:
            return f"GET /api/data/... came {refusal}"
        failure = packet.processed.unsuccessful()
        return f"the input was never fetched from /api/data{f' ({failure})' if failure else ''}"
    return packet.processed.unsuccessful()


def output_reference(packet: Packet) -> Reference | str:
    """The result's reference, or what is wrong with it."""
    try:
        return Reference.parse(packet.processed.fields.get("output_ref"), "output_ref")
    except ProtocolError as error:
        return str(error)


def references(outputs: Sequence[Reference]) -> Cell:
    """References, when nothing was wrong: proven both ways only if a result came back by reference."""
    if any(output.storage_type == "reference" for output in outputs):
        return OK
    return Cell("claimed", "every result was small enough to come inline: a larger one was not seen")


def checkpoints(claimed: bool, saved: Sequence[Checkpoint]) -> Cell | None:
    """Checkpoints, before resuming; None where there is one to resume from."""
    if saved:
        return None
    return Cell("claimed", "none was saved during the probe") if claimed else Cell("no")


def resumed(packet: Packet, saved: Sequence[Checkpoint], again: Sequence[Checkpoint]) -> Cell:
    """Checkpoints, after resuming from the last one: less was left to do than the first time."""
    if wrong := packet.processed.unsuccessful():
        return Cell("failed", f"resuming from its own checkpoint: {wrong}")
    if len(again) < len(saved):
        return OK
    if len(saved) == 1:
        return Cell("claimed", "one checkpoint is saved each time, which does not tell whether it went on")
    return Cell("failed", f"resumed from checkpoint {saved[-1].seq}, it saved {len(again)} again: it started over")
