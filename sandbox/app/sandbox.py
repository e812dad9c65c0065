"""One sandbox: state folder, KV, workers, egress, orchestrator and, where asked, the server, from start to stop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from sandbox.app.changes import Changes
from sandbox.app.clock_control import ClockControl
from sandbox.app.contexts import Contexts
from sandbox.app.crons import Crons
from sandbox.app.debugging import Debugging
from sandbox.app.facts import Facts
from sandbox.app.failures import Failures
from sandbox.app.hosting import STANDALONE, Hosting
from sandbox.app.interception import Interception
from sandbox.app.portability import Portability
from sandbox.app.ports import HostedResults, WorkerTransport, worker_infos, worker_url
from sandbox.app.probing import Prober
from sandbox.app.recording import Recording
from sandbox.app.redaction import Redaction
from sandbox.app.replaying import Replaying
from sandbox.app.routes import Handler, OwnRoutes
from sandbox.app.triggers import HANDLER_PATH, TEST_SCHEDULED, TriggerApi, trigger
from sandbox.app.watching import watch_loop
from sandbox.bindings.kv import KvStores
from sandbox.bindings.kv.api import KvApi
from sandbox.clock import Clock, SystemClock
from sandbox.config.load import Loaded
from sandbox.config.models import SandboxConfig, WorkerConfig, fold
from sandbox.egress import Egress, install_other_clients
from sandbox.egress.taped import TapedCalls
from sandbox.events import Bus
from sandbox.host.server import GRACE, Server, Stopped
from sandbox.ids import new_token
from sandbox.loader.output import install_output
from sandbox.loader.registry import WorkerRegistry
from sandbox.orchestrator import Orchestrator
from sandbox.runtime import install
from sandbox.runtime.context import WorkerContext
from sandbox.runtime.trace import hop
from sandbox.runtime.web import Request, Response
from sandbox.storage import StateFolder, Synchronous


class Sandbox:
    """Use it as `async with Sandbox(loaded) as sandbox:`; or `start` and `stop`.

    `loaded` is what `load_sandbox` read; `reread` reads it again when sandbox.toml or a worker's configuration changes
    (None: no reloading on such changes). With `serve` it listens on the configured port, else nothing is open and only
    `run` and `fetch` reach the workers. With `watch` saved files reload their worker. `hosting` says how it lives in
    this process.
    Raises StateFolderBusy where another sandbox uses the state folder, PortInUse where the port is taken.
    """

    def __init__(
        self,
        loaded: Loaded,
        *,
        serve: bool = True,
        watch: bool = True,
        load: bool = True,
        reread: Callable[[], Loaded] | None = None,
        clock: Clock | None = None,
        token: str | None = None,
        hosting: Hosting = STANDALONE,
    ) -> None:
        self.config: SandboxConfig
        self._names: dict[str, str]
        self._take(loaded.config)
        self.warnings = loaded.warnings
        self.clock: Clock = clock or SystemClock()
        self.events = Bus(self.clock)
        self.redact = Redaction()
        self.contexts = Contexts(self)
        self.portability = Portability(self, strict=hosting.strict)
        self.crons: Crons
        self.moved_clock = ClockControl(self.clock, self.events.emit, lambda: self.kv.sweep())
        self.recording = Recording(self.events, self.clock, self.redact)
        self._interception = Interception(self)
        self.faults = self._interception.faults
        self.points = self._interception.points
        self.breakpoints, self.held = self._interception.breakpoints, self._interception.held
        self.kv: KvStores
        self.workers: WorkerRegistry
        self.orchestrator: Orchestrator
        self.server: Server | None = None
        self.port = loaded.config.port
        self._serve, self._watch, self._load = serve, watch, load
        self._changes = Changes(self, reread)
        self._facts = Facts(self)
        self.failures = Failures(self)
        self.debugging = Debugging()
        self._token = token
        self._hosting = hosting
        self._folder: StateFolder | None = None
        self.egress: Egress
        self._ready = asyncio.Event()
        self._undo: list[Callable[[], None]] = []
        self.admin_token = new_token()

    # -- life --------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop(0)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop(0 if error is not None else GRACE)

    async def start(self) -> None:
        """Take the state folder, open the port, load every worker; return when all of them can be asked."""
        install()
        hosting = self._hosting
        self._undo += [
            install_output(self.events.wanted, lambda: self.recording.log is not None),
            install_other_clients(),
            self.portability.start(),
        ]
        if hosting.debugger:
            self._undo += self.debugging.install(post_mortem=hosting.post_mortem, debugpy=hosting.debugpy)
        self._folder = StateFolder.open(self.config.state)
        self._folder.lock({"address": None})
        self.moved_clock.restore(self._folder.path)
        self.recording.start(self._folder.path, self.config.events, off=hosting.throwaway)
        synchronous: Synchronous = "OFF" if hosting.throwaway else "NORMAL"
        self.contexts.open(self._folder.path, synchronous)
        self.kv = self.contexts.kv
        self.workers = WorkerRegistry(
            self.contexts.of,
            self._changes.worker_config,
            self.contexts.emit_redacted,
            on_error=self.config.on_error,
            points=self.points,
            load=hosting.load,
            front=self.contexts.assets.front,
            isolates=self.config.isolates,
        )
        self.crons = Crons(self.workers, self.clock, self.contexts.emit_redacted)
        self.crons.configure(self.config.workers)
        self.egress = self._make_egress()
        self._interception.attach(self.egress, self.config)
        self.recording.attach(self.egress)
        transport = WorkerTransport(self.workers, self.egress, self.redact, self.points)
        results = HostedResults(self.workers, self.kv)
        taped_calls = TapedCalls(self.egress)
        self.orchestrator = Orchestrator(
            self._folder.path / "journal.sqlite",
            pipelines=self.config.pipelines,
            workers=[],
            transport=transport,
            results=results,
            clock=self.clock,
            emit=self.events.emit,
            describe=self._facts.describe_worker,
            code_hash=self._facts.code_hash,
            admin_token=self.admin_token,
            points=self.points,
            before_replay=taped_calls.stage,
            redact=self.redact,
            synchronous="OFF" if hosting.throwaway else "FULL",
            seed=hosting.seed,
        )
        self._prober = Prober(self, transport, results)
        self._routes = OwnRoutes(self.orchestrator, self._prober, self.redact, self._api_parts())
        if self._serve:
            await self._open_port()
        await self.orchestrator.start()
        await self._configure_orchestrator()
        self._know_secrets()
        if hosting.watchdog:
            self._undo.append(watch_loop(self.workers, self.events))
        began = time.time()
        for worker in self.config.workers.values() if self._load else ():
            if hosting.lazy:
                self.workers.declare(worker)
            else:
                await self.workers.add(worker)
        address = self.address if self._serve else None
        self.debugging.leave(self._folder, address=address, admin_token=self.admin_token, env=self.config.env)
        self._ready.set()
        if self._load and (self._serve or hosting.throwaway):
            self.crons.start()
        if self._watch and self._load:
            await self._changes.watch(saved_since=began)

    async def stop(self, grace: float = GRACE) -> Stopped:
        """Finish what runs within `grace` seconds, cut the rest, close every file. Idempotent."""
        stopped = Stopped(0, 0)
        clock = asyncio.get_running_loop().time  # which stands still while a debugger holds the process
        deadline = clock() + grace
        await self._changes.close()
        if hasattr(self, "crons"):
            await self.crons.close()
        if hasattr(self, "orchestrator"):
            await self._interception.close()
        if self.server is not None:
            stopped = await self.server.stop(grace)
            self.server = None
        if hasattr(self, "orchestrator"):
            await self.orchestrator.close(max(0.0, deadline - clock()))
        if hasattr(self, "workers"):
            await self.workers.close(max(0.0, deadline - clock()))
        if hasattr(self, "egress"):
            await self.egress.close()
        await self.contexts.close()
        await self.recording.close()
        if self._folder is not None:
            self.debugging.let_go()
            self._folder.release()
            self._folder = None
        while self._undo:
            self._undo.pop()()
        return stopped

    async def ready(self) -> None:
        """Return when every worker has been loaded (or has failed to)."""
        await self._ready.wait()

    # -- what it offers ----------------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        """The orchestrator's own address, `http://localhost:8787`."""
        return f"http://localhost:{self.port}"

    @property
    def state(self) -> Path:
        return self.config.state

    @property
    def requests_in_flight(self) -> int:
        """How many requests over HTTP are being answered now."""
        return self.server.requests_in_flight if self.server is not None else 0

    def url_of(self, worker: str) -> str:
        """Where a hosted worker answers. Raises NotFound."""
        return worker_url(self.workers.config(worker), self.port)

    async def fetch(self, worker: str, request: Request) -> Response:
        """Ask a hosted worker. Raises NotFound, WorkerUnavailable, WorkerFailed."""
        with hop():
            return await self.workers.fetch(worker, request)

    async def run(self, name: str, parameters: Mapping[str, Any] | None = None, **options: Any) -> dict[str, Any]:
        """Run a pipeline or drive one worker to its end; the execution as the API shows it."""
        return await self.orchestrator.finished(await self.orchestrator.start_execution(name, parameters, **options))

    def describe_worker(self, name: str) -> dict[str, Any]:
        """What is known of a hosted worker besides its registration: code, bindings, addresses."""
        return self._facts.describe_worker(name)

    async def handle(self, request: Request) -> Response:
        """Answer a request on our own address (`/health`, `/api/...`); errors come back in their one shape."""
        return await self._routes.handle(request)

    async def send_outside(self, request: Request) -> Response:
        """Send a request over HTTP to where its URL says. Raises UnreachableWorker."""
        return await self.egress.send_external(request.url, request)

    # -- wiring ------------------------------------------------------------------------------------------------------

    def context_of(self, worker: str) -> WorkerContext:
        """A context like the one a hosted worker's code runs under. Raises NotFound."""
        return self.contexts.of(self.workers.config(worker))

    def _make_egress(self) -> Egress:
        return Egress(
            self.config.egress,
            root=self.config.root,
            invoke=self.workers,
            worker_urls=self._facts.worker_urls,
            orchestrator_url=self.address,
            orchestrator=lambda request: self._routes.handle_worker(request),
            external=self._facts.external_urls,
            emit=self.events.emit,
            clock=self.clock,
            redact=self.redact,
        )

    def _api_parts(self) -> dict[str, Handler]:
        """The parts of the API that are not the orchestrator's, by path."""
        return {
            "/api/kv": KvApi(self.kv, self._facts.namespaces).handle,
            "/api/clock": self.moved_clock.handle,
            "/api/check": self.portability.handle,
            "/api/trigger": TriggerApi(self.workers, self.clock, self.workers.config, self.failures.in_a_line).handle,
            **self._interception.api_parts(),
            **self.recording.api_parts(Replaying(self).handle, self._interception.workers),
        }

    async def _open_port(self) -> None:
        config = self.config
        self.server = Server(
            fetch_worker=self.answer,
            resolve=self._resolve,
            orchestrator=self._own_when_ready,
            overview=self._facts.overview,
            describe=self.failures.describe,
            redact=self.redact,
            on_error=self.failures.of_request,
            emit=self.events.emit,
            log=self.recording.log,
            clock=self.clock,
            ip=config.ip,
            port=config.port,
            worker_ports=self._facts.worker_ports(),
            allow_hosts=config.allow_hosts,
            token=self._token,
        )
        await self.server.start()
        self.port = self.server.port
        self.egress.moved(self.address)

    async def answer(self, worker: str, request: Request) -> tuple[Response, bool]:
        """A worker's answer to a request as it comes in over HTTP, and whether old code made it. Raises as `fetch`."""
        if not self._ready.is_set():
            await self._ready.wait()
        if HANDLER_PATH in request.url or (self._hosting.test_scheduled and TEST_SCHEDULED in request.url):
            by_path = self._hosting.test_scheduled
            answer = await trigger(self.workers, self.clock, worker, request, test_scheduled=by_path)
            if answer is not None:
                return answer, False
        return await self.workers.fetch_with_status(worker, request)

    async def _own_when_ready(self, request: Request) -> Response:
        if not self._ready.is_set():
            await self._ready.wait()
        return await self._routes.handle(request)

    def _resolve(self, label: str) -> str | None:
        """A worker's canonical name by any spelling. Called for every request."""
        return self._names.get(label) or self._names.get(fold(label))

    async def configure(self, config: SandboxConfig) -> None:
        """Take up a configuration that was read again: routes, names, pipelines, secrets. Workers are not loaded here."""
        self.egress.configure(config.egress, config.root)
        self._take(config)
        self.faults.configure(config.faults)
        await self._configure_orchestrator()
        self._know_secrets()

    def take_worker(self, worker: WorkerConfig) -> None:
        """Take up one worker's configuration: its namespaces, address and secrets are news to others than the loader."""
        self._take(replace(self.config, workers={**self.config.workers, worker.name: worker}))
        self._know_secrets()

    def _take(self, config: SandboxConfig) -> None:
        self.config = config
        self._names = {fold(worker.deployed_as): name for name, worker in config.workers.items() if worker.deployed_as}
        self._names |= {fold(name): name for name in config.workers}
        self._names |= {worker.host_label: name for name, worker in config.workers.items()}
        if hasattr(self, "crons"):
            self.crons.configure(config.workers)

    def _know_secrets(self) -> None:
        secrets = [value for worker in self.config.workers.values() for value in worker.secrets.values()]
        tokens = [self.orchestrator.token(name) for name in self.config.workers]
        self.redact.know([*secrets, *tokens, self.admin_token])

    async def _configure_orchestrator(self) -> None:
        infos = worker_infos(self.config, self.config.workers, self.port)
        await self.orchestrator.configure(self.config.pipelines, infos)
