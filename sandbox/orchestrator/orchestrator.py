"""`Orchestrator`: the whole of it behind one door. `sandbox.app` makes one, the HTTP API and the tests use it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sandbox.orchestrator.codec as codec
from sandbox.clock import Clock, iso
from sandbox.config.models import PipelineConfig
from sandbox.config.problems import choices
from sandbox.errors import Conflict, NotFound
from sandbox.ids import new_id
from sandbox.orchestrator.adoption import Adopter
from sandbox.orchestrator.api.router import Api
from sandbox.orchestrator.calls import Caller
from sandbox.orchestrator.checkpoints import Checkpoints
from sandbox.orchestrator.directory import Directory
from sandbox.orchestrator.driver import Driver
from sandbox.orchestrator.engine import Engine
from sandbox.orchestrator.feed import ENDED, Feed, Watched
from sandbox.orchestrator.journal import Journal
from sandbox.orchestrator.outbox import Outbox
from sandbox.orchestrator.pipelines import NOTHING, resolve_parameters, single_stage, stage_parameters
from sandbox.orchestrator.ports import ResultSource, Transport, WorkerInfo
from sandbox.orchestrator.progress import Progress
from sandbox.orchestrator.queries import Q
from sandbox.orchestrator.reference_store import ReferenceStore
from sandbox.orchestrator.references import Stored, sha256
from sandbox.orchestrator.replay import Carrier, Replayer
from sandbox.orchestrator.rerun import pinned_outputs, rerun_parameters
from sandbox.orchestrator.slots import Slots
from sandbox.orchestrator.stages import StageRunner
from sandbox.orchestrator.steps import JournalEvent
from sandbox.orchestrator.tokens import Tokens
from sandbox.orchestrator.transitions import NewExecution
from sandbox.orchestrator.views import Views
from sandbox.orchestrator.worker_registry import WorkerRegistry
from sandbox.runtime.protocols import Emit, Points, silent
from sandbox.storage import Synchronous

if TYPE_CHECKING:
    from sandbox.runtime.web import Request, Response


RETENTION = (7 * 86_400.0, 1000)
"""How long an ended execution and what it pinned are kept: seconds, and how many at most."""


class Orchestrator:
    """Runs pipelines and single workers through the handshake protocol, and keeps what happened in `journal`.

    `describe(worker)` gives what else is known of a worker (generation, bindings) for the API; `code_hash(worker)`
    names the code that serves now; `seed` makes the jitter of retries repeatable; `before_replay` and `redact` are what
    `Replayer` needs. Between `start` and `close`, the parts are there: `registry`, `references`, `checkpoints`, `tokens`,
    `directory`, `replayer`, `carrier`.
    """

    registry: WorkerRegistry
    references: ReferenceStore
    checkpoints: Checkpoints
    tokens: Tokens
    directory: Directory
    views: Views
    caller: Caller
    replayer: Replayer
    carrier: Carrier

    def __init__(
        self,
        journal: Path,
        *,
        pipelines: Mapping[str, PipelineConfig],
        workers: Iterable[WorkerInfo],
        transport: Transport,
        results: ResultSource,
        clock: Clock,
        emit: Emit = silent,
        describe: Callable[[str], Mapping[str, Any]] = lambda worker: {},
        code_hash: Callable[[str], str] = lambda worker: "",
        seed: int | None = None,
        admin_token: str = "",
        retention: tuple[float, int] = RETENTION,
        points: Points | None = None,
        before_replay: Callable[[], None] = lambda: None,
        redact: Callable[[str], str] = str,
        synchronous: Synchronous = "FULL",
    ) -> None:
        self.clock = clock
        self.pipelines: Mapping[str, PipelineConfig] = dict(pipelines)
        self.describe = describe
        self.feed = Feed()
        self.interrupted: list[str] = []
        """Executions that an earlier, unclean end left running; they are failed now, code `interrupted`."""
        self.admin_token = admin_token
        """Who shows it (the owner of the state folder, where it lies) may see the workers' tokens."""
        self._path = journal
        self._synchronous: Synchronous = synchronous
        self._retention = retention
        self._points = points
        self._workers = list(workers)
        self._transport = transport
        self._results = results
        self._emit = emit
        self._code_hash = code_hash
        self._before_replay, self._redact = before_replay, redact
        # jitter only spreads retries; a repeatable one makes tests and replays repeatable
        self._chance = random.Random(seed)  # noqa: S311
        self._progress = Progress()
        self._api: Api | None = None

    async def start(self) -> None:
        """Open the journal, settle what an unclean end left behind, and give every worker its token."""
        journal = self._journal = await Journal.open(self._path, self.clock, self._published, self._synchronous)
        self.registry = WorkerRegistry(journal.database)
        self.references = ReferenceStore(journal.database, self.clock)
        self.checkpoints = Checkpoints(journal.database, self.clock)
        self.tokens = Tokens(journal.database)
        self.directory = Directory(self.registry)
        self.views = Views(journal, self._progress)
        self.caller = Caller(self._transport, self.directory, self.clock, self._points, self._emit)
        adopter = Adopter(self.references, self._results, self.directory, self.clock)
        driver = Driver(journal, self.caller, self.checkpoints, adopter, self.clock, self._progressed)
        self._outbox = Outbox(journal, self.caller, self.clock)
        runner = StageRunner(
            journal,
            driver,
            self._transport,
            self.references,
            self._outbox,
            Slots(self.directory.limit),
            self.clock,
            self._chance,
            self._code_hash,
        )
        self._engine = Engine(journal, runner, self.references, self._outbox, self._progress, self._retention)
        self.replayer = Replayer(
            journal,
            self.views,
            self.references,
            self.caller,
            self._results,
            self.directory,
            self.clock,
            self._code_hash,
            self._before_replay,
            self.describe,
            self._redact,
        )
        self.carrier = Carrier(journal, self.views, self.clock, self._redact)
        self._api = Api(self)
        self.interrupted = await journal.begin(*self._retention)
        await self.configure(self.pipelines, self._workers)

    async def close(self, grace: float = 0.0) -> None:
        """Let running executions finish for `grace` seconds; those left are failed, code `interrupted`."""
        if self._api is None:
            return
        self._api = None
        await self._engine.close(grace)
        await self._outbox.close()
        self.feed.close()
        await self._journal.close()

    async def configure(self, pipelines: Mapping[str, PipelineConfig], workers: Iterable[WorkerInfo]) -> None:
        """Take a re-read sandbox.toml. Executions under way keep the pipeline they were started with."""
        workers = list(workers)
        await self.tokens.configure(workers)
        self.pipelines = dict(pipelines)
        self.directory.configure(workers)

    def token(self, worker: str) -> str:
        """The worker's WORKER_TOKEN."""
        return self.tokens.of(worker)

    async def start_execution(
        self,
        name: str,
        parameters: Mapping[str, Any] | None = None,
        input: Any = NOTHING,
        *,
        kind: str | None = None,
        client_id: str | None = None,
        request_id: str | None = None,
    ) -> str:
        """Start a pipeline, or drive one worker; returns the execution's id once it is in the journal.

        `kind` is "pipeline" or "worker"; without it a pipeline of that name is preferred. Without `input` the first
        stages get the parameters. Raises `BadParameters`, `NotFound` (also for a worker that a stage names).
        """
        given = dict(parameters or {})
        pipeline = self.pipelines.get(name) if kind != "worker" else None
        if pipeline is None and (kind == "pipeline" or self.directory.known(name) is None):
            if kind == "pipeline" or (kind is None and self.registry.get(name) is None):
                hint = choices(name, pipelines=self.pipelines, workers=[info.name for info in self.directory.all()])
                raise NotFound(f"no pipeline is named {name}", hint=hint)
            self.directory.find(name)
        if pipeline is None:
            kind, pipeline = "worker", single_stage(self.directory.find(name).name)
            resolved = given
        else:
            kind, resolved = "pipeline", resolve_parameters(pipeline, given)
        for stage in pipeline.stages:
            self.directory.find(stage.worker)
        body = codec.dumps(resolved if input is NOTHING else input)
        return await self._engine.start(
            NewExecution(
                execution_id=new_id("exec"),
                kind=kind,
                name=pipeline.name,
                parameters=resolved,
                stages=pipeline.stages,
                stage_parameters={stage.name: stage_parameters(stage, resolved, given) for stage in pipeline.stages},
                input=body,
                input_hash=sha256(body),
                client_id=client_id or "",
                request_id=request_id,
            )
        )

    async def rerun(
        self, execution_id: str, from_stage: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> str:
        """Run an execution that has ended once more, as a new one, through today's pipeline; returns the new id.

        With `from_stage` only that stage and those that follow from it run; the others' outputs are taken over.
        `parameters` override those it had. Raises `NotFound`, `Conflict`, `BadParameters`.
        """
        shown = self.views.execution(execution_id)
        if shown["state"] not in ENDED:
            raise Conflict(f"execution {execution_id} is still running", hint="wait for it, or cancel it")
        name, given = shown["pipeline"] or shown["worker"], dict(parameters or {})
        pipeline = self.pipelines.get(name) if shown["pipeline"] else single_stage(name)
        if pipeline is None:
            raise NotFound(f"there is no pipeline {name} any more", hint=choices(name, pipelines=self.pipelines))
        for stage in pipeline.stages:
            self.directory.find(stage.worker)
        values = {**shown["parameters"], **given}
        resolved = resolve_parameters(pipeline, values) if shown["pipeline"] else values
        old = {stage["name"]: stage for stage in self._journal.objects(Q.recorded_stages, execution_id=execution_id)}
        body = await self._run_input(shown, resolved)
        return await self._engine.start(
            NewExecution(
                execution_id=new_id("exec"),
                kind="pipeline" if shown["pipeline"] else "worker",
                name=name,
                parameters=resolved,
                stages=pipeline.stages,
                stage_parameters={
                    stage.name: rerun_parameters(stage, old.get(stage.name), resolved, given)
                    for stage in pipeline.stages
                },
                input=body,
                input_hash=sha256(body),
                pinned=pinned_outputs(execution_id, pipeline, old, from_stage, self.references.get),
            )
        )

    async def _run_input(self, shown: Mapping[str, Any], resolved: Mapping[str, Any]) -> bytes:
        """The input it had; today's parameters where it had none but those."""
        stored = self.references.get(shown["input_ref"])
        if stored is None:
            raise NotFound(f"the input of {shown['execution_id']} is not kept any more")
        body = await self.references.body(stored)
        return codec.dumps(resolved) if body == codec.dumps(shown["parameters"]) else body

    async def finished(self, execution_id: str) -> dict[str, Any]:
        """Wait for the execution's end and return it as `execution` does."""
        await self._engine.finished(execution_id)
        return self.views.execution(execution_id)

    def execution(self, execution_id: str) -> dict[str, Any]:
        """See `Views.execution`. Raises `NotFound`."""
        return self.views.execution(execution_id)

    def list(self, *, status: str | None = None, limit: int = 50, before: int | None = None) -> list[dict[str, Any]]:
        """Executions, newest first, without their stages."""
        return self.views.page(status, limit, before)[0]

    async def cancel(self, execution_id: str) -> None:
        """Raises `NotFound`, and `Conflict` where it is not running."""
        self.views.state(execution_id)
        await self._engine.cancel(execution_id)

    async def interrupt(self, execution_id: str) -> None:
        """Cut an execution because the sandbox stops; nothing where it is not running."""
        await self._engine.interrupt(execution_id)

    async def read_output(self, execution_id: str, stage: str) -> bytes:
        """The pinned output of a finished stage, whatever its age. Raises `NotFound`."""
        for shown in self.views.execution(execution_id)["stages"]:
            if shown["name"] == stage and shown["output_ref"] is not None:
                stored = self.references.get(shown["output_ref"]["ref_id"])
                assert stored is not None
                return await self.references.body(stored)
        raise NotFound(f"stage {stage} of {execution_id} has no output")

    async def plant(self, ref_id: str, data: bytes) -> Stored:
        """`sandbox ref put`: a value under an id of one's own, which any worker may read for 24 hours."""
        return await self.references.plant(ref_id, data)

    async def handle(self, request: Request) -> Response:
        """Answer a request on the orchestrator's address (`/health`, `/api/...`)."""
        if self._api is None:
            raise NotFound("the orchestrator is not running", code="stopping")
        return await self._api.handle(request)

    def events_after(self, execution_id: str, seq: int) -> Sequence[JournalEvent]:
        """The kept events of an execution with a higher number than `seq`. Raises `NotFound`."""
        self.views.state(execution_id)
        return self._journal.events_after(execution_id, seq)

    def has_ended(self, execution_id: str) -> bool:
        return self.views.state(execution_id) in ENDED

    def progress_now(self, execution_id: str) -> Sequence[Watched]:
        """Where the stages of a running execution stand, as the progress events that would say it."""
        return [
            self._progress_event(execution_id, stage["name"], stage["progress"], stage["message"])
            for stage in self.views.execution(execution_id)["stages"]
            if stage["state"] == "running" and stage["progress"]
        ]

    def _published(self, event: JournalEvent) -> None:
        self._emit(event.kind, execution_id=event.execution_id, seq=event.seq, **event.data)
        if event.kind == "stage" and event.data["state"] == "succeeded":
            self._progressed(event.execution_id, event.data["stage"], 100.0, None)
        self.feed.publish(event.execution_id, Watched(event.seq, event.at, event.kind, event.data))

    def _progressed(self, execution_id: str, stage: str, percent: float, message: str | None) -> None:
        if not self._progress.note(execution_id, stage, percent, message):
            return
        entry = self._progress.stage(execution_id, stage)
        assert entry is not None
        event = self._progress_event(execution_id, stage, entry.percent, entry.message)
        self._emit("progress", execution_id=execution_id, **event.data)
        self.feed.publish(execution_id, event)

    def _progress_event(self, execution_id: str, stage: str, percent: float, message: str) -> Watched:
        data = {
            "stage": stage,
            "progress": percent,
            "message": message,
            "run_progress": self._progress.run(execution_id) or 0.0,
            "timestamp": iso(self.clock.now()),
        }
        return Watched(None, self.clock.now(), "progress", data)
