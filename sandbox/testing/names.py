"""`from entry import Default`, `import utils`, `mock.patch("utils.X")` in test files: plain names mean the worker's own.

Imported for every suite, so it imports nothing of ours. A finder looks at each import that a test file makes (or that
something makes while a test with the fixture runs) and finds nothing unless it means a worker's file. What it finds
leaves `sys.modules` again with the file, or the test, that asked: `entry` is another worker's in the next one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from sandbox.testing.places import find_project

if TYPE_CHECKING:
    from sandbox.testing.bench import Bench

_LIBRARIES = ("site-packages", "dist-packages")
_STANDARD = os.path.dirname(os.__file__)  # noqa: PTH120 - at the start of every suite
_HERE = os.path.dirname(__file__)  # noqa: PTH120


class PlainNames(MetaPathFinder):
    """While `bench` is set, names mean the modules that serve in its test; before, those of the copy that test files
    import at collection."""

    def __init__(self) -> None:
        self.bench: Bench | None = None
        self.chosen: Path | None = None
        """The project that pytest's configuration names (`sandbox_config`); else it is found from each test file."""
        self._published: set[str] = set()
        self._finding = False

    def install(self) -> None:
        """Stand before every other finder."""
        sys.meta_path.insert(0, self)

    def uninstall(self) -> None:
        self.forget()
        if self in sys.meta_path:
            sys.meta_path.remove(self)

    def forget(self) -> None:
        """Take what was found out of `sys.modules`: whoever imported it keeps it."""
        for name in self._published:
            sys.modules.pop(name, None)
        self._published.clear()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top = fullname.partition(".")[0]
        if self._finding or top in sys.stdlib_module_names or top in ("sandbox", "workers", "js", "pyodide"):
            return None
        if path is not None and top not in self._published:
            return None  # a submodule of somebody else's package
        file = _importing_file()
        if file is None and self.bench is None:
            return None
        self._finding = True
        try:
            module = self._meant(fullname, top, file)
        finally:
            self._finding = False
        if module is None:
            return None
        self._published.add(fullname)
        return ModuleSpec(fullname, _Alias(module), is_package=hasattr(module, "__path__"))

    def _meant(self, fullname: str, top: str, file: str | None) -> ModuleType | None:
        test_file = None if file is None else Path(file)
        if self.bench is not None:
            theirs = top not in self._published and _is_somebody_elses(top, self.bench.config.root)
            return None if theirs else self.bench.module_meant(fullname, test_file)
        project = self.chosen or (find_project(test_file.parent) if test_file is not None else None)
        if project is None or test_file is None:
            return None
        if top not in self._published and _is_somebody_elses(top, project if project.is_dir() else project.parent):
            return None
        from sandbox.testing.copies import module_meant  # the loader, the SDK: only for a project's test files

        return module_meant(fullname, test_file, project)


class _Alias(Loader):
    """Gives a module that is there already a second name."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        sys.modules[module.__name__] = self._module


def _importing_file() -> str | None:
    """The file whose code imports, where it may be a test's: none of the standard library's and no library's."""
    frame = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename.startswith("<frozen importlib"):
        frame = frame.f_back  # type: ignore[assignment]
    if frame is None:
        return None
    file = frame.f_code.co_filename
    if file.startswith(("<", _STANDARD, _HERE)) or any(part in file for part in _LIBRARIES):
        return None
    return file


def _is_somebody_elses(top: str, project: Path) -> bool:
    """Whether the name would be found without us, outside of what may be a worker's files."""
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None:
        return False
    return not spec.origin.startswith(f"{project}{os.sep}") or any(part in spec.origin for part in _LIBRARIES)
