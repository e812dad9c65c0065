"""A worker as a test talks to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from sandbox.errors import WorkerFailed, WorkerUnavailable
from sandbox.loader.imports import owner_of
from sandbox.loader.reuse import module_of
from sandbox.runtime import exchange
from sandbox.runtime.context import ExecutionContext
from sandbox.runtime.values import structured_clone
from sandbox.runtime.web import Request
from sandbox.testing.errors import Misuse
from sandbox.testing.kv import KvHandle
from sandbox.testing.responses import WorkerResponse

if TYPE_CHECKING:
    from sandbox.loader.generation import Generation
    from sandbox.testing.bench import Bench

T = TypeVar("T")
_ABSENT: Any = object()


class WorkerHandle:
    """One hosted worker, or one of its named entrypoints. Whatever its code raises is raised in the test, with the
    worker's frames."""

    def __init__(self, bench: Bench, name: str, entrypoint: str | None = None) -> None:
        self.name = name
        self.rpc = Rpc(self)
        self._bench = bench
        self._entrypoint = entrypoint

    async def fetch(
        self,
        resource: Any = "/",
        *,
        method: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: Any = _ABSENT,
        body: str | bytes | None = None,
    ) -> WorkerResponse:
        """Send a request: a path ("/items?n=3"), a whole URL, or a Request (`workers.Request` or `js.Request`).

        The method is GET, or POST where there is a body. Redirects are not followed.
        """
        request = self._request(resource, method, headers, json, body)
        __tracebackhide__ = True
        sandbox = await self._bench.up()
        work = sandbox.workers.fetch(self.name, request, entrypoint=self._entrypoint)
        response = await _asked(self._bench, work)
        return self._bench.answered(WorkerResponse(response, request.url))

    async def scheduled(self, cron: str = "", time: datetime | float | None = None) -> None:
        """Run its `scheduled` handler, now by the test's clock or at `time` (a datetime, or seconds since the epoch)."""
        moment = time.timestamp() if isinstance(time, datetime) else time
        at = self._bench.clock.now() if moment is None else moment
        __tracebackhide__ = True
        sandbox = await self._bench.up()
        work = sandbox.workers.scheduled(self.name, scheduled_time_ms=at * 1000, cron=cron, entrypoint=self._entrypoint)
        await _asked(self._bench, work)

    async def call(self, method: str, *args: Any) -> Any:
        """Call a method over RPC: arguments and result are converted as the SDK does between two Python workers."""
        __tracebackhide__ = True
        sandbox = await self._bench.up()
        from workers import rpc  # the SDK, which needs the emulation that a sandbox installs

        given = [structured_clone(rpc.python_to_rpc(argument)) for argument in args]
        work = sandbox.workers.rpc(self.name, method, given, entrypoint=self._entrypoint)
        result = await _asked(self._bench, work)
        return rpc.python_from_rpc(result)

    def entrypoint(self, name: str) -> WorkerHandle:
        """Another of its entrypoint classes."""
        return WorkerHandle(self._bench, self.name, name)

    def kv(self, binding: str) -> KvHandle:
        """The namespace it binds under this name. Raises Misuse."""
        return self._bench.kv(binding, worker=self.name)

    @property
    def env(self) -> Any:
        """The `env` its entrypoints are made with, for `Default(ctx, env)`."""
        return self._generation().context.env

    @property
    def ctx(self) -> ExecutionContext:
        """A new `ctx` for `Default(ctx, env)`; `await ctx.drain()` waits for what it was given by `waitUntil`."""
        return ExecutionContext()

    def module(self, name: str) -> ModuleType:
        """The module its code imports as `name`, as it serves in this test. Raises ImportError."""
        return module_of(self._generation(), name)

    def _generation(self) -> Generation:
        try:
            return self._bench.running().workers.serving(self.name)
        except WorkerUnavailable as error:
            failure = _cause(error)
        raise failure

    def _request(self, resource: Any, method: str | None, headers: Any, json: Any, body: Any) -> Request:
        given = getattr(resource, "js_object", resource)
        if isinstance(given, Request):
            if method is not None or headers is not None or json is not _ABSENT or body is not None:
                raise Misuse("fetch(Request, ...) takes no method, headers, json or body", hint="put them into it")
            return exchange.as_incoming(given)
        if json is not _ABSENT and body is not None:
            raise Misuse("fetch takes json or body, not both")
        url = str(given)
        if url.startswith("/") or "://" not in url:
            url = f"{self._bench.url_of(self.name)}/{url.removeprefix('/')}"
        if method is None:
            method = "GET" if json is _ABSENT and body is None else "POST"
        pairs = {"host": urlsplit(url).netloc, **{name.lower(): value for name, value in (headers or {}).items()}}
        content = {} if json is _ABSENT else {"json": json}
        made = exchange.new_request(url, method=method.upper(), headers=pairs, body=body, **content)
        return exchange.as_incoming(made)

    def __repr__(self) -> str:
        return f"<worker {self.name}{'.' + self._entrypoint if self._entrypoint else ''}>"


class Rpc:
    """`await worker.rpc.method(...)`."""

    def __init__(self, worker: WorkerHandle) -> None:
        self._worker = worker

    def __getattr__(self, name: str) -> Callable[..., Coroutine[Any, Any, Any]]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args: self._worker.call(name, *args)


async def _asked(bench: Bench, work: Coroutine[Any, Any, T]) -> T:
    """What a worker gives. Its own exception is raised in place of the sandbox's account of it."""
    __tracebackhide__ = True
    try:
        return await bench.clock.move_while(work)
    except (WorkerFailed, WorkerUnavailable) as error:
        failure = _cause(error)
    # Outside of the handler, so that it does not come with that account as its context.
    raise failure


def _cause(error: BaseException) -> BaseException:
    """A worker's exception with its traceback from the worker's first frame on; `error` where there is none."""
    cause = error.__cause__
    return error if cause is None else cause.with_traceback(_from_worker(cause.__traceback__))


def _from_worker(traceback: TracebackType | None) -> TracebackType | None:
    """The part of a traceback that begins with worker code; all of it where there is none."""
    here = traceback
    while here is not None and owner_of(here.tb_frame.f_globals.get("__name__")) is None:
        here = here.tb_next
    return here or traceback
