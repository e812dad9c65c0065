"""One generation of a worker: its code as it was when it was loaded, and the events it serves.

Events are dispatched as workerd does: a new instance of the entrypoint class for each, `fetch` with as many of (request,
env, ctx) as it takes (env and ctx None), `scheduled` with exactly three, RPC methods with what they were given.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextvars import copy_context
from typing import Any

from sandbox.config.models import WorkerConfig
from sandbox.errors import LimitExceeded, NotFound
from sandbox.loader import names_as_text, opened, reclaim, shadowing
from sandbox.loader.controllers import ScheduledController
from sandbox.loader.entrypoints import Entrypoint, Exports, exports_of, positional_arguments
from sandbox.loader.failures import NO_FETCH, describe_failure, not_a_response
from sandbox.loader.imports import Namespace
from sandbox.loader.lease import Lease
from sandbox.loader.output import end_lines
from sandbox.loader.post_mortem import post_mortem
from sandbox.loader.tasks import end_tasks, hold_for_body
from sandbox.runtime import install as install_runtime
from sandbox.runtime.context import ExecutionContext, Invocation, WorkerContext, current_invocation, current_worker
from sandbox.runtime.switching import MENTIONS, Switching
from sandbox.runtime.tasks import on_own_stack
from sandbox.runtime.trace import current_trace
from sandbox.runtime.values import JsObject, structured_clone, throw, to_js
from sandbox.runtime.web import Request, Response

# Bodies that need no more of the worker's code.
_AT_HAND = (type(None), str, bytes)
# What serves an event: a class, or None for the main module's functions (old compatibility dates).
Entry = Entrypoint | None
_Before = tuple[WorkerContext | None, Invocation | None]
NO_SCHEDULED = "Handler does not export a scheduled() function."
_ENDED = (LimitExceeded, GeneratorExit, asyncio.CancelledError)


def load_generation(config: WorkerConfig, number: int, context: WorkerContext) -> Generation:
    """Import a worker's code, isolated. Raises what the import raises; nothing of it stays behind then."""
    install_runtime()
    names_as_text.install()
    opened.install()
    if config.has_main and config.main_module in shadowing.NEVER_OWN:
        raise ImportError(
            f"{config.main.name} cannot be a main module: on Cloudflare {config.main_module!r} is a module that is loaded "
            f"already; call the file entry.py",
            path=str(config.main),
        )
    namespace = Namespace(config.name, number, root=config.module_root, boundary=config.root, main=config.main)
    namespace.open(context)
    if not config.has_main:
        return Generation(config, number, context, namespace, Exports({}, {}), set())
    handlers = reclaim.handlers_in_use()
    before, invocation = current_worker.get(None), current_invocation.get()
    current_worker.set(context)
    current_invocation.set(None)
    context.importing = True
    try:
        # In a context of its own: what it sets there (Django a language) would hold its modules.
        main = copy_context().run(importlib.import_module, f"{namespace.prefix}.{namespace.main_name}")
        exports = exports_of(main, config)
    except SystemExit as stop:
        reclaim.forget(namespace, reclaim.handlers_in_use() - handlers)
        raise ImportError(f"{config.name} called sys.exit({stop.code!r}) while it was imported") from stop
    except BaseException:
        reclaim.forget(namespace, reclaim.handlers_in_use() - handlers)
        raise
    finally:
        context.importing = False
        current_worker.set(before)
        current_invocation.set(invocation)
        end_lines(context)
    namespace.keep_sources()
    if Switching.for_library or any(word in source for source in namespace.sources.values() for word in MENTIONS):
        context.switches = Switching.load()
    return Generation(config, number, context, namespace, exports, reclaim.handlers_in_use() - handlers)


class Generation:
    """Loaded code of one worker. Serves until `retire()`; when the last event after that has ended (with its
    `waitUntil` work) its modules are forgotten and can be freed."""

    def __init__(
        self,
        config: WorkerConfig,
        number: int,
        context: WorkerContext,
        namespace: Namespace,
        exports: Exports,
        handlers: set[Any],
    ) -> None:
        self.config = config
        self.number = number
        self.context = context
        self._namespace = namespace
        self._exports = exports
        self._default: Entry = exports.classes.get("Default")
        self._handlers = handlers
        self._env = context.env
        self._sdk = importlib.import_module("workers")
        self._sdk_request = self._sdk.Request
        self._held = 0
        self._retired = False
        self._released = False
        self._drains: set[asyncio.Task[list[BaseException]]] = set()
        self._idle: list[asyncio.Future[None]] = []
        self._on_release: list[Callable[[], None]] = []

    # -- what it offers ------------------------------------------------------------------------------------------

    @property
    def files(self) -> Mapping[str, bytes]:
        """The source files it has imported, as real paths, each with a digest of what was run (b"": not run yet)."""
        return self._namespace.files

    @property
    def opened(self) -> Collection[str]:
        """The other files of the worker's folder that it has read so far, as real paths."""
        return self._namespace.opened

    @property
    def shared(self) -> Collection[str]:
        """The top-level packages from elsewhere that it has imported itself."""
        return self._namespace.shared

    def edited(self, path: str) -> None:
        """A source that it has not imported so far was saved: that is what it imports when it does, now and later."""
        self._namespace.keep_source(path)

    @property
    def entrypoints(self) -> tuple[str, ...]:
        """The names of its entrypoint classes, `Default` among them."""
        return tuple(self._exports.classes)

    def entry(self, name: str | None) -> Entry:
        """The entrypoint called `name` (None: the default one). Raises NotFound."""
        if name is None or name == "default":
            return self._default
        try:
            return self._exports.classes[name]
        except KeyError:
            known = ", ".join(self._exports.classes) or "none"
            message = f"{self.config.name} has no entrypoint called {name!r}"
            raise NotFound(message, hint=f"its entrypoints: {known}") from None

    # -- events --------------------------------------------------------------------------------------------------

    async def fetch(
        self,
        request: Request,
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
        entry: Entry = None,
    ) -> Response:
        """Answer a request. Raises what the worker's code raises; TypeError where its answer is not a Response.

        Give the `entry` that `entry(name)` returned, or the entrypoint's name.
        """
        if entry is None:
            entry = self.entry(entrypoint)
        ctx, before = self._begin("fetch", props, request)
        try:
            if entry is None:
                handler, arguments = self._function("fetch", NO_FETCH, request, ctx)
                result = await on_own_stack(handler, *arguments) if self.context.switches else handler(*arguments)
            elif entry.fetch_arguments < 0:
                raise TypeError(NO_FETCH)
            else:
                handler = entry.cls(ctx, self._env).fetch
                count = entry.fetch_arguments
                arguments = (self._sdk_request(request), None, None)[:count] if count else ()
                result = await on_own_stack(handler, *arguments) if self.context.switches else handler(*arguments)
            if inspect.isawaitable(result):
                result = await result
            response = self._to_js(result, raw=entry is None)
            if not isinstance(response, Response):
                raise not_a_response(result, handler, self.config)
            if not isinstance(response._body, _AT_HAND):
                hold_for_body(self, response, ctx)
            return response
        finally:
            self._end(ctx, before)

    async def rpc(
        self,
        method: str,
        args: Sequence[Any],
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
        entry: Entry = None,
    ) -> Any:
        """Call a method with JavaScript values; the result is one. Raises what the worker's code raises, JavaScript's
        TypeError for names that are no public method of the class."""
        if entry is None:
            entry = self.entry(entrypoint)
        if entry is None or method not in entry.methods:
            throw("TypeError", f'The RPC receiver does not implement the method "{method}".')
        ctx, before = self._begin("rpc", props)
        try:
            bound = getattr(entry.cls(ctx, self._env), method)
            arguments = [self._sdk.python_from_rpc(argument) for argument in args]
            result = await on_own_stack(bound, *arguments) if self.context.switches else bound(*arguments)
            if inspect.isawaitable(result):
                result = await result
            # Cloned here: the stub of a function runs as this worker, not as whoever calls it.
            return structured_clone(self._sdk.python_to_rpc(result))
        finally:
            self._end(ctx, before)

    async def scheduled(
        self,
        *,
        scheduled_time_ms: float,
        cron: str,
        entrypoint: str | None = None,
        entry: Entry = None,
        no_retry: Callable[[], None] | None = None,
    ) -> None:
        """Run the `scheduled` handler: exactly three arguments (controller, None, None), as workerd gives them."""
        if entry is None:
            entry = self.entry(entrypoint)
        controller = ScheduledController(scheduled_time_ms, cron, no_retry)
        ctx, before = self._begin("scheduled")
        try:
            if entry is None:
                function, arguments = self._function("scheduled", NO_SCHEDULED, controller, ctx)
                result = await on_own_stack(function, *arguments) if self.context.switches else function(*arguments)
            else:
                handler = getattr(entry.cls(ctx, self._env), "scheduled", None)
                if handler is None:
                    raise TypeError(NO_SCHEDULED)
                arguments = (controller, None, None)
                result = await on_own_stack(handler, *arguments) if self.context.switches else handler(*arguments)
            if inspect.isawaitable(result):
                await result
        finally:
            self._end(ctx, before)

    async def test(self, controller: Any = None, *, entrypoint: str | None = None) -> None:
        """Run the `test` handler, as workerd's own test runner does."""
        entry = self.entry(entrypoint)
        ctx, before = self._begin("test")
        try:
            if entry is None:
                raise TypeError("Handler does not export a test() function.")
            handler = entry.cls(ctx, self._env).test
            arguments = (controller, None, None)[: positional_arguments(handler, 3)]
            result = await on_own_stack(handler, *arguments) if self.context.switches else handler(*arguments)
            if inspect.isawaitable(result):
                await result
        finally:
            self._end(ctx, before)

    def _begin(
        self, kind: str, props: Mapping[str, Any] | None = None, request: Request | None = None
    ) -> tuple[ExecutionContext, _Before]:
        """Hold the generation for an event and say which worker and invocation are current."""
        ctx = ExecutionContext(None if props is None else _js_object(props))
        before = (current_worker.get(), current_invocation.get())
        self._held += 1
        trace = current_trace.get()
        if trace is not None:
            trace.generation = self.number
        current_worker.set(self.context)
        depth = 1 if before[1] is None else before[1].depth + 1
        invocation = Invocation(self.context, ctx, kind=kind, request=request, depth=depth)
        if request is not None:
            request._owner = invocation
        current_invocation.set(invocation)
        return ctx, before

    def _end(self, ctx: ExecutionContext, before: _Before) -> None:
        # Put back by `set`: an event may end in another context than it began in (a generator closed late).
        current_worker.set(before[0])
        current_invocation.set(before[1])
        end_lines(self.context)
        if ctx._pending is not None:
            self._drain(ctx)
        else:
            if ctx._usage is not None:
                end_tasks(ctx, self.context)
            self._let_go()
        if ctx._exceeded is not None and not isinstance(sys.exc_info()[1], _ENDED):
            raise LimitExceeded(*ctx._exceeded)  # the worker's code has swallowed it

    def _function(
        self, event: str, missing: str, first: Any, ctx: ExecutionContext
    ) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Old compatibility dates: `on_fetch(request, env, ctx)`, raw JavaScript values, surplus ones dropped."""
        found = self._exports.functions.get(event)
        if found is None:
            raise TypeError(missing)
        function, count = found
        return function, (first, self._env, ctx)[:count]

    def _to_js(self, result: Any, *, raw: bool) -> Any:
        if isinstance(result, self._sdk.FetchResponse):
            return result.js_object
        if not raw:
            return self._sdk.python_to_rpc(result)
        return getattr(result, "js_object", getattr(result, "js_response", result))

    # -- life ----------------------------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether an event, `waitUntil` work, a streamed answer or a lease holds it."""
        return self._held > 0

    @property
    def released(self) -> bool:
        """Whether it was retired and everything of it has ended."""
        return self._released

    def lease(self, *, stale: bool = False) -> Lease:
        return Lease(self, stale=stale)

    def retire(self) -> None:
        """Serve no new events; let go of everything when the last one has ended (at once where there is none)."""
        self._retired = self._namespace.retired = True
        if not self._held:
            self._release()

    def when_released(self, action: Callable[[], None]) -> None:
        """Call `action` when it has been let go."""
        self._on_release.append(action)

    async def idle(self) -> None:
        """Return when nothing holds it."""
        while self._held:
            waiter = asyncio.get_running_loop().create_future()
            self._idle.append(waiter)
            await waiter

    async def cut(self) -> None:
        """End `waitUntil` work that is not finished, and let go."""
        for task in list(self._drains):
            task.cancel()
        if self._drains:
            await asyncio.wait(self._drains)
        self.retire()
        if not self._released:
            self._release()

    def _drain(self, ctx: ExecutionContext) -> None:
        """Hold the generation until the event's `waitUntil` work has ended."""
        task = asyncio.get_running_loop().create_task(ctx.drain(), name=f"waitUntil of {self.config.name}")
        self._drains.add(task)
        task.add_done_callback(lambda done: self._drained(done, ctx))

    def _drained(self, task: asyncio.Task[list[BaseException]], ctx: ExecutionContext) -> None:
        self._drains.discard(task)
        end_lines(self.context)
        if ctx._usage is not None:
            end_tasks(ctx, self.context)
        if not task.cancelled():
            for failure in task.result():
                if not isinstance(failure, asyncio.CancelledError):
                    text = "in waitUntil: " + describe_failure(failure, self.config)
                    self.context.emit("exception", worker=self.config.name, text=text)
                    post_mortem(failure, self.context, None, "in waitUntil")
        self._let_go()

    def _let_go(self) -> None:
        self._held -= 1
        if self._held:
            return
        waiting, self._idle = self._idle, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)
        if self._retired and not self._released:
            self._release()

    def _release(self) -> None:
        self._released = True
        for task in reclaim.leftover_tasks(self._namespace):
            # Started by the worker and awaited by nobody: on Cloudflare it ended with its request.
            task.cancel()
        reclaim.forget(self._namespace, self._handlers)
        self._exports = Exports({}, {})
        self._default = None
        self._handlers = set()
        actions, self._on_release = self._on_release, []
        for action in actions:
            action()


def _js_object(mapping: Mapping[str, Any]) -> Any:
    return to_js(mapping, dict_converter=JsObject.constructor.fromEntries)
