"""The fixture's object: a sandbox of one test's own, in process, without a port, offline, under a clock that stands."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from sandbox.app import Sandbox
from sandbox.app.hosting import Hosting
from sandbox.app.ports import worker_url
from sandbox.bindings.kv import KvStore
from sandbox.config.load import Loaded
from sandbox.config.models import SandboxConfig
from sandbox.events.bus import Event
from sandbox.loader.output import unrouted
from sandbox.loader.reuse import module_of
from sandbox.orchestrator import codec
from sandbox.runtime.context import WorkerContext, current_worker
from sandbox.testing.clock import TestClock
from sandbox.testing.copies import TestCopies
from sandbox.testing.egress import TestEgress
from sandbox.testing.errors import Misuse
from sandbox.testing.executions import Execution
from sandbox.testing.kv import KvHandle, find_namespace
from sandbox.testing.meaning import worker_meant
from sandbox.testing.output import LogLine, Output
from sandbox.testing.project import named
from sandbox.testing.responses import WorkerResponse
from sandbox.testing.tasks import TaskWatch
from sandbox.testing.workers import WorkerHandle

GRACE_S = 1.0
"""How long `waitUntil` work may go on when a test has ended, by the machine's time."""


class Bench:
    """What the fixture `sandbox` gives. It starts with the test (or with the first `await` of a fixture before it), on
    the test's own event loop, and stops when the test function has ended."""

    def __init__(self, config: SandboxConfig, under_test: str | None, copies: TestCopies) -> None:
        hosting = Hosting(lazy=True, throwaway=True, debugger=False, seed=0, load=copies.load)
        self._copies = copies
        self.clock = TestClock()
        self.egress = TestEgress()
        self._state = Path(tempfile.mkdtemp(prefix="sandbox-test-"))
        self.config = replace(config, state=self._state, faults=())  # those of the test, not those of sandbox.toml
        self._under_test = under_test
        self._sandbox = Sandbox(Loaded(self.config), serve=False, watch=False, clock=self.clock, hosting=hosting)
        self.faults = self._sandbox.faults
        self._own: WorkerContext | None = None
        self._output = Output(self._sandbox.events, lambda: self._own)
        self._tasks = TaskWatch()
        self._responses: weakref.WeakSet[WorkerResponse] = weakref.WeakSet()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting: asyncio.Task[None] | None = None
        self._up = self._over = False
        self._undo: list[Callable[[], None]] = []

    # -- what a test uses ----------------------------------------------------------------------------------------------

    def worker(self, name: str | None = None) -> WorkerHandle:
        """A hosted worker by any spelling of its name; without one the worker under test. Raises Misuse."""
        if name is not None:
            return WorkerHandle(self, named(self.config, name))
        if self._under_test is None:
            raise Misuse(
                f"which worker? There are {', '.join(self.config.workers)}", hint='sandbox.worker("...") names one'
            )
        return WorkerHandle(self, self._under_test)

    def kv(self, name: str, *, worker: str | None = None) -> KvHandle:
        """A KV namespace by its binding (of `worker`, or of whichever worker has it) or by its id. Raises Misuse
        where several workers bind different namespaces under that name."""
        namespace = find_namespace(self.config, name, None if worker is None else named(self.config, worker))

        async def store() -> KvStore:
            return (await self.up()).kv.get(namespace)

        return KvHandle(namespace, store)

    async def run(self, name: str, /, *, input: Any = None, **parameters: Any) -> Execution:
        """Run a pipeline, or drive one worker, to its end, whatever that is. Delays before retries cost no time: the
        clock moves by itself where nothing but the clock is waited for. Raises NotFound, BadParameters."""
        sandbox = await self.up()
        options = {} if input is None else {"input": input}
        details = await self.clock.move_while(sandbox.run(name, parameters, **options))
        outputs = {}
        for stage in details["stages"]:
            if stage["output_ref"] is not None:
                data = await sandbox.orchestrator.read_output(details["execution_id"], stage["name"])
                outputs[stage["name"]] = codec.loads(data)
        return Execution(details, outputs)

    async def settled(self) -> None:
        """Return when no worker is at work any more: requests, cron triggers that are due by the clock, and what they
        gave to `waitUntil`."""
        sandbox = await self.up()
        await sandbox.crons.caught_up()
        await self._idle(sandbox, None)

    @property
    def logs(self) -> list[LogLine]:
        """What workers printed and logged so far, line by line."""
        return self._output.logs

    @property
    def events(self) -> list[Event]:
        """Everything that happened so far: requests, KV writes, outbound calls, stages, log lines."""
        return self._output.events

    @property
    def app(self) -> Sandbox:
        """The sandbox itself."""
        return self.running()

    # -- for the handles and the plugin --------------------------------------------------------------------------------

    def url_of(self, worker: str) -> str:
        return worker_url(self.config.workers[worker], self._sandbox.port)

    def module_meant(self, name: str, test_file: Path | None) -> ModuleType | None:
        """The module that `import name` means in this test; None where it is no worker's. Raises AmbiguousName."""
        worker = worker_meant(name, self.config.workers.values(), self._under_test, test_file)
        if worker is None or self._over:
            return None
        if self._up:
            return module_of(self._sandbox.workers.serving(worker.name), name)
        return self._copies.module(worker, name)

    def answered(self, response: WorkerResponse) -> WorkerResponse:
        """Remember a response: a body nobody reads is dropped at the end of the test."""
        self._responses.add(response)
        return response

    def running(self) -> Sandbox:
        """The sandbox, up already. Raises Misuse where it is not."""
        if not self._up:
            raise Misuse(
                "the sandbox of this test is not up" + (" any more" if self._over else " yet"),
                hint="it is up while the test function runs; before that, in an async fixture, from the first await on",
            )
        return self._sandbox

    async def up(self) -> Sandbox:
        """The sandbox, started where it is not up yet."""
        if self._over:
            return self.running()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise Misuse(
                "`sandbox` is used on two event loops: it started on the one of a fixture, and this is another",
                hint="give the test and its async fixtures one loop (with pytest-asyncio in strict mode: mark the test "
                "@pytest.mark.asyncio; loop_scope must be the same)",
            )
        if not self._up:
            if self._starting is None:
                self._starting = asyncio.ensure_future(self._start())
            await self._starting
        return self._sandbox

    async def _start(self) -> None:
        sandbox = self._sandbox
        await sandbox.start()
        self._undo += [self._output.open(), self._tasks.open()]
        self.egress.attach(sandbox.egress, sandbox.workers, sandbox.port)
        self._up = True

    @property
    def started(self) -> bool:
        return self._up

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop it started on; None where it never did."""
        return self._loop

    @contextmanager
    def entered(self) -> Iterator[None]:
        """While entered, the code that runs, the test's own, is the worker under test: its `fetch` goes that way out."""
        before = current_worker.get()
        sandbox = self.running()
        if self._under_test is None:
            own = WorkerContext("test", outbound=sandbox.egress, clock=self.clock)
        else:
            own = sandbox.context_of(self._under_test)
        own.shared = True
        self._own = own
        current_worker.set(own)
        try:
            with unrouted(own):
                yield
        finally:
            current_worker.set(before)

    def abandon(self) -> None:
        """Remove what a sandbox that cannot be stopped any more (its loop is gone), or never started, left on disk."""
        if not self._over:
            self._over, self._up = True, False
            while self._undo:
                self._undo.pop()()
            shutil.rmtree(self._state, ignore_errors=True)

    async def stop(self) -> None:
        """Name what still runs, end it, and close and remove everything. Idempotent."""
        if self._over:
            return
        try:
            if self._up:
                await self._end_work()
            await self._sandbox.stop(0)
        finally:
            self._over, self._up = True, False
            while self._undo:
                self._undo.pop()()
            shutil.rmtree(self._state, ignore_errors=True)
        if self.egress.problems:
            raise self.egress.problems[0]

    async def _end_work(self) -> None:
        for response in list(self._responses):
            await response.close()
        await self._idle(self._sandbox, GRACE_S)
        leaked = await self._tasks.leaked()
        for task in leaked:
            self._tasks.warn(task)
            task.cancel()
        if leaked:
            await asyncio.wait(leaked, timeout=GRACE_S)

    async def _idle(self, sandbox: Sandbox, grace: float | None) -> None:
        deadline = None if grace is None else time.monotonic() + grace
        while busy := sandbox.workers.busy():
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            waits = [asyncio.ensure_future(generation.idle()) for generation in busy]
            _, late = await asyncio.wait(waits, timeout=left)
            for wait in late:
                wait.cancel()
            if late:
                return
