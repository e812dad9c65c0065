"""A typed stub of a worker's `env`, from what its configuration binds."""

from __future__ import annotations

import keyword

from sandbox.config.models import WorkerConfig

FILE = "worker_configuration.pyi"
_HEAD = """\
# Written by `sandbox types`; it is overwritten. In a worker:
#     if TYPE_CHECKING:
#         from worker_configuration import Env
from typing import Any, Protocol

class KvNamespace(Protocol):
    async def get(self, key: Any, type: Any = ..., /, **options: Any) -> Any: ...
    async def getWithMetadata(self, key: Any, type: Any = ..., /, **options: Any) -> Any: ...
    async def put(self, key: str, value: Any, options: Any = ..., /, **more: Any) -> None: ...
    async def delete(self, key: str, /) -> None: ...
    async def list(self, options: Any = ..., /, **more: Any) -> Any: ...

class Service(Protocol):
    async def fetch(self, resource: Any, /, **options: Any) -> Any: ...
    def __getattr__(self, name: str) -> Any: ...

class Assets(Protocol):
    async def fetch(self, resource: Any, /, **options: Any) -> Any: ...

class Env(Protocol):
"""


def env_stub(config: WorkerConfig) -> str:
    """The text of `worker_configuration.pyi`: names and types only, no value of a var or secret."""
    types: dict[str, str] = {name: _type(value) for name, value in config.vars.items()}
    types |= dict.fromkeys(config.secrets, "str")
    types |= {binding.binding: "KvNamespace" for binding in config.kv_namespaces}
    types |= {binding.binding: "Service" for binding in config.services}
    types |= {binding.binding: "Any" for binding in config.unsupported if binding.binding}
    if config.assets is not None and config.assets.binding:
        types[config.assets.binding] = "Assets"
    named = {name: kind for name, kind in types.items() if name.isidentifier() and not keyword.iskeyword(name)}
    return _HEAD + ("".join(f"    {name}: {kind}\n" for name, kind in sorted(named.items())) or "    pass\n")


def _type(value: object) -> str:
    # A number is one number at Cloudflare; an object is a raw JavaScript proxy.
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "float"
    return "str" if isinstance(value, str) else "Any"
