"""Runs the stages of an execution again: on the recorded input and answers, through the code that serves now."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sandbox.orchestrator.codec as codec
import sandbox.orchestrator.inputs as inputs
import sandbox.orchestrator.recordings as recordings
from sandbox.clock import Clock
from sandbox.config.models import StageConfig
from sandbox.config.problems import choices
from sandbox.errors import Conflict, NotFound, SandboxError
from sandbox.orchestrator.adoption import Adopter
from sandbox.orchestrator.answers import Busy, Failure, read_handshake, read_process
from sandbox.orchestrator.calls import Caller
from sandbox.orchestrator.directory import Directory
from sandbox.orchestrator.feed import ENDED
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.packets import HANDSHAKE_SECONDS, Packet
from sandbox.orchestrator.ports import ResultSource
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.recordings import Recording
from sandbox.orchestrator.reference_store import ReferenceStore
from sandbox.orchestrator.references import TIME_TO_LIVE, Stored, mint, sha256
from sandbox.orchestrator.replay.desk import Desk
from sandbox.orchestrator.replay.difference import differences
from sandbox.orchestrator.replay.report import Outcome, StageReport, as_json
from sandbox.orchestrator.replay.scrub import Scrub
from sandbox.orchestrator.views import Views
from sandbox.runtime.playback import Playback
from sandbox.runtime.tape import on_tape


@dataclass(slots=True)
class _Run:
    """One replay under way: what each stage gives now, and which of these are news."""

    execution_id: str
    outputs: dict[str, bytes] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)


class Replayer:
    """`before_replay()` is called first: it leads the outbound calls of replayed packets to the recording. `describe` tells
    of a worker whether older code of it serves (`stale`, `error`). `redact` takes secrets out of what is compared."""

    def __init__(
        self,
        journal: Journal,
        views: Views,
        references: ReferenceStore,
        caller: Caller,
        results: ResultSource,
        directory: Directory,
        clock: Clock,
        code_hash: Callable[[str], str],
        before_replay: Callable[[], None],
        describe: Callable[[str], Mapping[str, Any]],
        redact: Callable[[str], str],
    ) -> None:
        self._journal = journal
        self._views = views
        self._references = references
        self._caller = caller
        self._results = results
        self._directory = directory
        self._clock = clock
        self._code_hash = code_hash
        self._before_replay = before_replay
        self._describe = describe
        self._redact = redact
        self._scrub = Scrub(redact)
        # One at a time: a worker that is sent the same packet twice at once refuses the second.
        self._alone = asyncio.Lock()

    async def replay(self, execution_id: str, from_stage: str | None = None) -> dict[str, Any]:
        """Run every stage again, or `from_stage` and those that follow from it; see `StageReport` for the answer.

        A stage takes its recorded input, but for what earlier stages of this replay give otherwise than they did.
        Raises `NotFound` for an unknown execution or stage, `Conflict` where the execution has not ended.
        """
        if self._views.state(execution_id) not in ENDED:
            raise Conflict(f"execution {execution_id} is still running", hint="wait for it, or cancel it")
        stages = self._journal.objects(Q.recorded_stages, execution_id=execution_id)
        names = [stage["name"] for stage in stages]
        if from_stage is not None and from_stage not in names:
            raise NotFound(f"{execution_id} has no stage {from_stage}", hint=choices(from_stage, its_stages=names))
        chosen = set(names) if from_stage is None else _following(stages, from_stage)
        run, reports = _Run(execution_id), []
        self._before_replay()
        async with self._alone:
            for stage in stages:
                if stage["name"] in chosen:
                    reports.append(await self._stage(run, stage))
        return as_json(execution_id, reports)

    async def _stage(self, run: _Run, stage: dict[str, Any]) -> StageReport:
        report = StageReport(stage["name"], stage["worker"])
        broken = [name for name in stage["needs"] if name in run.broken]
        if broken:
            report.why = f"{', '.join(broken)} gives it no input"
        elif stage["packet_id"] is None:
            report.why = "it never ran" if stage["output_ref"] is None else "its output was taken over from another run"
        elif (info := self._directory.known(stage["worker"])) is None:
            report.why = f"there is no worker called {stage['worker']} here"
        elif info.external:
            report.why = f"{stage['worker']} is reached by URL, and only hosted workers are recorded"
        elif (about := self._describe(stage["worker"])).get("stale"):
            # as `sandbox run` does: the code that was just edited is what is asked about
            message = f"the newest code of {stage['worker']} does not load: {about['error']}"
            report.now = Outcome(error=Failure("stale_worker", message, False).as_json())
            report.verdict = "failed"
            run.broken.add(stage["name"])
        else:
            try:
                recording = await recordings.read(self._journal.database, stage["packet_id"])
                given, body = await self._input(run, stage, report)
            except SandboxError as error:
                report.why = error.message
            else:
                await self._again(run, stage, recording, given, body, report)
        if report.verdict in ("skipped", "failed") and stage["output_ref"] is None:
            run.broken.add(stage["name"])
        return report

    async def _input(self, run: _Run, stage: dict[str, Any], report: StageReport) -> tuple[Stored, bytes]:
        """The recorded input; built anew where an earlier stage of this replay gives something else now."""
        if not run.changed & set(stage["needs"]):
            stored = self._references.get(stage["input_ref"])
            if stored is None:
                raise NotFound("its input is not kept any more")
            return stored, await self._references.body(stored)
        report.new_input = True
        config = StageConfig(stage["name"], stage["worker"], tuple(stage["needs"]), input=stage["spec"]["input"])
        outputs = {name: await self._output(run, name) for name in stage["needs"]}
        match inputs.plan(config):
            case inputs.FromStage(name):
                body = outputs[name]
            case _:
                body = inputs.build(config, outputs)
        expires_at = self._clock.now() + TIME_TO_LIVE
        return Stored(mint(), sha256(body), len(body), codec.is_json(body), expires_at), body

    async def _output(self, run: _Run, stage: str) -> bytes:
        if stage in run.outputs:
            return run.outputs[stage]
        rows = self._journal.rows(Q.stage_states, execution_id=run.execution_id)
        ref_id = next(output_ref for name, _, output_ref in rows if name == stage)
        stored = None if ref_id is None else self._references.get(ref_id)
        if stored is None:
            raise NotFound(f"the output of {stage} is not kept any more")
        return await self._references.body(stored)

    async def _again(
        self, run: _Run, stage: dict[str, Any], recording: Recording, given: Stored, body: bytes, report: StageReport
    ) -> None:
        packet = Packet(
            stage["packet_id"],
            run.execution_id,
            stage["name"],
            stage["worker"],
            stage["attempt"],
            given,
            body if given.inline else None,
            stage["spec"]["parameters"],
            delivery=recording.delivery,
        )
        desk = Desk(given, body, self._clock.now())
        desk.checkpoint(packet.packet_id, recording.checkpoint)
        tape = Playback(recording.recorded, desk.handle, self._scrub.url)
        began = time.perf_counter()
        with on_tape(tape):
            outcome = await self._drive(packet, recording.checkpoint, desk)
        tape.close()
        report.duration_ms = round((time.perf_counter() - began) * 1000, 1)
        report.other_code = self._code_hash(packet.worker) != recording.code_hash
        report.divergences = tape.divergences
        report.notes = [*tape.notes, *(f"not kept: {what}" for what in recording.recorded.over)]
        if recording.python != platform.python_version():
            report.notes.append(f"recorded under Python {recording.python}, this is {platform.python_version()}")
        await self._compare(run, stage, outcome, report)

    async def _drive(self, packet: Packet, checkpoint: Mapping[str, Any] | None, desk: Desk) -> bytes | Failure:
        """Handshake (where this delivery had one) and process, up to the result's bytes."""
        if packet.delivery == 1:
            answer = await self._caller.call(
                packet.worker, "POST", "/api/handshake", HANDSHAKE_SECONDS, packet.handshake_message()
            )
            verdict = answer if isinstance(answer, Failure) else read_handshake(answer, packet.packet_id)
            if isinstance(verdict, Busy):
                return Failure("busy", f"{packet.worker} says that it is busy", True)
            if isinstance(verdict, Failure):
                return verdict
            packet.max_processing_time_ms = verdict.max_processing_time_ms
        answer = await self._caller.call(
            packet.worker, "POST", "/api/process", packet.process_seconds, packet.process_message(checkpoint)
        )
        result = answer if isinstance(answer, Failure) else read_process(answer, packet.packet_id)
        if isinstance(result, Busy):
            return Failure("busy", f"{packet.worker} says that it is busy", True)
        if isinstance(result, Failure):
            return result
        output = await Adopter(desk, self._results, self._directory, self._clock).adopt(packet.worker, result)
        if isinstance(output, Failure):
            return output
        return desk.body(output.uploaded) if output.uploaded is not None else output.body

    async def _compare(self, run: _Run, stage: dict[str, Any], outcome: bytes | Failure, report: StageReport) -> None:
        name, error = stage["name"], stage["error"]
        was = None if stage["output_ref"] is None else self._references.get(stage["output_ref"])
        report.was = Outcome(error=error) if was is None else Outcome(was.sha256, was.size_bytes)
        if isinstance(outcome, Failure):
            report.now = Outcome(error=outcome.as_json())
            alike = was is None and error is not None and _alike(error, outcome)
            report.verdict = "same" if alike and not report.divergences else "failed"
            run.broken.add(name)
            return
        digest = sha256(outcome)
        report.now = Outcome(digest, len(outcome))
        run.outputs[name] = outcome
        if was is None:
            report.verdict = "mended"
            run.changed.add(name)
            return
        if digest != was.sha256:
            before = self._plain(await self._references.body(was))
            after = self._plain(outcome)
            report.differences, report.more_differences = differences(before, after)
        if report.differences:
            run.changed.add(name)
        report.verdict = "different" if report.differences or report.divergences else "same"

    def _plain(self, body: bytes) -> bytes:
        return self._redact(body.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _following(stages: list[dict[str, Any]], first: str) -> set[str]:
    """A stage and all that need it, directly or not. The journal has stages in the order of their needs."""
    found = {first}
    for stage in stages:
        if found & set(stage["needs"]):
            found.add(stage["name"])
    return found


def _alike(was: Mapping[str, Any], now: Failure) -> bool:
    return (was["code"], was["message"]) == (now.code, now.message)
