"""A worker's exception as a person wants to read it: the worker's own lines, the machinery folded away."""

from __future__ import annotations

import importlib.util
import os
import sys
import traceback
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from sandbox.config.models import WorkerConfig
from sandbox.errors import LimitExceeded, SandboxError, WorkerFailed, shortened, text_of
from sandbox.loader.imports import plain_text
from sandbox.loader.packages import install_hint
from sandbox.runtime.values import JsException

NO_FETCH = "Handler does not export a fetch() function."  # workerd's words
_SANDBOX = str(Path(__file__).parents[1]) + os.sep
_ENDING = str(Path(__file__).with_name("ending.py"))
_LONGEST_CHAIN, _LARGEST_GROUP, _DEEPEST_GROUP = 30, 10, 5
_STANDARD = (str(Path(os.__file__).parent) + os.sep, "<frozen ")


def describe_failure(error: BaseException, worker: WorkerConfig) -> str:
    """The text for a console: a head line with the place in the worker's code, then a plain traceback.

    Runs of frames of the sandbox, the SDK and the standard library are one line each; frames of other packages stay.
    Module names are those the worker uses. The last line says what to install where a package is missing.
    """
    error = _root(error)
    lines = [headline(error, worker)]
    if not isinstance(error, SyntaxError) or error.__traceback__ is not None:
        lines += _chain(error, worker)
    hint = hint_for(error, worker)
    if hint:
        lines.append(f"hint: {hint}")
    return plain_text("\n".join(lines))


def headline(error: BaseException, worker: WorkerConfig) -> str:
    """One line: `name: ValueError: boom (src/entry.py:12 in fetch)`, the place being the worker's innermost."""
    error = _root(error)
    place = ""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(frame.filename, worker)]
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({short_path(error.filename, worker)}:{error.lineno})"
    elif own:
        place = f" ({short_path(own[-1].filename, worker)}:{own[-1].lineno} in {own[-1].name})"
    elif isinstance(error, LimitExceeded):
        place = f" ({error.place})"
    return plain_text(f"{worker.name}: {one_line(error)}{place}")


def one_line(error: BaseException) -> str:
    """`ValueError: boom`, without a traceback and on one line."""
    text = text_of(error, error.msg if isinstance(error, SyntaxError) else None)
    name = type(error).__qualname__
    return plain_text(f"{name}: {' '.join(text.split())}" if text else name)


def is_from(error: BaseException, worker: WorkerConfig) -> bool:
    """Whether the worker's code raised it: one of its frames is in the traceback, or it is a JavaScript error or no
    Exception at all, which nothing else lets through."""
    if isinstance(error, JsException) or not isinstance(error, Exception):
        return True
    return any(_is_own(frame.filename, worker) for frame in traceback.extract_tb(error.__traceback__))


def hint_for(error: BaseException, worker: WorkerConfig) -> str | None:
    """What to do about it, where that is known: the install line for a missing package."""
    error = _root(error)
    if isinstance(error, SandboxError):
        return error.hint
    if isinstance(error, TypeError) and error.args == (NO_FETCH,):
        return (
            f"{worker.main.name} needs `class Default(WorkerEntrypoint)` with a fetch method; a module-level on_fetch "
            "counts only for compatibility dates before 2025-08-14"
        )
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return None
    top = error.name.partition(".")[0]
    if top in sys.stdlib_module_names or (worker.module_root / top).exists() or top == worker.main_module:
        return None
    if (worker.module_root / f"{top}.py").exists() or _installed(top):
        return None
    return install_hint(error.name, worker)


def _installed(top: str) -> bool:
    try:
        return importlib.util.find_spec(top) is not None
    except (ImportError, ValueError):
        return False


def _root(error: BaseException) -> BaseException:
    """The worker's exception inside the sandbox's wrapping."""
    while isinstance(error, WorkerFailed) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _chain(error: BaseException, worker: WorkerConfig, depth: int = 0) -> Iterator[str]:
    """The tracebacks of an exception and of what led to it, in Python's order and words; of a chain without end the
    newest, of a group the first."""
    links: list[tuple[BaseException, str]] = []
    seen: set[int] = set()
    following: BaseException | None = error
    joint = ""
    while following is not None and id(following) not in seen and len(links) < _LONGEST_CHAIN:
        seen.add(id(following))
        links.append((following, joint))
        following, joint = _before(following)
    if following is not None and id(following) not in seen:
        yield "(earlier exceptions are left out)"
    for link, joint in reversed(links):
        yield from _one(link, worker, depth)
        if joint:
            yield from ("", joint, "")


def _before(error: BaseException) -> tuple[BaseException | None, str]:
    """What led to an exception, and Python's words for how."""
    if error.__cause__ is not None:
        return error.__cause__, "The above exception was the direct cause of the following exception:"
    if error.__context__ is not None and not error.__suppress_context__:
        return error.__context__, "During handling of the above exception, another exception occurred:"
    return None, ""


def _one(error: BaseException, worker: WorkerConfig, depth: int) -> Iterator[str]:
    yield "Traceback (most recent call last):"
    frames = traceback.extract_tb(error.__traceback__)
    if isinstance(error, LimitExceeded):
        # What raised it interrupted the worker's line and was not called by it.
        frames = traceback.StackSummary.from_list([f for f in frames if not f.filename.startswith(_ENDING)] or frames)
    yield from _frames(frames, worker)
    yield from shortened(_last_lines(error)).split("\n")
    if isinstance(error, BaseExceptionGroup) and depth < _DEEPEST_GROUP:
        for number, inner in enumerate(error.exceptions[:_LARGEST_GROUP], 1):
            yield f"  [{number}]"
            yield from (f"  | {line}" for line in _chain(inner, worker, depth + 1))


def _last_lines(error: BaseException) -> str:
    """Type and text, as Python writes them. What led to it is set aside: Python would look at all of that each time."""
    before = (error.__cause__, error.__context__, error.__suppress_context__)
    error.__cause__ = error.__context__ = None
    try:
        return "".join(traceback.format_exception_only(error)).rstrip("\n")
    finally:
        error.__cause__, error.__context__, error.__suppress_context__ = before


def _frames(frames: traceback.StackSummary, worker: WorkerConfig) -> Iterator[str]:
    # What stands before the worker's first frame called it, whatever it is.
    first = next((i for i, frame in enumerate(frames) if _is_own(frame.filename, worker)), 0)
    folds = [
        index < first or (not _is_own(frame.filename, worker) and is_machinery(frame.filename))
        for index, frame in enumerate(frames)
    ]
    for folded, run in groupby(zip(folds, frames, strict=True), key=lambda pair: pair[0]):
        shown = [frame for _, frame in run]
        if folded:
            yield _fold_line(len(shown))
        else:
            # Formatted together, so that a recursion's frames are counted and not repeated.
            yield from "".join(traceback.format_list(shown)).rstrip("\n").split("\n")


def _fold_line(count: int) -> str:
    return f"  ... {count} frame{'s' if count > 1 else ''} of the sandbox, the SDK and Python"


def _is_own(filename: str, worker: WorkerConfig) -> bool:
    return filename.startswith(str(worker.root) + os.sep) or os.path.realpath(filename).startswith(
        os.path.realpath(worker.root) + os.sep
    )


def is_machinery(filename: str) -> bool:
    """Whether a file is the sandbox's, the SDK's or the standard library's."""
    if filename.startswith(_SANDBOX):
        return True
    sdk = sys.modules.get("workers")
    if sdk is not None and sdk.__file__ and filename.startswith(str(Path(sdk.__file__).parent) + os.sep):
        return True
    return filename.startswith(_STANDARD) and f"{os.sep}site-packages{os.sep}" not in filename


def short_path(filename: str, worker: WorkerConfig) -> str:
    for root in (str(worker.root), os.path.realpath(worker.root)):
        if filename.startswith(root + os.sep):
            return filename[len(root) + 1 :]
    return filename
