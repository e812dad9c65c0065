"""Modules that outlive one generation: what a test file imported is what serves its tests, one after the other."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

from sandbox.config.models import WorkerConfig
from sandbox.loader.generation import Generation, load_generation
from sandbox.loader.imports import top_level_names
from sandbox.runtime.context import WorkerContext, current_worker


class KeptModules:
    """A worker's modules, imported once, and the generations that serve by them."""

    def __init__(self, config: WorkerConfig, context: WorkerContext) -> None:
        """Raises what importing the main module raises."""
        self._first = load_generation(config, 0, context)
        self._namespace = self._first._namespace
        self._namespace.kept = True

    @property
    def prefix(self) -> str:
        """What the names of its modules in `sys.modules` begin with."""
        return self._namespace.prefix

    def modules(self) -> dict[str, ModuleType]:
        """Those imported by now, by the name the worker gives them."""
        return self._namespace.modules()

    def module(self, name: str) -> ModuleType:
        """As `module_of`."""
        return module_of(self._first, name)

    def generation(self, config: WorkerConfig, number: int, context: WorkerContext) -> Generation:
        """A generation of these modules; the one before serves no more."""
        self._namespace.serve(context)
        return Generation(config, number, context, self._namespace, self._first._exports, set())


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


def own_names(folder: Path) -> frozenset[str]:
    """The top-level names that code whose main module lies in `folder` imports from its own files."""
    return frozenset(top_level_names(str(folder)))
