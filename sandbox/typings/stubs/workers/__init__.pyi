"""Cloudflare's `workers`, typed as it behaves: its own annotations refuse `Response.json(...)` and `Response(b"...")`."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeVar

import js
from workers._requests import (
    Body as Body,
    FetchKwargs as FetchKwargs,
    FetchResponse as FetchResponse,
    Headers as Headers,
    JSBody as JSBody,
    Request as Request,
    RequestInitCfProperties as RequestInitCfProperties,
    Response as Response,
    fetch as fetch,
)
from workers._values import (
    Blob as Blob,
    BlobEnding as BlobEnding,
    BlobValue as BlobValue,
    File as File,
    FormData as FormData,
    FormDataValue as FormDataValue,
)
from workers.rpc import python_from_rpc as python_from_rpc, python_to_rpc as python_to_rpc

_F = TypeVar("_F", bound=Callable[..., Any])

class Context(Protocol):
    def waitUntil(self, other: Awaitable[Any]) -> None: ...

class WorkerEntrypoint:
    """A worker. Write `env: "Env"` in the class, with `Env` of worker_configuration, and its bindings are known."""

    ctx: js.ExecutionContext
    env: Any
    def __init__(self, ctx: js.ExecutionContext, env: Any) -> None: ...
    def __init_subclass__(cls, **kwargs: Any) -> None: ...

class DurableObject:
    ctx: Any
    env: Any
    def __init__(self, ctx: Any, env: Any) -> None: ...
    def __init_subclass__(cls, **kwargs: Any) -> None: ...

class WorkflowEntrypoint:
    ctx: js.ExecutionContext
    env: Any
    def __init__(self, ctx: js.ExecutionContext, env: Any) -> None: ...
    def __init_subclass__(cls, **kwargs: Any) -> None: ...

env: Any

def handler(func: _F) -> _F: ...
def import_from_javascript(module_name: str) -> Any: ...
def patch_env(
    d: dict[str, Any] | Sequence[tuple[str, Any]] | None = None, **kwds: Any
) -> AbstractContextManager[None]: ...
def wait_until(work: Any, /) -> None: ...
def waitUntil(work: Any, /) -> None: ...
