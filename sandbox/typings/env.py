"""A typed stub of a worker's `env`, from what its configuration binds."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from pathlib import Path

from sandbox.config.models import ServiceBinding, WorkerConfig, fold
from sandbox.typings.rpc import methods_of

FILE = "worker_configuration.pyi"
GIVEN = ("ORCHESTRATOR_URL", "WORKER_TOKEN")
"""What every worker gets from the sandbox, its vars aside; told of to those that use it."""

_HEAD = """\
# Written by `sandbox types`; it is overwritten. In a worker:
#     if TYPE_CHECKING:
#         from worker_configuration import Env
#
#     class Default(WorkerEntrypoint):
#         env: "Env"
from typing import Any, Literal, Protocol, Unpack, overload

import js
from workers import FetchKwargs, Request, Response
from workers.rpc import JsDict

"""
_KV = """\
class KvNamespace(Protocol):
    @overload
    async def get(self, key: str, type: Literal["text"] | None = ..., /, *, cacheTtl: int = ...) -> str | None: ...
    @overload
    async def get(self, key: str, /, *, type: Literal["text"], cacheTtl: int = ...) -> str | None: ...
    @overload
    async def get(self, key: str, type: Literal["arrayBuffer"], /, *, cacheTtl: int = ...) -> memoryview | None: ...
    @overload
    async def get(self, key: str, /, *, type: Literal["arrayBuffer"], cacheTtl: int = ...) -> memoryview | None: ...
    @overload
    async def get(self, key: str, type: Literal["json", "stream"], /, *, cacheTtl: int = ...) -> Any: ...
    @overload
    async def get(self, key: str, /, *, type: Literal["json", "stream"], cacheTtl: int = ...) -> Any: ...
    @overload
    async def get(self, key: str, options: dict[str, Any], /) -> Any: ...
    @overload
    async def get(
        self, keys: list[str], type: Literal["text", "json"] | dict[str, Any] | None = ..., /, *, cacheTtl: int = ...
    ) -> JsDict: ...
    @overload
    async def get(self, keys: list[str], /, *, type: Literal["text", "json"], cacheTtl: int = ...) -> JsDict: ...
    # .value, .metadata and .cacheStatus; for a list of keys, one such by key
    @overload
    async def getWithMetadata(
        self,
        key: str | list[str],
        type: Literal["text", "json", "arrayBuffer", "stream"] | dict[str, Any] | None = ...,
        /,
        *,
        cacheTtl: int = ...,
    ) -> JsDict: ...
    @overload
    async def getWithMetadata(
        self,
        key: str | list[str],
        /,
        *,
        type: Literal["text", "json", "arrayBuffer", "stream"],
        cacheTtl: int = ...,
    ) -> JsDict: ...
    async def put(
        self,
        key: str,
        value: str | bytes | memoryview | float | js.ArrayBuffer | js.ReadableStream | js.Uint8Array,
        options: dict[str, Any] | None = ...,
        /,
        *,
        expiration: int = ...,
        expirationTtl: int = ...,
        metadata: Any = ...,
    ) -> None: ...
    async def delete(self, key: str, /) -> None: ...
    # ["keys"], .list_complete, .cursor
    async def list(
        self, options: dict[str, Any] | None = ..., /, *, prefix: str | None = ..., limit: int = ..., cursor: str | None = ...
    ) -> JsDict: ...

"""
_FETCHER = """\
class Fetcher(Protocol):
    async def fetch(self, resource: str | Request | js.Request, **options: Unpack[FetchKwargs]) -> Response: ...

"""
_SERVICE = """\
class Service(Fetcher, Protocol):
    async def scheduled(
        self, options: dict[str, Any] | None = ..., /, *, cron: str = ..., scheduledTime: Any = ...
    ) -> JsDict: ...

"""
_RATE_LIMIT = """\
class RateLimit(Protocol):
    # .success
    async def limit(self, options: dict[str, str] = ..., /, *, key: str = ...) -> JsDict: ...

"""
_VERSION = """\
class VersionMetadata(Protocol):
    id: str
    tag: str
    timestamp: str

"""


def env_stub(config: WorkerConfig, workers: Mapping[str, WorkerConfig]) -> str:
    """The text of `worker_configuration.pyi`: names and types only, no value of a var or secret.

    `workers` are the others of the sandbox: the methods of a service among them are read from its code, which is not run.
    """
    types: dict[str, str] = dict.fromkeys(GIVEN if _speaks_the_protocol(config) else (), "str")
    types |= {name: _type(value) for name, value in config.vars.items()}
    types |= dict.fromkeys(config.secrets, "str")
    types |= {binding.binding: "KvNamespace" for binding in config.kv_namespaces}
    types |= {binding.binding: f"Service_{binding.binding}" for binding in config.services}
    types |= {binding.binding: "RateLimit" for binding in config.ratelimits}
    types |= {binding.binding: "Any" for binding in config.unsupported if binding.binding}
    if config.version_metadata is not None:
        types[config.version_metadata] = "VersionMetadata"
    if config.assets is not None and config.assets.binding:
        types[config.assets.binding] = "Fetcher"
    used = set(types.values())
    parts = [_HEAD]
    parts += [_KV] if config.kv_namespaces else []
    parts += [_FETCHER] if config.services or "Fetcher" in used else []
    parts += [_SERVICE] if config.services else []
    parts += [_service(binding, workers) for binding in config.services if _is_name(binding.binding)]
    parts += [_RATE_LIMIT] if config.ratelimits else []
    parts += [_VERSION] if config.version_metadata is not None else []
    names = [f"    {name}: {kind}\n" for name, kind in sorted(types.items()) if _is_name(name)]
    parts += ["class Env(Protocol):\n", *(names or ["    pass\n"])]
    return "".join(parts)


def _speaks_the_protocol(config: WorkerConfig) -> bool:
    """Whether code of the worker's own is built on `sandbox.handshake`, or names what it is given."""
    if not config.has_main:
        return False
    files = (path for path in config.module_root.rglob("*.py") if "python_modules" not in path.parts)
    words = [word.encode() for word in ("sandbox.handshake", *GIVEN)]
    return any(word in source for source in map(Path.read_bytes, files) for word in words)


def _service(binding: ServiceBinding, workers: Mapping[str, WorkerConfig]) -> str:
    wanted = fold(binding.service)
    target = next((worker for name, worker in workers.items() if fold(name) == wanted and worker.has_main), None)
    methods = None if target is None else methods_of(target.main, binding.entrypoint or "Default")
    head = f"class Service_{binding.binding}(Service, Protocol):\n"
    if methods is None:
        return f"{head}    def __getattr__(self, name: str, /) -> Any: ...\n\n"
    return head + "".join(f"    {method}\n" for method in methods or ["pass"]) + "\n"


def _is_name(name: str) -> bool:
    return name.isidentifier() and not keyword.iskeyword(name)


def _type(value: object) -> str:
    # A whole number comes out of JavaScript as int, however it is written; an object is a raw JavaScript proxy.
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "int" if float(value).is_integer() else "float"
    return "str" if isinstance(value, str) else "Any"
