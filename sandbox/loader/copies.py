"""Libraries that keep one configuration per process: each generation of a worker that uses one gets copies of its own.

Django has one `settings` and one registry of apps. On Cloudflare every worker is a process of its own, and a deployment
starts anew; here several workers share the process, and each save loads one once more. So for a worker that mentions
Django its modules, and those of the packages that require it, are imported again. The modules of one generation lie in
`sys.modules` at a time, under their usual names: whichever imported something last.
"""

from __future__ import annotations

import builtins
import importlib.metadata
import importlib.util
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from sandbox.runtime.stdlib.environ import environ

LIBRARY = "django"
UNDECLARED = ("whitenoise",)
"""Packages that are made for the library without requiring it."""
VARIABLE = "DJANGO_SETTINGS_MODULE"
"""What workers put into `os.environ` is seen by all of them, but for this."""

_REQUIRES = re.compile(rf"{LIBRARY}(?![\w.-])(?!.*\bextra\b)", re.IGNORECASE)
_real_import = builtins.__import__
_lock = threading.RLock()
_resident: Copies | None = None
_outside: dict[str, ModuleType] = {}
"""What of those libraries the process itself had imported, in tests say: they get it back."""
_adaptations: dict[str, Callable[[ModuleType], None]] = {}


class Copies:
    """The modules of those libraries that one generation has imported."""

    def __init__(self) -> None:
        self._tops = tops()
        self._modules: dict[str, ModuleType] = {}
        self._depth = 0
        self._setting: str | None = None
        self._sys = _SysOf(self)
        self.builtins: dict[str, Any] = {**vars(builtins), "__import__": self._import}

    def owns(self, top: str) -> bool:
        """Whether the top-level package is one that every generation has of its own."""
        return top in self._tops

    def run(self, action: Callable[..., Any], *arguments: Any) -> Any:
        """What `action` answers, which imports: with these modules in `sys.modules`."""
        with _lock:
            self.enter()
            before = len(sys.modules)
            self._depth += 1
            try:
                return action(*arguments)
            finally:
                self._depth -= 1
                if not self._depth:
                    if _outside:
                        self._give_way()
                    elif len(sys.modules) != before:
                        self._collect()

    def enter(self) -> None:
        """Put these modules into `sys.modules`, in place of another generation's."""
        global _resident
        if _resident is self:
            return
        with _lock:
            if _resident is not None:
                _resident._leave()
            else:
                _outside.update({name: sys.modules.pop(name) for name in _named(self._tops)})
            sys.modules.update(self._modules)
            if self._setting is not None:
                environ[VARIABLE] = self._setting
            _resident = self

    def close(self) -> None:
        """Forget the modules."""
        with _lock:
            if _resident is self:
                self._give_way()
            self._modules.clear()

    def _give_way(self) -> None:
        global _resident
        self._leave()
        _resident = None
        sys.modules.update(_outside)
        _outside.clear()

    def _leave(self) -> None:
        self._collect()
        for name in self._modules:
            sys.modules.pop(name, None)
        self._setting = environ.copy().get(VARIABLE)
        if self._setting is not None:
            del environ[VARIABLE]

    def _collect(self) -> None:
        self._modules = {name: sys.modules[name] for name in _named(self._tops)}

    def _import(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,
        locals: Mapping[str, Any] | None = None,
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if level == 0 and name == "sys":
            return self._sys
        return self.run(_real_import, name, globals, locals, fromlist, level)


class _SysOf(ModuleType):
    """`sys` as those libraries see it: what they look up in `sys.modules` is their own generation's."""

    def __init__(self, copies: Copies) -> None:
        super().__init__("sys")
        self.__dict__["_copies"] = copies

    def __getattr__(self, name: str) -> Any:
        if name == "modules":
            self._copies.enter()
        return getattr(sys, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(sys, name, value)


class CopyFinder:
    """Answers for the modules of those libraries while a generation imports them."""

    @staticmethod
    def find_spec(
        fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        copies = _resident
        if copies is None or not copies._depth or not copies.owns(fullname.partition(".")[0]):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = CopyLoader(copies, fullname, spec.loader.path)
        return spec


class CopyLoader(SourceFileLoader):
    """Runs a module with an `__import__` that goes by its own generation."""

    def __init__(self, copies: Copies, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._copies = copies

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__["__builtins__"] = self._copies.builtins
        super().exec_module(module)
        adapt = _adaptations.get(module.__name__)
        if adapt is not None:
            adapt(module)


def copies_for(sources: Iterable[bytes]) -> Copies | None:
    """Copies for a worker with these sources; None where they do not mention the library, or it is not installed."""
    name = LIBRARY.encode()
    if not any(name in source for source in sources) or not tops():
        return None
    # Not removed again: it answers only while a generation with copies imports something.
    if CopyFinder not in sys.meta_path:
        sys.meta_path.insert(0, CopyFinder)
    return Copies()


def copies_of(caller: FrameType) -> Copies | None:
    """Whose module `caller` runs, where it is one of those libraries'."""
    importer = getattr(caller.f_globals.get("__builtins__"), "get", lambda _: None)("__import__")
    owner = getattr(importer, "__self__", None)
    return owner if isinstance(owner, Copies) else None


def adapt(module: str, change: Callable[[ModuleType], None]) -> None:
    """Call `change` with each copy of a module when it has been run."""
    _adaptations[module] = change


def tops() -> frozenset[str]:
    """The top-level names of the library and of every installed package that requires it; none where it is missing."""
    folders = [Path(entry) for entry in sys.path if entry]
    return _tops(tuple((str(each), each.stat().st_mtime_ns) for each in folders if each.is_dir()))


@cache
def _tops(path: tuple[tuple[str, int], ...]) -> frozenset[str]:
    if importlib.util.find_spec(LIBRARY) is None:
        return frozenset()
    found = {LIBRARY, *UNDECLARED}
    for distribution in importlib.metadata.distributions():
        if any(_REQUIRES.match(line) for line in distribution.requires or ()):
            for file in distribution.files or ():
                top = file.parts[0]
                if top.endswith(".py") and len(file.parts) == 1:
                    found.add(top.removesuffix(".py"))
                elif top.isidentifier() and file.suffix == ".py":
                    found.add(top)
    return frozenset(found)


def _named(tops: frozenset[str]) -> list[str]:
    return [name for name in sys.modules if name.partition(".")[0] in tops]
