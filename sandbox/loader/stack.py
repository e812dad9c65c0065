"""Where the loop's thread is: which handle the loop runs, which worker's code is innermost on the stack, what it calls."""

from __future__ import annotations

import ast
import asyncio
import linecache
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from types import CodeType, FrameType

from sandbox.loader.imports import worker_of
from sandbox.runtime.stdlib.clocks import SLEEP
from sandbox.runtime.switching import Switching

_RUN = asyncio.Handle._run.__code__
_DEBUGGERS = ("bdb", "pdb", "pydevd", "_pydevd", "debugpy")
# Code that holds a lock or a half-made change which others need: nothing is raised while the worker is in there.
_DELICATE = frozenset(
    {"sandbox", "workers", "asyncio", "logging", "importlib", "_frozen_importlib", "_frozen_importlib_external"}
)
_LONGEST_CALL = 60


@dataclass(slots=True)
class Stack:
    """What a thread is doing. Holds frames, so it is for the moment only: kept longer, they would be freed by the wrong
    thread.

    `handle` is what the event loop runs, `frame` the innermost frame of a worker's own code below it, `worker` that
    worker's folded name, `between` the frames which that code has called, the innermost first.
    """

    handle: asyncio.Handle | None
    frame: FrameType | None
    worker: str | None
    between: Sequence[FrameType]

    @property
    def debugged(self) -> bool:
        """Whether a debugger holds the code."""
        return any(_module(frame).startswith(_DEBUGGERS) for frame in self.between)

    @property
    def importing(self) -> bool:
        """Whether the worker's code waits for an import of a package it shares with others."""
        return any(frame.f_code.co_filename.startswith("<frozen importlib") for frame in self.between)

    @property
    def delicate(self) -> bool:
        """Whether an exception raised here could leave something broken that is not the worker's own."""
        return any(
            frame.f_code is not SLEEP and _module(frame).partition(".")[0] in _DELICATE for frame in self.between
        )

    @property
    def storing(self) -> bool:
        """Whether the state on disk is being read or written."""
        return any(_module(frame).startswith("sandbox.storage") for frame in self.between)

    @property
    def place(self) -> str | None:
        """`FILE:LINE` of the worker's code, where that is at work and does not sleep."""
        if self.frame is None or any(frame.f_code is SLEEP for frame in self.between):
            return None
        return f"{self.frame.f_code.co_filename}:{self.frame.f_lineno}"

    def point(self) -> Point | None:
        """The worker's line that is being run."""
        if self.frame is None or self.worker is None:
            return None
        return Point(self.worker, self.frame.f_code, self.frame.f_lasti, self.frame.f_lineno)


@dataclass(frozen=True, slots=True)
class Point:
    """A place in a worker's code, without the frame."""

    worker: str
    code: CodeType
    instruction: int
    line: int

    @property
    def calling(self) -> str | None:
        """What is called there (`time.sleep`), by the source; None where the line runs by itself."""
        at = next(islice(self.code.co_positions(), self.instruction // 2, None), (None, None, None, None))
        line, last, start, end = at
        if line is None or last is None or start is None or end is None:
            return None
        lines = [text.encode() for text in linecache.getlines(self.code.co_filename)[line - 1 : last]]
        if not lines:
            return None
        lines[-1] = lines[-1][:end]
        lines[0] = lines[0][start:]
        try:
            node = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
        except (SyntaxError, ValueError, SystemError):
            return None  # the file has changed since, or (CPython 3.11) another thread parses, too
        return ast.unparse(node.func)[:_LONGEST_CALL] if isinstance(node, ast.Call) else None


def read_stack(frame: FrameType | None) -> Stack:
    """What is on the stack from `frame`, the innermost one, out to what the event loop runs."""
    between: list[FrameType] = []
    own: FrameType | None = None
    worker: str | None = None
    while frame is not None and frame.f_code is not _RUN:
        if own is None:
            worker = worker_of(frame.f_globals.get("__name__"))
            if worker is not None:
                own = frame
            else:
                between.append(frame)
        frame = frame.f_back or Switching.left(frame)
    handle = None if frame is None else frame.f_locals.get("self")
    return Stack(handle, own if handle is not None else None, worker if handle is not None else None, between)


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name if isinstance(name, str) else ""
