"""Isolated imports: every generation of a worker has a package prefix of its own in `sys.modules`.

`import utils` in generation 3 of worker `feeds` loads `sandbox_workers.feeds_g3.utils`. The modules of a generation run
with their own `__builtins__`, whose `__import__` maps the worker's top-level names to the prefix, so two workers (or
two generations of one) never see each other's modules, while shared libraries see the normal world.
"""

from __future__ import annotations

import builtins
import itertools
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from sandbox.config.models import fold
from sandbox.loader import shadowing
from sandbox.loader.copies import Copies, copies_for, copies_of
from sandbox.loader.sources import sources_under
from sandbox.runtime.context import current_worker
from sandbox.runtime.place import called_from
from sandbox.runtime.stdlib import STAND_INS, dates

ROOT = "sandbox_workers"
_DOTTED_ROOT = ROOT + "."
_PREFIX = re.compile(rf"{ROOT}\.\w+\.?")
_WORKER = re.compile(rf"{ROOT}\.(\w+)_g\d+(?:_\d+)?(?:\.|$)")
_real_import = builtins.__import__

# Every living namespace by its prefix, and by the identity of the WorkerContext its code runs under.
_by_prefix: dict[str, Namespace] = {}
_by_context: dict[int, Namespace] = {}
# What to do after worker code imported something of a shared package, by the package's name.
_after_import: dict[str, Callable[[], None]] = {}


class Namespace:
    """The modules of one generation: where they lie, what they are called, and what their imports mean.

    `prefix` is the package in `sys.modules`, `root` the folder its top-level modules lie in (that of the main module),
    `boundary` the worker's folder, which no module file may leave through a link. `files` are the source files run so
    far, as real paths, each with a digest of its content. `opened` are the other files of the worker's folder that its
    code has read and not written.
    """

    count = 0
    """How many there were: the watchdog times the loading of each on its own."""

    def __init__(self, worker: str, number: int, *, root: Path, boundary: Path, main: Path) -> None:
        self.worker = worker
        self.root = str(root)
        self.boundary = os.path.realpath(boundary)
        self.main_name = main.stem.replace(".", "_")
        self.main_file = str(main)
        self.files: dict[str, bytes] = {}
        self.opened: set[str] = set()
        self.written: set[str] = set()
        self.shared: set[str] = set()
        self.sources: dict[str, bytes] = {}
        self.retired = False
        self.prefix = _free_prefix(f"{_DOTTED_ROOT}{fold(worker)}_g{number}")
        self._own = top_level_names(self.root)
        self._own[self.main_name] = True
        self.copies = copies_for(sources_under(self.root).values())
        self.builtins: dict[str, Any] = dict(vars(builtins))
        self.builtins["__import__"] = self._importer()
        self.builtins[dates.NAME] = dates.clock_attribute
        self._context_id: int | None = None
        self.kept = False
        """Its modules outlive the generations that serve by them."""

    # -- life ---------------------------------------------------------------------------------------------------

    def open(self, context: object | None) -> None:
        """Make the prefix importable, and name it as what code running under `context` (a WorkerContext) means."""
        if ROOT not in sys.modules:
            sys.modules[ROOT] = _package(ROOT, [])
        Namespace.count += 1
        sys.modules[self.prefix] = _package(self.prefix, [self.root])
        _by_prefix[self.prefix] = self
        if context is not None:
            self.serve(context)

    def serve(self, context: object | None) -> None:
        """From now on it is what code running under `context`, and no other, means."""
        if self._context_id is not None and _by_context.get(self._context_id) is self:
            del _by_context[self._context_id]
        self._context_id = None if context is None else id(context)
        if self._context_id is not None:
            _by_context[self._context_id] = self

    def close(self) -> None:
        """Forget every module of the prefix. What still runs keeps its own globals, and can import no more."""
        _by_prefix.pop(self.prefix, None)
        self.serve(None)
        if self.copies is not None:
            self.copies.close()
        start = self.prefix + "."
        for name in [name for name in sys.modules if name == self.prefix or name.startswith(start)]:
            del sys.modules[name]

    def modules(self) -> dict[str, ModuleType]:
        """Its modules that are imported by now, by the name the worker gives them."""
        start = self.prefix + "."
        return {name.removeprefix(start): module for name, module in sys.modules.items() if name.startswith(start)}

    def keep_sources(self) -> None:
        """Keep what lies in the worker's folder now: once `retired`, late imports are of that and not of newer saves."""
        self.sources = sources_under(self.root)

    def keep_source(self, path: str) -> None:
        """Keep one file anew."""
        if path in self.sources and not self.retired:
            with suppress(OSError):
                self.sources[path] = Path(path).read_bytes()

    def own_source(self, path: str) -> bytes | None:
        """The source to run for a file, where that is not what lies on the disk."""
        return self.sources.get(path) if self.retired else None

    # -- names --------------------------------------------------------------------------------------------------

    def owns(self, top: str) -> bool:
        """Whether the worker's code means a file of its own when it says `import top`."""
        regular = self._own.get(top)
        if regular is None:
            return False
        if not regular:
            # A folder without `__init__.py`: looked up once, as finding out reads the path.
            if shadowing.found_elsewhere(top):
                del self._own[top]
                return False
            self._own[top] = True
        return True

    def qualify(self, name: str) -> str | None:
        """The name in `sys.modules` for a name as the worker writes it; None where it is not the worker's own."""
        return f"{self.prefix}.{name}" if self.owns(name.partition(".")[0]) else None

    def plain(self, name: str) -> str:
        """The name as the worker writes it."""
        return name.removeprefix(self.prefix + ".")

    def _importer(self) -> Callable[..., Any]:
        # A closure instead of a method: this runs for each import statement of the worker, lazy ones on every request.
        own, prefix, dotted = self._own, self.prefix, self.prefix + "."
        modules, shared, copies = sys.modules, self.shared, self.copies

        def __import__(  # noqa: N807
            name: str,
            globals: Mapping[str, Any] | None = None,
            locals: Mapping[str, Any] | None = None,
            fromlist: Sequence[str] | None = (),
            level: int = 0,
        ) -> Any:
            if level == 0:
                top = name.partition(".")[0]
                if top not in own or not self.owns(top):
                    if globals is None:  # no statement, which is read in the file
                        tell_of_import(name)
                    if copies is None:
                        module = _real_import(name, globals, locals, fromlist, 0)
                    else:
                        module = copies.run(_real_import, name, globals, locals, fromlist, 0)
                    shared.add(top)
                    if top in _after_import:
                        _after_import[top]()
                    if top in STAND_INS and module is modules[top]:
                        return STAND_INS[top]
                    return module
                full = dotted + name
            else:
                _check_relative(prefix, name, level, globals or {}, fromlist)
                full = name
            if prefix not in _by_prefix:
                raise ImportError(f"cannot import {name!r}: this code of {self.worker} was replaced by newer code")
            try:
                module = _real_import(full, globals, locals, fromlist, level)
            except ImportError as error:
                speak_plainly(error)
                raise
            return module if fromlist or level else modules[dotted + top]

        return __import__


def tell_of_import(name: str) -> None:
    """Tell of a shared module that worker code imports by a name given as text. Raises ModuleNotFoundError where
    Cloudflare would have none and that is to fail here."""
    context = current_worker.get(None)
    if context is None or context.checks is None:
        return
    place = called_from(sys._getframe(2))
    if place is not None and context.checks.imported(name, place):
        top = name.partition(".")[0]
        raise ModuleNotFoundError(f"No module named {top!r}", name=top)


def after_import(top: str, action: Callable[[], None]) -> None:
    """Call `action` whenever worker code has imported something of the shared package `top`."""
    _after_import[top] = action


def namespace_of(prefix: str) -> Namespace | None:
    """The living namespace with this prefix."""
    return _by_prefix.get(prefix)


def namespace_under(context: object) -> Namespace | None:
    """The living namespace whose code runs under this WorkerContext."""
    return _by_context.get(id(context))


def owner_of(module_name: object) -> Namespace | None:
    """The living namespace a module belongs to, by its `__name__`."""
    if not isinstance(module_name, str) or not module_name.startswith(_DOTTED_ROOT):
        return None
    return _by_prefix.get(".".join(module_name.split(".", 2)[:2]))


def worker_of(module_name: object) -> str | None:
    """The folded name of the worker a module belongs to, by its `__name__`, also of code that was replaced."""
    if not isinstance(module_name, str) or not module_name.startswith(_DOTTED_ROOT):
        return None
    found = _WORKER.match(module_name)
    return None if found is None else found.group(1)


def meant_by(name: str, caller: FrameType) -> str | None:
    """What a module name given as a string means to `caller`: the full name of a worker's own module, or None.

    Worker code means its own files. A shared library called by worker code (jinja2, pkgutil) means them too, unless
    the name is the standard library's or the library's own.
    """
    if not _by_prefix:
        return None
    caller_name = caller.f_globals.get("__name__")
    owner = owner_of(caller_name)
    if owner is not None:
        return owner.qualify(name)
    context = current_worker.get(None)
    if context is None:
        return None
    current = _by_context.get(id(context))
    top = name.partition(".")[0]
    if current is None or top in sys.stdlib_module_names:
        return None
    if isinstance(caller_name, str) and caller_name.partition(".")[0] == top:
        return None
    return current.qualify(name)


def copies_meant_by(caller: FrameType) -> Copies | None:
    """The copies of libraries that `caller` imports from: those of its worker, or its own; None for the world's."""
    if not _by_prefix:
        return None
    owner = owner_of(caller.f_globals.get("__name__"))
    if owner is None:
        if (copies := copies_of(caller)) is not None:
            return copies
        owner = _by_context.get(id(current_worker.get(None)))
    return None if owner is None else owner.copies


def plain_text(text: str) -> str:
    """`text` without the prefixes of namespaces: what people read says `utils`."""
    return _PREFIX.sub("", text) if _DOTTED_ROOT in text else text


def speak_plainly(error: ImportError) -> None:
    """Take the prefix out of an import error's name and message, in place."""
    if isinstance(error.name, str) and error.name.startswith(_DOTTED_ROOT):
        error.name = plain_text(error.name)
        error.msg = plain_text(error.msg)
        error.args = (error.msg, *error.args[1:])


def _check_relative(
    prefix: str, name: str, level: int, globals: Mapping[str, Any], fromlist: Sequence[str] | None
) -> None:
    """Refuse the relative imports that a prefix would allow and Cloudflare does not."""
    package = globals.get("__package__") or ""
    parents = package[len(prefix) + 1 :].split(".") if package.startswith(prefix + ".") else []
    if level <= len(parents):
        return
    written = f"from {'.' * level}{name} import {', '.join(fromlist or ()) or '...'}"
    module = str(globals.get("__name__", "")).removeprefix(prefix + ".")
    better = f"from {name} import {', '.join(fromlist or ())}" if name else f"import {', '.join(fromlist or ())}"
    if parents:
        raise ImportError(
            f"attempted relative import beyond top-level package: `{written}` in {module!r} fails on Cloudflare, where "
            f"the folder of the main module is not a package; write `{better}`"
        )
    raise ImportError(
        f"attempted relative import with no known parent package: `{written}` in {module!r} fails on Cloudflare, where "
        f"{module!r} is a top-level module; write `{better}`"
    )


def top_level_names(root: str) -> dict[str, bool]:
    """The names a worker's files can be imported by; False for a folder that may turn out to be somebody else's."""
    names: dict[str, bool] = {}
    for entry in Path(root).iterdir():
        if entry.suffix == ".py" and entry.stem.isidentifier():
            names[entry.stem] = True
        elif entry.name.isidentifier() and entry.name != "__pycache__" and entry.is_dir():
            names[entry.name] = names.get(entry.name, False) or (entry / "__init__.py").is_file()
    for name in shadowing.NEVER_OWN.intersection(names):
        del names[name]
    return names


def _free_prefix(wanted: str) -> str:
    """`wanted`, or with a number behind it where another sandbox of this process uses it."""
    if wanted not in _by_prefix:
        return wanted
    return next(name for n in itertools.count(2) if (name := f"{wanted}_{n}") not in _by_prefix)


def _package(name: str, path: list[str]) -> ModuleType:
    module = ModuleType(name)
    module.__path__ = path
    module.__package__ = name
    return module
