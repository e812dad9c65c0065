"""What test files import of a worker at their top: one copy for the session, which serves in the tests of those files.

So `pytest.raises(MyError)`, `isinstance` and `mock.patch.object(utils, ...)` mean the very objects that serve. Where
tests share a copy, its state is put back before each of them (see `state`). A test whose file imports nothing of a
worker gets that worker freshly imported.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from sandbox.config.models import WorkerConfig
from sandbox.loader.generation import Generation, load_generation
from sandbox.loader.reuse import KeptModules
from sandbox.runtime import compatibility_flags, install
from sandbox.runtime.context import WorkerContext
from sandbox.runtime.values import JsObject
from sandbox.testing.meaning import worker_meant
from sandbox.testing.project import read_project
from sandbox.testing.state import State

_LIBRARIES = ("site-packages", "dist-packages")


class Copy:
    """A worker's modules as test files imported them, and how they were right after that."""

    def __init__(self, config: WorkerConfig) -> None:
        # At import, a worker may read its vars; bindings are there in tests with the fixture.
        env = JsObject({**config.vars, **config.secrets})
        flags = compatibility_flags(config.compatibility_date, config.compatibility_flags)
        self.modules = KeptModules(config, WorkerContext(config.name, env, flags))
        self.state = State(self.modules.prefix)
        self.state.note(self.modules.modules())

    def module(self, name: str) -> ModuleType:
        found = self.modules.module(name)
        self.state.note(self.modules.modules())
        return found


_copies: dict[Path, Copy] = {}


def module_meant(name: str, test_file: Path, project: Path) -> ModuleType | None:
    """The module that a test file's `import name` means while it is collected; None where it is no worker's."""
    config = read_project(project)
    if config is None:
        return None
    worker = worker_meant(name, config.workers.values(), None, test_file)
    return None if worker is None else _copy_of(worker).module(name)


def _copy_of(worker: WorkerConfig) -> Copy:
    install()
    if worker.main not in _copies:
        _copies[worker.main] = Copy(worker)
    return _copies[worker.main]


class TestCopies:
    """How the workers of one test are loaded: those of which its file, or a fixture of it, imported something, by that
    copy; all others freshly."""

    __test__ = False

    def __init__(self, item: pytest.Item) -> None:
        for copy in _copies.values():
            copy.state.put_back(copy.modules.modules())
        self._item = item
        self._asked: set[Path] = set()

    def load(self, config: WorkerConfig, number: int, context: WorkerContext) -> Generation:
        """A `Load`."""
        copy = _copies.get(config.main)
        if copy is not None and (
            config.main in self._asked or any(_uses(side, copy, set()) for side in _test_side(self._item))
        ):
            return copy.modules.generation(config, number, context)
        return load_generation(config, number, context)

    def module(self, worker: WorkerConfig, name: str) -> ModuleType:
        """A module as it will serve, for a fixture that asks before the sandbox is up."""
        self._asked.add(worker.main)
        return _copy_of(worker).module(name)


def _test_side(item: pytest.Item) -> list[ModuleType]:
    """The test's module, and the conftests above it."""
    conftests = [
        plugin
        for plugin in item.config.pluginmanager.get_plugins()
        if isinstance(plugin, ModuleType)
        and Path(plugin.__file__ or "").name == "conftest.py"
        and item.path.is_relative_to(Path(plugin.__file__ or "").parent)
    ]
    return [item.module, *conftests] if isinstance(item, pytest.Function) else conftests


def _uses(module: ModuleType, copy: Copy, seen: set[str]) -> bool:
    """Whether something of the copy is bound in a module of the tests, or in one it uses."""
    seen.add(module.__name__)
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
        if copy.state.holds(value) or (isinstance(name, str) and name.startswith(copy.modules.prefix + ".")):
            return True
        other = sys.modules.get(name) if isinstance(name, str) and name not in seen else None
        if other is not None and _is_tests(other) and _uses(other, copy, seen):
            return True
    return False


def _is_tests(module: ModuleType) -> bool:
    """Whether a module may be a helper of the tests: a file of the project, not of a library."""
    file = getattr(module, "__file__", None)
    return (
        isinstance(file, str)
        and module.__name__.partition(".")[0] not in sys.stdlib_module_names
        and not any(part in file for part in _LIBRARIES)
    )
