"""Which files of its own folder a worker reads: a template or a table that is edited concerns it as its code does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.loader.imports import namespace_under
from sandbox.runtime.context import current_worker
from sandbox.runtime.place import worker_line
from sandbox.runtime.protocols import Checks

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
NO_SUCH_FILE = 44
"""What ENOENT is in Emscripten."""
_installed = False
_tries: list[set[str]] = []


def install() -> None:
    """Listen for opened files (idempotent; an audit hook stays until the process ends).

    Raised by `open`, `io.open`, `Path.read_text`, `os.open` and all that rests on them: PEP 578. Sources are opened so
    too, and are known already.
    """
    global _installed
    if not _installed:
        _installed = True
        sys.addaudithook(_hear)


@contextmanager
def what_is_opened() -> Iterator[set[str]]:
    """The files that are opened within, or would be if they were there, as `Namespace.opened` has them."""
    tried: set[str] = set()
    _tries.append(tried)
    try:
        yield tried
    finally:
        _tries[:] = [each for each in _tries if each is not tried]


def _tell(checks: Checks, real: str) -> None:
    """Raises FileNotFoundError where what fails on Cloudflare fails here."""
    place = worker_line(sys._getframe(2))
    if place is not None and checks.opened(real, place):
        raise FileNotFoundError(NO_SUCH_FILE, "No such file or directory", real)


def _hear(event: str, args: tuple[Any, ...]) -> None:
    if event != "open" or len(args) < 3:
        return
    context = current_worker.get(None)
    if context is None:
        return
    namespace = namespace_under(context)
    name = args[0]
    if namespace is None or isinstance(name, int) or name is None:
        return
    real = os.path.realpath(os.fsdecode(name))
    if real.startswith(namespace.boundary + os.sep) and not real.endswith(".py"):
        if args[2] & _WRITES:
            # What a worker writes it would be reloaded by, for ever.
            namespace.written.add(real)
            namespace.opened.discard(real)
        elif real not in namespace.written:
            namespace.opened.add(real)
            for tried in _tries:
                tried.add(real)
            checks = getattr(context, "checks", None)
            if checks is not None:
                _tell(checks, real)
