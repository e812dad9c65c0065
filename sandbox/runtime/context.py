"""Which worker, and which of its invocations, the running code belongs to."""

from __future__ import annotations

import asyncio
import time
import weakref
from collections.abc import Awaitable
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock, SystemClock
from sandbox.runtime.owner import current_invocation as current_invocation
from sandbox.runtime.protocols import Checks, Emit, Outbound, silent
from sandbox.runtime.tape import current_tape
from sandbox.runtime.values import HostObject, JsObject, JsPromise, js_method, throw
from sandbox.runtime.values.dates import use_clock
from sandbox.runtime.values.promise import as_promise_value

NS = 1_000_000_000
"""Nanoseconds in a second."""


GLOBAL_SCOPE = (
    "Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and "
    "generating random values are not allowed within global scope. To fix this error, perform this operation within a "
    "handler."
)
"""workerd's words."""

DEEPEST = 32
"""Invocations within one another: as many as Cloudflare lets one request have."""
TOO_DEEP = (
    "Subrequest depth limit exceeded. This request recursed through Workers too many times. This can happen e.g. if you "
    "have a Worker or Durable Object that calls other Workers or objects recursively."
)
"""Cloudflare's words."""


class _NoNetwork:
    """The `Outbound` of a context that was given none."""

    async def fetch(self, worker: str, request: Any) -> Any:
        throw("Error", f"worker {worker!r} has no way out: no outbound handler is configured for {request.url}")


@dataclass(slots=True, eq=False)
class WorkerContext:
    """What the emulated modules know of a worker. Shared modules find it through `current_worker`."""

    name: str
    env: JsObject = field(default_factory=JsObject)
    compatibility_flags: frozenset[str] = frozenset()
    outbound: Outbound = field(default_factory=_NoNetwork)
    clock: Clock = field(default_factory=SystemClock)
    emit: Emit = silent
    caches: Any = None
    shared: bool = False
    """Code of others runs under it, too (a test's own): what the worker does is what its modules do."""
    switches: bool = False
    """Its events run on stacks of their own, which `run_sync` can leave."""
    checks: Checks | None = None
    """Told of what would fail on Cloudflare; None: nobody looks."""
    importing: bool = False
    """Its modules are being imported: on Cloudflare there is neither chance nor I/O then."""


@dataclass(slots=True, eq=False)
class Usage:
    """What one invocation has used of what Cloudflare limits, the KV keys that it found nothing under, and the tasks it has begun, each with its place (held weakly:
    a task may hold the body whose end is waited for)."""

    kv_operations: int = 0
    subrequests: int = 0
    connections: int = 0
    missed: set[tuple[str, bytes]] | None = None
    tasks: list[tuple[weakref.ref[asyncio.Task[Any]], str]] | None = None
    streaming: bool = False


class ExecutionContext(HostObject):
    """`ctx`: `waitUntil`, `passThroughOnException`, `props`, `exports`. The host drains it when the answer is out."""

    __slots__ = ("_exceeded", "_exports", "_pass_through", "_pending", "_props", "_usage")

    def __init__(self, props: Any = None, exports: Any = None) -> None:
        self._pending: set[JsPromise] | None = None
        self._props = props
        self._exports = exports
        self._pass_through = False
        # Message and place of what was raised in this invocation over its limit: caught or not, it ends with that.
        self._exceeded: tuple[str, str] | None = None
        self._usage: Usage | None = None

    @js_method
    def waitUntil(self, awaitable: Any) -> None:
        """Keep the invocation alive until this coroutine, task, future or promise is done; its failure is kept too."""
        promise = as_promise_value(awaitable)
        if not isinstance(promise, JsPromise):
            if not hasattr(promise, "__await__"):
                return  # as `await value` of any other value: there is nothing to wait for
            promise = JsPromise._of(promise)
        if self._pending is None:
            self._pending = set()
        self._pending.add(promise)

    @js_method
    def passThroughOnException(self) -> None:
        self._pass_through = True

    @js_method
    def abort(self, reason: Any) -> None:
        throw("Error", "ctx.abort() was called" if reason is None else str(reason))

    @property
    def props(self) -> Any:
        if self._props is None:
            self._props = JsObject()
        return self._props

    @property
    def exports(self) -> Any:
        if self._exports is None:
            self._exports = JsObject()
        return self._exports

    @property
    def pending(self) -> int:
        """How many promises given to `waitUntil` are not settled yet."""
        return sum(not promise._done for promise in self._pending or ())

    async def drain(self, timeout: float | None = None) -> list[BaseException]:
        """Wait for everything given to `waitUntil`, also what those add, at most `timeout` seconds.

        Answers the failures. What has not finished by then goes on, and is counted by `pending`.
        """
        failures: list[BaseException] = []
        if self._pending is None:
            return failures
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        while self._pending:
            promise = next((one for one in self._pending if one._done), None)
            if promise is None:
                left = None if deadline is None else deadline - loop.time()
                if left is not None and left <= 0:
                    return failures
                await _first_settled(self._pending, left)
                continue
            self._pending.discard(promise)
            try:
                promise._result()
            except BaseException as error:  # a worker's, whatever it is: ours would come from an `await`
                failures.append(error)
        return failures


async def _first_settled(promises: set[JsPromise], timeout: float | None) -> None:
    settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    for promise in promises:
        promise._when_settled(lambda: None if settled.done() else settled.set_result(None))
    await asyncio.wait([settled], timeout=timeout)


@dataclass(slots=True, eq=False)
class Invocation:
    """One call of a worker: a request (then `request` is what it was called with), an RPC call or a scheduled event."""

    worker: WorkerContext
    ctx: ExecutionContext
    trace_id: str = ""
    kind: str = "fetch"
    facts: dict[str, Any] = field(default_factory=dict)
    request: Any = None
    depth: int = 1
    """How many invocations led to one another up to this one."""
    ticks: int = 0
    """How often the watchdog found it at work."""


def usage() -> Usage | None:
    """That of the current invocation; None outside of one."""
    invocation = current_invocation.get()
    if invocation is None:
        return None
    used = invocation.ctx._usage
    if used is None:
        used = invocation.ctx._usage = Usage()
    return used


def one_more_hop() -> None:
    """To be called before a worker is. Raises JsException where workers have called one another too many times."""
    invocation = current_invocation.get()
    if invocation is not None and invocation.depth >= DEEPEST:
        throw("Error", TOO_DEEP)


def io_at_import(what: str) -> None:
    """Tell of I/O that a worker begins while its modules are imported. Raises JsException where that is to fail here."""
    worker = current_worker.get()
    if worker is None or not worker.importing or worker.checks is None:
        return
    if worker.checks.found("import-io", f"{what} while the module is imported"):
        throw("Error", GLOBAL_SCOPE)


current_worker: ContextVar[WorkerContext | None] = ContextVar("current_worker", default=None)
patched_env: ContextVar[JsObject | None] = ContextVar("patched_env", default=None)


def real_time() -> bool:
    """Whether the machine's own clock is what code running here sees."""
    return current_tape.get() is None and _unmoved(current_worker.get())


def time_ns() -> int:
    """The time code running here sees, in nanoseconds since the epoch: by its packet's tape, else its worker's clock."""
    tape = current_tape.get()
    return _clock_ns() if tape is None else tape.read("time", _clock_ns())


def _clock_ns() -> int:
    worker = current_worker.get()
    if worker is None or _unmoved(worker):
        return time.time_ns()
    whole, rest = divmod(worker.clock.now(), 1)
    return int(whole) * NS + round(rest * NS)


def _unmoved(worker: WorkerContext | None) -> bool:
    return worker is None or (type(worker.clock) is SystemClock and not worker.clock.offset)


use_clock(lambda: time_ns() / NS)


def the_env() -> JsObject:
    """The bindings of the current worker; an Error outside of one."""
    patched = patched_env.get()
    if patched is not None:
        return patched
    worker = current_worker.get()
    if worker is None:
        throw("Error", "no worker is running here, so there is no env")
    return worker.env


def wait_until(awaitable: Awaitable[Any] | Any) -> None:
    """`waitUntil` of `cloudflare:workers`: that of the current invocation; an Error outside of one."""
    invocation = current_invocation.get()
    if invocation is None:
        throw("Error", "waitUntil() can only be called from within an event handler")
    invocation.ctx.waitUntil(awaitable)
