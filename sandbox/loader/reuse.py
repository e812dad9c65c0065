"""Modules that several generations share, one after the other: what a test file imported is what serves its tests."""

from __future__ import annotations

import importlib
from types import ModuleType

from sandbox.loader.generation import Generation
from sandbox.runtime.context import current_worker


def module_of(generation: Generation, name: str) -> ModuleType:
    """The module that a generation's code imports as `name`. Raises ImportError where that is none of its own."""
    qualified = generation._namespace.qualify(name)
    if qualified is None:
        raise ImportError(f"{generation.config.name} has no module {name!r} of its own", name=name)
    before = current_worker.get(None)
    current_worker.set(generation.context)
    try:
        return importlib.import_module(qualified)
    finally:
        current_worker.set(before)
