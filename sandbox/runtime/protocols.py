"""What the lower layers need from the higher ones, as protocols. `sandbox.app` supplies the objects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sandbox.runtime.web import Request, Response


class Invoke(Protocol):
    """Call a hosted worker, with a lease on the generation that serves now.

    Worker names are compared folded. All three raise `NotFound` for an unknown worker, `WorkerUnavailable` where no
    generation can serve, `WorkerFailed` (its cause is the worker's exception) where the worker's code raised.
    """

    async def fetch(
        self, worker: str, request: Request, *, entrypoint: str | None = None, props: Mapping[str, Any] | None = None
    ) -> Response: ...

    async def rpc(
        self,
        worker: str,
        method: str,
        args: Sequence[Any],
        *,
        entrypoint: str | None = None,
        props: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a method. `args` and the result are JavaScript values (see `sandbox.runtime.values`); the result is a
        clone already, in which functions are stubs."""
        ...

    async def scheduled(
        self,
        worker: str,
        *,
        scheduled_time_ms: float,
        cron: str,
        entrypoint: str | None = None,
        no_retry: Callable[[], None] | None = None,
    ) -> None:
        """Run the handler. `no_retry` is called where it calls `controller.noRetry()`, whether it fails then or not."""
        ...


class Outbound(Protocol):
    """A worker's own `fetch` of a URL. Failures to connect or refusals raise a JsException of name TypeError/Error."""

    async def fetch(self, worker: str, request: Request) -> Response: ...


class Emit(Protocol):
    """Say that something happened. `kind` names it (`request`, `kv.put`, `log`, `reload`, ...)."""

    def __call__(self, kind: str, /, **fields: Any) -> None: ...


def silent(kind: str, /, **fields: Any) -> None:
    """An `Emit` that drops everything."""


class Checks(Protocol):
    """Told of what works here and fails on Cloudflare while a worker's code does it. `subrequests` is how many outbound
    calls one invocation may make."""

    subrequests: int

    def found(self, row: str, message: str, place: str | None = None) -> bool:
        """`row` is one of `sandbox.portability.findings`, `place` is `FILE:LINE` (None: the worker's line that is being
        run). Returns whether it is to fail here as well. Callable in any thread."""
        ...

    def imported(self, module: str, place: str) -> bool:
        """A module that is not the worker's own is imported by a name that its code has made up. Returns as `found`."""
        ...

    def opened(self, path: str, place: str) -> bool:
        """A file of the worker's folder is read, given as real path. Returns as `found`."""
        ...


@dataclass(slots=True)
class KvOperation:
    """A KV operation that worker code asks for, on its way to the store; a gate may change it.

    `name` is get, put, delete or list. `keys` holds one key (of a bulk read all of them, of a listing the prefix); the
    rest is a put's. `value` is an iterator where the worker puts a stream.
    """

    name: str
    worker: str
    binding: str
    namespace: str
    keys: list[str]
    value: bytes | AsyncIterator[bytes] = b""
    expiration: int | None = None
    expiration_ttl: int | None = None
    metadata_json: str | None = None


class RequestGate(Protocol):
    """Stands before the requests of a worker: `proceed` has the worker answer. The URL of one to an external worker is
    its registered one. Raises ConnectionLost."""

    async def request(
        self, worker: str, request: Request, proceed: Callable[[Request], Awaitable[Response]]
    ) -> Response: ...


class ServiceGate(Protocol):
    """Stands before calls by a service binding of `worker` (the caller). `path` is that of a request; None for RPC,
    whose answer is any JavaScript value. Raises JsException."""

    async def service(
        self, worker: str, binding: str, path: str | None, proceed: Callable[[], Awaitable[Any]]
    ) -> Any: ...


class KvGate(Protocol):
    """Stands before KV operations. Returns the HTTP status the service refuses with, or None. Raises JsException."""

    async def kv(self, operation: KvOperation) -> int | None: ...


class StepGate(Protocol):
    """Stands before the orchestrator's calls: `path` is `/api/process` and the like."""

    async def hold(self, worker: str, path: str, body: bytes | None) -> bytes | None:
        """Called before the call's time limit begins; returns the body to send. Raises ConnectionLost."""
        ...

    async def step(
        self, worker: str, path: str, request: Request, proceed: Callable[[str, Request], Awaitable[Response]]
    ) -> Response:
        """Called within the time limit; `proceed` sends. Raises ConnectionLost."""
        ...


class Points:
    """Where something may stand in the way on purpose: a fault, a breakpoint. None (nothing does) costs one look.

    Who passes a point holds this object and looks each time; who puts something there sets and clears the attributes.
    """

    __slots__ = ("kv", "request", "service", "step")

    def __init__(self) -> None:
        self.request: RequestGate | None = None
        self.service: ServiceGate | None = None
        self.kv: KvGate | None = None
        self.step: StepGate | None = None
