"""Finds and runs the modules of a worker: from source, never from (or into) a `.pyc`, each with its own builtins."""

from __future__ import annotations

import os
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from sandbox.loader.imports import ROOT, Namespace, namespace_of, owner_of, speak_plainly
from sandbox.runtime.stdlib import dates
from sandbox.runtime.tape import current_tape

_KEPT_CODE = 1024
# Compiled code by file, with a digest of the source it was made from: a reload compiles only what was edited, and a
# file saved twice within one tick of the file system's clock is still compiled twice.
_compiled: OrderedDict[str, tuple[bytes, CodeType]] = OrderedDict()
_reads: list[dict[str, bytes]] = []


class WorkerFinder(MetaPathFinder):
    """Answers for names under `sandbox_workers.` and for nothing else."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(ROOT) or fullname.count(".") < 2:
            return None
        _, label, *parts = fullname.split(".")
        namespace = namespace_of(f"{ROOT}.{label}")
        if namespace is None:
            return None
        if len(parts) == 1:
            if parts[0] == namespace.main_name:
                return _module_spec(fullname, namespace.main_file)
            if not namespace.owns(parts[0]):
                return None
        for folder in path or ():
            spec = _find_in(namespace, fullname, folder, parts[-1])
            if spec is not None:
                return spec
        return None


class SourceLoader(SourceFileLoader):
    """Runs one file of a worker. `co_filename` is its real path, so debuggers and tracebacks find the source."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        namespace = owner_of(fullname)
        kept = namespace.own_source(path) if namespace is not None else None
        source = self.get_data(path) if kept is None else kept
        digest = blake2b(source, digest_size=16).digest()
        for read in _reads:
            read[os.path.realpath(path)] = digest
        compiled = _compiled.get(path)
        if compiled is not None and compiled[0] == digest:
            _compiled.move_to_end(path)
            return compiled[1]
        written: Any = dates.by_clock(source, path) if dates.mentions_clock(source) else source
        code: CodeType = self.source_to_code(written, path)
        _compiled[path] = (digest, code)
        if len(_compiled) > _KEPT_CODE:
            _compiled.popitem(last=False)
        return code

    def compiles(self) -> bool:
        """Whether the file holds whole code. What was compiled is kept for the import that follows."""
        try:
            self.get_code(self.name)
        except (SyntaxError, ValueError, OSError):
            return False
        return True

    def exec_module(self, module: ModuleType) -> None:
        namespace = owner_of(module.__name__)
        if namespace is None:
            raise ImportError(f"{self.path} belongs to code that was replaced", name=module.__name__)
        path = self.get_filename(module.__name__)
        _refuse_outside(namespace, path)
        real = os.path.realpath(path)
        namespace.files[real] = b""  # known from here on, also where its code does not compile
        module.__dict__["__builtins__"] = namespace.builtins
        if "." not in namespace.plain(module.__name__) and not hasattr(module, "__path__"):
            # As on Cloudflare, where the folder of the main module is no package.
            module.__package__ = ""
        code = self.get_code(module.__name__)
        namespace.files[real] = _compiled[path][0]
        # A module first imported while a packet is at work is no part of that packet.
        before = current_tape.get()
        current_tape.set(None)
        try:
            exec(code, module.__dict__)  # noqa: S102  (this is what importing is)
        except ImportError as error:
            # `from utils import missing` fails in the worker's frame, not in its `__import__`.
            speak_plainly(error)
            raise
        finally:
            current_tape.set(before)


class FolderLoader:
    """A package without `__init__.py`: nothing to run, but its folder holds modules and resources."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def create_module(self, spec: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Nothing to run."""

    def is_package(self, fullname: str) -> bool:
        return True

    def get_source(self, fullname: str) -> str:
        return ""

    def get_data(self, path: str) -> bytes:
        return Path(path).read_bytes()

    def get_resource_reader(self, fullname: str) -> FolderReader:
        return FolderReader(self.folder)


class FolderReader:
    """What `importlib.resources` asks: the folder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)

    def files(self) -> Path:
        return self._folder


@contextmanager
def what_is_read() -> Iterator[dict[str, bytes]]:
    """The sources of workers that are read within: digests of their content, by real path."""
    read: dict[str, bytes] = {}
    _reads.append(read)
    try:
        yield read
    finally:
        _reads[:] = [each for each in _reads if each is not read]


def install_finder() -> None:
    """Put the finder first on `sys.meta_path` (idempotent): the path-based one would find the same files, and write
    byte code beside them."""
    if not any(isinstance(finder, WorkerFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, WorkerFinder())


def _find_in(namespace: Namespace, fullname: str, folder: str, name: str) -> ModuleSpec | None:
    base = Path(folder, name)
    init = base / "__init__.py"
    if init.is_file() or namespace.own_source(str(init)) is not None:
        return _module_spec(fullname, str(init), search=[str(base)])
    single = Path(folder, name + ".py")
    if single.is_file() or namespace.own_source(str(single)) is not None:
        return _module_spec(fullname, str(single))
    if base.is_dir():
        loader: Any = FolderLoader(str(base))
        spec = ModuleSpec(fullname, loader, is_package=True)
        spec.submodule_search_locations = [str(base)]
        return spec
    return None


def _module_spec(fullname: str, path: str, search: list[str] | None = None) -> ModuleSpec | None:
    return spec_from_file_location(
        fullname, path, loader=SourceLoader(fullname, path), submodule_search_locations=search
    )


def _refuse_outside(namespace: Namespace, path: str) -> None:
    real = os.path.realpath(path)
    if not real.startswith(namespace.boundary + os.sep):
        raise ImportError(
            f"{path} is a link that leads out of the worker's folder; a deployed worker has only what lies in it",
            path=path,
        )
