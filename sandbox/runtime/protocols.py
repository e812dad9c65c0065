"""What the lower layers need from the higher ones, as protocols. `sandbox.app` supplies the objects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
        self, worker: str, *, scheduled_time_ms: float, cron: str, entrypoint: str | None = None
    ) -> None: ...


class Outbound(Protocol):
    """A worker's own `fetch` of a URL. Failures to connect or refusals raise a JsException of name TypeError/Error."""

    async def fetch(self, worker: str, request: Request) -> Response: ...


class Emit(Protocol):
    """Say that something happened. `kind` names it (`request`, `kv.put`, `log`, `reload`, ...)."""

    def __call__(self, kind: str, /, **fields: Any) -> None: ...


def silent(kind: str, /, **fields: Any) -> None:
    """An `Emit` that drops everything."""
