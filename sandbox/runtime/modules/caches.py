"""`caches`: that of the worker whose code is running."""

from __future__ import annotations

from typing import Any

from sandbox.runtime.context import current_worker
from sandbox.runtime.values import throw
from sandbox.runtime.values.host import HostObject, js_method


class Caches(HostObject):
    """Passes on to the current worker's `CacheStorage`."""

    js_name = "CacheStorage"

    @property
    def default(self) -> Any:
        return _current().default

    @js_method
    def open(self, name: Any) -> Any:
        return _current().open(name)


def _current() -> Any:
    worker = current_worker.get(None)
    if worker is None or worker.caches is None:
        throw("Error", "caches was used where no worker is running")
    return worker.caches
