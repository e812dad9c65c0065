"""Executions as tasks: stages in the order of their needs, side by side where nothing holds them apart."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import sandbox.orchestrator.transitions as transitions
from sandbox.config.models import StageConfig
from sandbox.errors import Conflict, SandboxError
from sandbox.orchestrator.answers import Failure
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.outbox import Outbox
from sandbox.orchestrator.progress import Progress
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.reference_store import ReferenceStore
from sandbox.orchestrator.references import Stored
from sandbox.orchestrator.stages import StageRunner
from sandbox.orchestrator.steps import Late
from sandbox.orchestrator.transitions import NewExecution
from sandbox.runtime.trace import current_trace, for_execution

logger = logging.getLogger("sandbox.orchestrator")


@dataclass(slots=True)
class Run:
    """An execution under way. `ended` is set when the journal holds its end."""

    execution_id: str
    task: asyncio.Task[None] | None = None
    cancelling: bool = False
    """`cancel` is at work on it, and will say when it has ended."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Engine:
    def __init__(
        self,
        journal: Journal,
        runner: StageRunner,
        references: ReferenceStore,
        outbox: Outbox,
        progress: Progress,
        retention: tuple[float, int],
    ) -> None:
        self._journal = journal
        self._runner = runner
        self._references = references
        self._outbox = outbox
        self._progress = progress
        self._retention = retention
        self._runs: dict[str, Run] = {}
        self._cancels: set[asyncio.Task[None]] = set()
        self._starts: set[asyncio.Task[str]] = set()
        self._closing = False

    async def start(self, new: NewExecution) -> str:
        """T1, then run it. The same client_id and request_id give the execution that they started before."""
        if self._closing:
            raise SandboxError("the sandbox is stopping", code="stopping", status=503)
        # a caller who goes away meanwhile must not leave an execution in the journal that nobody runs
        task = asyncio.ensure_future(self._start(new))
        self._starts.add(task)
        task.add_done_callback(self._starts.discard)
        return await asyncio.shield(task)

    async def finished(self, execution_id: str) -> None:
        """Return when the execution has ended (at once where it is not under way)."""
        run = self._runs.get(execution_id)
        if run is not None:
            await run.ended.wait()

    async def cancel(self, execution_id: str) -> None:
        """Cut what it is doing and end it as cancelled. Raises `Conflict` where it has ended or is being cancelled."""
        task = asyncio.ensure_future(self._cancel(execution_id))
        self._cancels.add(task)
        task.add_done_callback(self._cancels.discard)
        await asyncio.shield(task)

    async def interrupt(self, execution_id: str) -> None:
        """Cut an execution because the sandbox stops; it is failed, code `interrupted`. Nothing where it is not running."""
        run = self._runs.get(execution_id)
        if run is None or run.task is None or run.cancelling:
            return
        run.task.cancel()
        await asyncio.wait({run.task})
        await self._note_interrupted(run)

    async def close(self, grace: float) -> None:
        """Wait `grace` seconds (by the machine's clock) for running executions; those left are marked `interrupted`."""
        self._closing = True
        if self._starts:
            await asyncio.gather(*self._starts, return_exceptions=True)
        tasks = [run.task for run in self._runs.values() if run.task is not None]
        if tasks and grace > 0:
            await asyncio.wait(tasks, timeout=grace)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._cancels:
            await asyncio.gather(*self._cancels, return_exceptions=True)
        for run in list(self._runs.values()):
            await self._note_interrupted(run)

    async def _note_interrupted(self, run: Run) -> None:
        stop = partial(
            transitions.interrupt, execution_id=run.execution_id, message="the sandbox was stopped while it ran"
        )
        await self._journal.settle(stop, f"the interruption of {run.execution_id}")
        self._leave(run)

    async def _start(self, new: NewExecution) -> str:
        execution_id, fresh = await self._journal.commit(partial(transitions.t1_start, new=new))
        if fresh:
            run = Run(execution_id)
            self._runs[execution_id] = run
            run.task = asyncio.ensure_future(self._run(run, new))
        return execution_id

    async def _cancel(self, execution_id: str) -> None:
        run = self._runs.get(execution_id) or Run(execution_id)
        before, run.cancelling = run.cancelling, True
        try:
            owed = await self._journal.commit(partial(transitions.cancel, execution_id=execution_id))
        except BaseException as error:
            run.cancelling = before
            if isinstance(error, Late):
                raise Conflict(
                    f"execution {execution_id} is not running", hint="`sandbox executions show` tells how it ended"
                ) from None
            raise
        try:
            if run.task is not None:
                run.task.cancel()
                await asyncio.wait({run.task})
            for packet_id in owed:
                self._outbox.add(execution_id, packet_id)
            end = partial(transitions.end_execution, execution_id=execution_id, state="cancelled")
            await self._journal.settle(end, f"the cancellation of {execution_id}")
        finally:
            self._leave(run)

    async def _run(self, run: Run, new: NewExecution) -> None:
        """The task of one execution. Cancelled by `cancel` and `close`, which see to the journal themselves."""
        current_trace.set(for_execution(run.execution_id, asked=current_trace.get()))
        try:
            usual = dict(self._journal.rows(Q.usual_times, kind=new.kind, name=new.name))
            self._progress.open(run.execution_id, {stage.name: usual.get(stage.name) for stage in new.stages})
            failures = await self._stages(run.execution_id, new.stages, new.stage_parameters)
            await self._outbox.first_tries(run.execution_id)
            await self._end(run.execution_id, failures)
        except Late:
            logger.info("late: execution %s was ended by something else", run.execution_id)
            if run.cancelling:
                return
        except Exception as error:
            logger.exception("execution %s failed inside the sandbox", run.execution_id)
            await self._end_broken(run.execution_id, error)
        self._leave(run)

    async def _end_broken(self, execution_id: str, error: Exception) -> None:
        """Where even this cannot be written (a full disk), the journal shows it as running until it is cancelled or
        the sandbox starts anew; who waits for it is let go either way."""
        code = error.code if isinstance(error, SandboxError) else "internal"
        failure = Failure(code, f"{type(error).__name__}: {error}", False, hint=getattr(error, "hint", None))
        try:
            await self._end(execution_id, {"": failure})
        except Exception:
            logger.exception("the end of execution %s could not be written", execution_id)

    async def _end(self, execution_id: str, failures: Mapping[str, Failure]) -> None:
        error = None
        if failures:
            stage, failure = next(iter(failures.items()))
            error = {**failure.as_json(), "stage": stage or None}
        state = "failed" if failures else "completed"
        end = partial(transitions.end_execution, execution_id=execution_id, state=state, error=error)
        await self._journal.settle(end, f"the end of {execution_id}")
        retention, keep = self._retention
        try:
            await self._journal.commit(partial(transitions.prune, retention=retention, keep=keep))
        except SandboxError as problem:
            logger.warning("old executions could not be removed: %s", problem.message)

    async def _stages(
        self, execution_id: str, stages: Sequence[StageConfig], parameters: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Failure]:
        """Run the graph. After a failure nothing new begins; what runs beside it may finish."""
        given = self._references.get(self._journal.rows(Q.run_input, execution_id=execution_id)[0][0])
        assert given is not None
        outputs = self._taken_over(execution_id)
        failures: dict[str, Failure] = {}
        waiting = {stage.name: stage for stage in stages if stage.name not in outputs}
        running: dict[asyncio.Task[Stored | Failure], str] = {}
        try:
            while True:
                if not failures:
                    for stage in [stage for stage in waiting.values() if outputs.keys() >= set(stage.needs)]:
                        del waiting[stage.name]
                        work = self._runner.run(execution_id, stage, parameters[stage.name], given, outputs)
                        running[asyncio.ensure_future(work)] = stage.name
                if not running:
                    return failures
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    name = running.pop(task)
                    result = task.result()
                    if isinstance(result, Failure):
                        failures[name] = result
                    else:
                        outputs[name] = result
                        self._progress.note(execution_id, name, 100.0)
        finally:
            for task in running:
                task.cancel()
            if running:
                await asyncio.gather(*running, return_exceptions=True)

    def _taken_over(self, execution_id: str) -> dict[str, Stored]:
        """What stages have given before anything runs."""
        found: dict[str, Stored] = {}
        for name, state, output_ref in self._journal.rows(Q.stage_states, execution_id=execution_id):
            stored = self._references.get(output_ref) if state == "succeeded" else None
            if stored is not None:
                found[name] = stored
                self._progress.note(execution_id, name, 100.0)
        return found

    def _leave(self, run: Run) -> None:
        self._progress.close(run.execution_id)
        self._runs.pop(run.execution_id, None)
        run.ended.set()
