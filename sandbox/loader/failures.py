"""A worker's exception as a person wants to read it: the worker's own lines, the machinery folded away."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable

from sandbox.config.models import WorkerConfig
from sandbox.errors import LimitExceeded, SandboxError, WorkerFailed, text_of
from sandbox.loader.imports import plain_text, worker_of
from sandbox.loader.packages import install_hint
from sandbox.loader.tracebacks import begun_at, innermost, is_own, lines_of, short_path
from sandbox.runtime.values import JsException

NOT_A_RESPONSE = "Incorrect type for Promise: the Promise did not resolve to 'Response'."  # workerd's words
NO_FETCH = "Handler does not export a fetch() function."  # workerd's words


def describe_failure(error: BaseException, worker: WorkerConfig) -> str:
    """The text for a console: a head line with the place in the worker's code, then a plain traceback.

    What the traceback leaves out and folds, see `lines_of`. Module names are those the worker uses. The last line says
    what to install where a package is missing; the head line says all that a traceback would.
    """
    error = _root(error)
    lines = [headline(error, worker)]
    hint = hint_for(error, worker)
    absent = isinstance(error, ModuleNotFoundError) and hint is not None
    if not absent and (not isinstance(error, SyntaxError) or error.__traceback__ is not None):
        lines += lines_of(error, worker.name, worker)
    if hint:
        lines.append(f"hint: {hint}")
    return plain_text("\n".join(lines))


def headline(error: BaseException, worker: WorkerConfig) -> str:
    """One line: `name: ValueError: boom (src/entry.py:12 in fetch)`, the place being the worker's innermost."""
    error = _root(error)
    place = ""
    own = innermost(error, worker)
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({short_path(error.filename, worker)}:{error.lineno})"
    elif own is not None:
        began = begun_at(error, worker)
        place = f" ({own})" if began is None else f" ({own}, from {began.worker} {began})"
    elif isinstance(error, LimitExceeded):
        place = f" ({error.place})"
    return plain_text(f"{worker.name}: {one_line(error)}{place}")


def one_line(error: BaseException) -> str:
    """`ValueError: boom`, without a traceback and on one line."""
    text = text_of(error, error.msg if isinstance(error, SyntaxError) else None)
    name = type(error).__qualname__
    return plain_text(f"{name}: {' '.join(text.split())}" if text else name)


def not_a_response(answer: object, handler: Callable[..., object], worker: WorkerConfig) -> TypeError:
    """What to raise where a handler has answered with something else."""
    function = inspect.unwrap(getattr(handler, "__func__", handler))
    code = getattr(function, "__code__", None)
    where = "" if code is None else f" ({short_path(code.co_filename, worker)}:{code.co_firstlineno})"
    error = TypeError(NOT_A_RESPONSE)
    what = "None" if answer is None else f"a {type(answer).__qualname__}"
    name = plain_text(getattr(function, "__qualname__", type(function).__qualname__))
    error.add_note(f"{name}{where} returned {what}, where a workers.Response is wanted.")
    return error


def raised_by(error: BaseException) -> str | None:
    """The folded name of the worker whose code is innermost in the traceback."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return next((name for frame in reversed(frames) if (name := worker_of(frame.f_globals.get("__name__")))), None)


def is_from(error: BaseException, worker: WorkerConfig) -> bool:
    """Whether the worker's code raised it: one of its frames is in the traceback, or it is a JavaScript error or no
    Exception at all, which nothing else lets through."""
    if isinstance(error, JsException) or not isinstance(error, Exception):
        return True
    return any(is_own(frame.filename, worker) for frame in traceback.extract_tb(error.__traceback__))


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
