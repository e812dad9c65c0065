"""The hosted workers by name, and which generation of each serves now."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from sandbox.config.models import WorkerConfig, fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound, UserError, WorkerUnavailable
from sandbox.loader import shared
from sandbox.loader.concerns import saved_meanwhile
from sandbox.loader.failing import failed
from sandbox.loader.failures import describe_failure, headline, hint_for
from sandbox.loader.finder import what_is_read
from sandbox.loader.generation import Entry, Generation, load_generation
from sandbox.loader.lease import Lease
from sandbox.loader.opened import what_is_opened
from sandbox.loader.reclaim import Sweeper
from sandbox.loader.slot import Slot, WorkerStatus
from sandbox.runtime.context import WorkerContext
from sandbox.runtime.protocols import Emit, Points
from sandbox.runtime.web import Request, Response

RETRY_EVERY_S = 1.0
# How a generation is made of a worker's configuration, its number and its context.
Load = Callable[[WorkerConfig, int, WorkerContext], Generation]
# What answers before a worker that has assets is asked; None: the worker is to answer.
Front = Callable[[WorkerConfig, Request], Awaitable[Response | None]]


class WorkerRegistry:
    """Implements `Invoke` over the workers added to it.

    `make_context(config)` gives each generation what its code stands on, `load_config(folder)` reads a worker's
    configuration again before a reload. `on_error` is what happens when new code does not load: "stale" lets the last
    good generation serve on, "fail" makes requests fail until the code is mended. With more than one of `isolates` each
    worker has so many copies, which serve in turn and share no globals.

    Events: `reload`, `reload.failed`, `request.stale` (worker, generation, error) once for each request that old code
    answers, `exception` (worker, text) for each exception of worker code.
    """

    def __init__(
        self,
        make_context: Callable[[WorkerConfig], WorkerContext],
        load_config: Callable[[Path], WorkerConfig],
        emit: Emit,
        on_error: Literal["stale", "fail"] = "stale",
        points: Points | None = None,
        load: Load = load_generation,
        front: Front | None = None,
        isolates: int = 1,
    ) -> None:
        self._make_context = make_context
        self._load_config = load_config
        self._emit = emit
        self._on_error = on_error
        self._points = points or Points()
        self._load = load
        self._front = front
        self._isolates = isolates
        # By folded name, and by each spelling seen since (so that the usual one is found at once).
        self._slots: dict[str, Slot] = {}
        self._spellings: dict[str, Slot] = {}
        self._sweeper = Sweeper()

    # -- which workers there are ---------------------------------------------------------------------------------

    async def add(self, config: WorkerConfig) -> WorkerStatus:
        """Load a worker's first generation. Code that does not load is not raised: it is an event and in the status.

        Raises UserError when another worker has the name.
        """
        self.declare(config)
        slot = self._find(config.name)
        self._renew(slot, config)
        return slot.status()

    def declare(self, config: WorkerConfig) -> None:
        """Take a worker in without loading it: the first event it is asked to serve does that. Raises as `add`."""
        if fold(config.name) in self._slots:
            raise UserError(f"two workers are called {config.name}", code="duplicate_worker")
        self._slots[fold(config.name)] = Slot(config.name, config)

    def serving(self, name: str) -> Generation:
        """The generation that serves now, loaded where it was not yet. Raises NotFound, WorkerUnavailable."""
        return self._serving(name, None)[0]

    async def reload(self, name: str, *, reread: bool = True) -> WorkerStatus:
        """Read a worker's configuration and code again. New requests go to the new generation; the old one is let go
        when its requests have ended. Raises NotFound for an unknown name, and nothing for code that does not load.

        Without `reread` only its code, by the configuration as it is known (unless that is what failed last).
        """
        slot = self._find(name)
        if not reread and not isinstance(slot.failure, UserError):
            self._renew(slot, slot.config)
            return slot.status()
        try:
            config = self._load_config(slot.config.root)
            if fold(config.name) != fold(slot.name):
                raise UserError(f"{slot.name} is called {config.name} now", hint="restart the sandbox")
        except UserError as problem:
            self._fail(slot, slot.config, problem)
        else:
            self._renew(slot, config)
        return slot.status()

    async def remove(self, name: str) -> None:
        """Forget a worker; requests that run are finished first, by themselves."""
        slot = self._find(name)
        del self._slots[fold(slot.name)]
        self._spellings.clear()
        for generation in slot.current():
            generation.retire()

    def names(self) -> list[str]:
        """The canonical names, in the order they were added."""
        return [slot.name for slot in self._slots.values()]

    def has(self, name: str) -> bool:
        return fold(name) in self._slots

    def config(self, name: str) -> WorkerConfig:
        """The configuration that was read last. Raises NotFound."""
        return self._find(name).config

    def status(self, name: str) -> WorkerStatus:
        """How a worker stands. Raises NotFound."""
        return self._find(name).status()

    def generation(self, name: str) -> Generation | None:
        """The generation that serves, or would serve stale."""
        return self._find(name).generation

    def busy(self) -> list[Generation]:
        """The generations, old ones too, that an event, `waitUntil` work or a lease holds."""
        generations = (g for slot in self._slots.values() for g in (*slot.current(), *slot.older))
        return [generation for generation in generations if generation is not None and generation.busy]

    def opened(self, name: str) -> Collection[str]:
        """The files of its own folder that a worker's code read, also where that made it fail, as real paths."""
        return self._find(name).opened()

    def edited(self, name: str, path: str) -> None:
        """As `Generation.edited`, for every copy that serves."""
        for generation in self._find(name).current():
            generation.edited(path)

    async def reload_shared(self, package: str) -> None:
        """Forget a package that workers import from outside their folders, and reload those that do."""
        shared.forget(package)
        for slot in list(self._slots.values()):
            if slot.generation is not None and package in slot.generation.shared:
                self._renew(slot, slot.config)

    # -- Invoke --------------------------------------------------------------------------------------------------

    async def fetch(
        self, worker: str, request: Request, *, entrypoint: str | None = None, props: Mapping[str, Any] | None = None
    ) -> Response:
        if self._points.request is None:
            return await self._fetch(worker, request, entrypoint, props)
        name = self._find(worker).name
        return await self._points.request.request(
            name, request, lambda passed: self._fetch(worker, passed, entrypoint, props)
        )

    async def _fetch(
        self, worker: str, request: Request, entrypoint: str | None, props: Mapping[str, Any] | None
    ) -> Response:
        slot = self._spellings.get(worker) or self._find(worker)
        if slot.config.assets is not None and entrypoint is None and self._front is not None:
            response = await self._front(slot.config, request)
            if response is not None:
                return response
        generation = slot.generation
        if generation is None or slot.failure is not None:
            generation = self._despite(slot)
        if slot.copies:
            generation = slot.next_copy()
        entry = generation.entry(entrypoint)
        try:
            return await generation.fetch(request, entry=entry, props=props)
        except BaseException as error:
            raise failed(error, generation, self._emit, request) from error

    async def fetch_held(self, lease: Lease, request: Request) -> Response:
        """As `fetch`, by the generation that `lease` holds, whatever serves now."""
        if self._points.request is None:
            return await self._fetch_held(lease.generation, request)
        return await self._points.request.request(
            lease.generation.config.name, request, lambda passed: self._fetch_held(lease.generation, passed)
        )

    async def _fetch_held(self, generation: Generation, request: Request) -> Response:
        try:
            return await generation.fetch(request)
        except BaseException as error:
            raise failed(error, generation, self._emit, request) from error

    async def fetch_with_status(
        self, worker: str, request: Request, *, entrypoint: str | None = None, props: Mapping[str, Any] | None = None
    ) -> tuple[Response, bool]:
        """As `fetch`, and whether an old generation answered because the newest code does not load."""
        slot = self._spellings.get(worker) or self._find(worker)
        if slot.failure is not None:
            self._try_again(slot)
        stale = slot.failure is not None
        return await self.fetch(worker, request, entrypoint=entrypoint, props=props), stale

    async def rpc(
        self,
        worker: str,
        method: str,
        args: Sequence[Any],
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> Any:
        generation, entry = self._serving(worker, entrypoint)
        try:
            return await generation.rpc(method, args, entry=entry, props=props)
        except BaseException as error:
            raise failed(error, generation, self._emit, what=f"RPC {method}()") from error

    async def scheduled(
        self,
        worker: str,
        *,
        scheduled_time_ms: float,
        cron: str,
        entrypoint: str | None = None,
        no_retry: Callable[[], None] | None = None,
    ) -> None:
        generation, entry = self._serving(worker, entrypoint)
        try:
            await generation.scheduled(scheduled_time_ms=scheduled_time_ms, cron=cron, entry=entry, no_retry=no_retry)
        except BaseException as error:
            raise failed(error, generation, self._emit, what=f"scheduled {cron}") from error

    def lease(self, worker: str) -> Lease:
        """Keep the generation that serves now alive until the lease is released (`with registry.lease(name)`), over
        several calls or a streamed body. Raises as `fetch` does."""
        slot = self._find(worker)
        generation = slot.generation
        if generation is None or slot.failure is not None:
            generation = self._despite(slot)
        if slot.copies:
            generation = slot.next_copy()
        return generation.lease(stale=slot.failure is not None)

    async def close(self, grace: float) -> list[str]:
        """Wait up to `grace` seconds for requests and `waitUntil` work, cut what is left, and let everything go.

        Returns the names of the workers that were cut.
        """
        generations = [g for slot in self._slots.values() for g in (*slot.current(), *slot.older)]
        clock = asyncio.get_running_loop().time  # which stands still while a debugger holds the process
        deadline = clock() + grace
        # Again until none is busy: what still runs may call another worker.
        while busy := [g for g in generations if g.busy]:
            left = deadline - clock()
            if left <= 0:
                break
            await asyncio.wait([asyncio.ensure_future(g.idle()) for g in busy], timeout=left)
        cut = sorted({g.config.name for g in generations if g.busy})
        for generation in generations:
            await generation.cut()
        self._sweeper.close()
        return cut

    # -- inside --------------------------------------------------------------------------------------------------

    def _find(self, name: str) -> Slot:
        slot = self._slots.get(fold(name))
        if slot is None:
            raise NotFound(f"there is no worker called {name!r}", hint=choices(name, workers=self.names()))
        self._spellings[name] = slot
        return slot

    def _serving(self, worker: str, entrypoint: str | None) -> tuple[Generation, Entry]:
        slot = self._spellings.get(worker) or self._find(worker)
        generation = slot.generation
        if generation is None or slot.failure is not None:
            generation = self._despite(slot)
        if slot.copies:
            generation = slot.next_copy()
        return generation, generation.entry(entrypoint)

    def _despite(self, slot: Slot) -> Generation:
        """The generation that may serve although the newest code does not load, or was not loaded yet."""
        if not slot.attempts:
            self._renew(slot, slot.config)
        self._try_again(slot)
        if slot.generation is not None and slot.failure is None:
            return slot.generation
        if slot.generation is None or self._on_error == "fail":
            raise WorkerUnavailable(
                slot.name, slot.error or f"{slot.name} is not loaded", hint=slot.hint
            ) from slot.failure
        self._emit("request.stale", worker=slot.name, generation=slot.generation.number, error=slot.error)
        return slot.generation

    def _try_again(self, slot: Slot) -> None:
        """A package that was missing may have been installed meanwhile: nobody saves a file for that. Once a second."""
        if not isinstance(slot.failure, ModuleNotFoundError) or slot.hint is None:
            return
        now = time.monotonic()
        if now < slot.next_try:
            return
        slot.next_try = now + RETRY_EVERY_S
        importlib.invalidate_caches()
        if importlib.util.find_spec((slot.failure.name or "").partition(".")[0]) is not None:
            self._renew(slot, slot.config)

    def _renew(self, slot: Slot, config: WorkerConfig) -> None:
        """Load `config`'s code and let it serve; on an error keep what there is. Nothing is awaited in between, so a
        request finds the old generation or the new one and never none."""
        started = time.perf_counter()
        old, before = slot.generation, slot.current()
        slot.attempts += 1
        generation, failure = None, None
        copies: list[Generation] = []
        with what_is_read() as read, what_is_opened() as tried:
            try:
                for _ in range(self._isolates):
                    copies.append(self._load(config, slot.attempts, self._make_context(config)))
                generation = copies[0]
            except BaseException as error:  # whatever a module raises when it is imported
                failure = error
        slot.settled = old is None or not saved_meanwhile(read, old.files)
        if not slot.settled:
            slot.attempts -= 1
            self._drop(copies)
            return
        slot.tried = frozenset(tried) if generation is None else frozenset()
        if generation is None:
            assert failure is not None
            self._drop(copies)
            self._fail(slot, config, failure)
            return
        slot.config, slot.generation = config, generation
        slot.failure = slot.error = slot.hint = None
        slot.loaded_at = generation.context.clock.now()
        slot.copies = copies if self._isolates > 1 else []
        for copy in copies:
            copy.when_released(lambda copy=copy: self._released(slot, copy))  # type: ignore[misc]
        for replaced in before:
            slot.older.add(replaced)
            replaced.retire()
        milliseconds = (time.perf_counter() - started) * 1000
        self._emit("reload", worker=slot.name, generation=generation.number, ms=milliseconds)

    def _fail(self, slot: Slot, config: WorkerConfig, error: BaseException) -> None:
        slot.failure, slot.hint = error, hint_for(error, config)
        slot.error = error.message if isinstance(error, UserError) else headline(error, config)
        text = slot.error if isinstance(error, UserError) else describe_failure(error, config)
        stale = slot.generation is not None and self._on_error == "stale"
        self._emit("reload.failed", worker=slot.name, error=text, stale=stale)

    def _drop(self, copies: Collection[Generation]) -> None:
        """Let go of what is not to serve."""
        for copy in copies:
            copy.retire()
        if copies:
            self._sweeper.soon()

    def _released(self, slot: Slot, generation: Generation) -> None:
        slot.older.discard(generation)
        self._sweeper.soon()
