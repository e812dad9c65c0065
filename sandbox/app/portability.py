"""What would fail on Cloudflare, of the workers of a sandbox that is up: read in their files, and seen while they run."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sandbox.config.models import WorkerConfig
from sandbox.events import Event
from sandbox.loader.tasks import install_task_watch
from sandbox.portability.findings import Finding
from sandbox.portability.running import Running, WorkerChecks
from sandbox.runtime.exchange import json_response
from sandbox.runtime.web import Request, Response

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox

logger = logging.getLogger("sandbox.app.portability")

GATHER_S = 0.3
"""Reloads in quick succession are read once."""


class Portability:
    """`start` it before a worker is loaded; `look` reads files, and from then on those of each worker that is reloaded."""

    def __init__(self, sandbox: Sandbox, *, strict: bool) -> None:
        self._sandbox = sandbox
        self._strict = strict
        self._running: Running
        self._reloaded: set[str] = set()
        self._follows = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> Callable[[], None]:
        """Watch what workers do. Returns what ends that."""
        sandbox = self._sandbox
        emit = sandbox.contexts.emit_redacted
        self._running = Running(emit, sandbox.clock, sandbox.config.root, strict=self._strict)
        self._running.when_unread = self._read_soon
        undo = [sandbox.events.subscribe(self._on_reload, "reload"), install_task_watch(asyncio.get_running_loop())]

        def stop() -> None:
            if self._task is not None:
                self._task.cancel()
            for each in undo:
                each()

        return stop

    def checks(self, config: WorkerConfig) -> WorkerChecks:
        """What one generation of a worker is watched by."""
        return self._running.of(config)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything told since the start."""
        return self._running.findings

    async def look(self) -> None:
        """Read the files of all workers, in a thread; of those that are reloaded from now on as well."""
        self._follows = True
        for note in await self._read(list(self._sandbox.config.workers.values())):
            self._sandbox.events.emit("portability.note", text=note)

    async def handle(self, request: Request) -> Response:
        """`GET /api/check`: the findings so far, also of what workers did."""
        return json_response({"success": True, "findings": [finding.as_json() for finding in self.findings]})

    def _is_told(self, worker: str) -> bool:
        """Whether the console has said that the worker does not load for its syntax."""
        workers = self._sandbox.workers
        error = workers.status(worker).error if workers.has(worker) else None
        return error is not None and re.search(r": (Syntax|Indentation|Tab)Error\b", error) is not None

    def _on_reload(self, event: Event) -> None:
        if self._follows:
            self._reloaded.add(event.fields["worker"])
            self._read_soon()

    def _read_soon(self) -> None:
        if self._follows and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._read_reloaded())

    async def _read_reloaded(self) -> None:
        while self._reloaded or self._running.unread:
            await asyncio.sleep(GATHER_S)
            names, self._reloaded = self._reloaded, set()
            workers = self._sandbox.config.workers
            await self._read([workers[name] for name in names if name in workers])

    async def _read(self, workers: list[WorkerConfig]) -> Iterable[str]:
        """Tell what the files tell of; what else is worth a note is returned."""
        findings, notes = await asyncio.to_thread(_unportable, workers)
        self._running.tell(f for f in findings if f.row != "interpreter" or not self._is_told(f.worker))
        while self._running.unread:
            await asyncio.to_thread(self._running.unread.pop(0))
        return notes


def _unportable(workers: list[WorkerConfig]) -> tuple[Iterable[Finding], Iterable[str]]:
    """Findings and notes. What is missing here is told apart from them, with one line that installs it."""
    from sandbox.portability.check import check, far_from  # with `packaging` and all distributions: not for every start

    for last in (False, False, True):
        try:
            return [finding for finding in check(workers).findings if finding.row != "dependency"], far_from(workers)
        except OSError as error:  # a file went while it was read: the watcher tells of that
            logger.warning("the workers were not checked for Cloudflare: %s", error)
            return [], []
        except SystemError:  # CPython 3.11 counts the depth of syntax trees for all threads together
            if last:
                logger.warning("the workers were not checked for Cloudflare this time; sandbox check does it")
        except Exception:
            logger.exception("the workers were not checked for Cloudflare")
            return [], []
    return [], []
