"""Where in a worker's code something happens: the innermost line of its own on the stack."""

from __future__ import annotations

from contextvars import ContextVar
from types import FrameType

WORKERS = "sandbox_workers."
"""What the names of worker modules begin with, see `sandbox.loader.imports`."""
_OURS = "sandbox."

given_from: ContextVar[str | None] = ContextVar("sandbox_given_from", default=None)
"""The line that gave the running thread its work."""


def called_from(frame: FrameType | None) -> str | None:
    """`FILE:LINE` of the innermost frame of worker code, or of the one that gave this thread its work."""
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(WORKERS):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        frame = frame.f_back
    return given_from.get()


def worker_line(frame: FrameType | None, stop_at: tuple[str, ...] = (_OURS,)) -> str | None:
    """`FILE:LINE` of the innermost frame of worker code, None where one of a module whose name begins with something of
    `stop_at` comes first: then it was not the worker who did it."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(WORKERS):
            return f"{frame.f_code.co_filename}:{frame.f_lineno}"
        if name.startswith(stop_at):
            return None
        frame = frame.f_back
    return None
