"""A traceback as a person wants to read it: the lines of workers first, the machinery folded away.

A service call is chained to the callee's traceback: the exception that the caller saw has the callee's as its cause, and
each traceback says whose it is where that is another worker than the one it is told of.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import FrameType

from sandbox.config.models import WorkerConfig
from sandbox.errors import LimitExceeded, shortened
from sandbox.loader.imports import ROOT, owner_of
from sandbox.runtime.values import JsException

_SANDBOX = str(Path(__file__).parents[1]) + os.sep
_ENDING = str(Path(__file__).with_name("ending.py"))
_LONGEST_CHAIN, _LARGEST_GROUP, _DEEPEST_GROUP = 100, 10, 5
_EARLIEST, _LATEST = 3, 5
"""Of a long chain: where it began, and how it came here."""
_MOST_CALLS = 3
_STANDARD = (str(Path(os.__file__).parent) + os.sep, "<frozen ")


@dataclass(frozen=True, slots=True)
class Place:
    """A line of worker code: `file` is below the worker's folder, where that is known."""

    worker: str
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


def worker_of(frame: FrameType) -> str | None:
    """The name of the worker whose code a frame runs (of whatever generation), None for all other code."""
    module = frame.f_globals.get("__name__")
    if not isinstance(module, str) or not module.startswith(ROOT + "."):
        return None
    owner = owner_of(module)
    # A generation that was let go is known by its prefix alone: `sandbox_workers.feeds_g3.utils`.
    return owner.worker if owner is not None else module.split(".")[1].rpartition("_g")[0]


def innermost(error: BaseException, home: WorkerConfig) -> Place | None:
    """Where an exception passed worker code last, or was raised."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        name = _owner(frame, home)
        if name is not None:
            owner = owner_of(frame.f_globals.get("__name__"))
            roots = [owner.boundary] if name != home.name and owner is not None else _roots(home)
            return Place(name, below(frame.f_code.co_filename, roots), line, frame.f_code.co_name)
    return None


def begun_at(error: BaseException, home: WorkerConfig) -> Place | None:
    """Where an exception began that came to `home` through a service call; None where it began at home."""
    place, seen = None, set[int]()
    cause = error.__cause__
    while cause is not None and id(cause) not in seen and len(seen) < _LONGEST_CHAIN:
        seen.add(id(cause))
        there = innermost(cause, home)
        if there is not None and there.worker != home.name:
            place = there
        cause = cause.__cause__
    return place


def lines_of(
    error: BaseException, name: str | None, home: WorkerConfig | None = None, *, depth: int = 0
) -> Iterator[str]:
    """The tracebacks of an exception and of what led to it, in Python's order and words; of a long chain both ends, of a
    chain without end the newest, of a group the first.

    `name` is the worker it is told of; with its configuration, files that were not imported are known as its own. Runs
    of frames of the sandbox, the SDK and the standard library are one line each, and what called the worker is left
    out; frames of other packages stay.
    """
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
    left_out = range(_EARLIEST, len(links) - _LATEST)
    for number, (link, joint) in enumerate(reversed(links)):
        if number in left_out:
            if number == left_out[0]:
                yield from (f"({len(left_out)} exceptions in between are left out)", "")
            continue
        yield from _traceback(link, name, home)
        yield from shortened(_last_lines(link)).split("\n")
        if isinstance(link, BaseExceptionGroup) and depth < _DEEPEST_GROUP:
            for place, inner in enumerate(link.exceptions[:_LARGEST_GROUP], 1):
                yield f"  [{place}]"
                yield from (f"  | {line}" for line in lines_of(inner, name, home, depth=depth + 1))
        if joint:
            yield from ("", joint, "")


def is_passed_on(error: BaseException) -> bool:
    """Whether an exception came through so many service calls that its traceback was told often enough: each call on the
    way tells its own, with all that led to it."""
    calls, seen = 0, set[int]()
    link: BaseException | None = error
    while link is not None and id(link) not in seen and calls <= _MOST_CALLS:
        seen.add(id(link))
        calls += isinstance(link, JsException) and link.__cause__ is not None
        link = link.__cause__
    return calls > _MOST_CALLS


def is_machinery(filename: str) -> bool:
    """Whether a file is the sandbox's, the SDK's or the standard library's."""
    if filename.startswith(_SANDBOX):
        return True
    sdk = sys.modules.get("workers")
    if sdk is not None and sdk.__file__ and filename.startswith(str(Path(sdk.__file__).parent) + os.sep):
        return True
    return filename.startswith(_STANDARD) and f"{os.sep}site-packages{os.sep}" not in filename


def below(filename: str, roots: list[str]) -> str:
    """The path below the first of `roots` that holds it, else as it is."""
    for root in roots:
        if filename.startswith(root + os.sep):
            return filename[len(root) + 1 :]
    return filename


def short_path(filename: str, worker: WorkerConfig) -> str:
    """The path below the worker's folder."""
    return below(filename, _roots(worker))


def is_own(filename: str, worker: WorkerConfig) -> bool:
    """Whether a file lies in the worker's folder."""
    return filename.startswith(str(worker.root) + os.sep) or os.path.realpath(filename).startswith(
        os.path.realpath(worker.root) + os.sep
    )


def _roots(worker: WorkerConfig) -> list[str]:
    return [str(worker.root), os.path.realpath(worker.root)]


def _owner(frame: FrameType, home: WorkerConfig | None) -> str | None:
    name = worker_of(frame)
    if name is None and home is not None and is_own(frame.f_code.co_filename, home):
        return home.name
    return name


def _before(error: BaseException) -> tuple[BaseException | None, str]:
    """What led to an exception, and Python's words for how."""
    if error.__cause__ is not None:
        return error.__cause__, "The above exception was the direct cause of the following exception:"
    if error.__context__ is not None and not error.__suppress_context__:
        return error.__context__, "During handling of the above exception, another exception occurred:"
    return None, ""


def _last_lines(error: BaseException) -> str:
    """Type and text, as Python writes them. What led to it is set aside: Python would look at all of that each time."""
    before = (error.__cause__, error.__context__, error.__suppress_context__)
    error.__cause__ = error.__context__ = None
    try:
        return "".join(traceback.format_exception_only(error)).rstrip("\n")
    finally:
        error.__cause__, error.__context__, error.__suppress_context__ = before


def _traceback(error: BaseException, name: str | None, home: WorkerConfig | None) -> Iterator[str]:
    owners = [_owner(frame, home) for frame, _ in traceback.walk_tb(error.__traceback__)]
    pairs = list(zip(owners, traceback.extract_tb(error.__traceback__), strict=False))
    if isinstance(error, LimitExceeded):
        # What raised it interrupted the worker's line and was not called by it.
        pairs = [pair for pair in pairs if not pair[1].filename.startswith(_ENDING)] or pairs
    first = next((number for number, (owner, _) in enumerate(pairs) if owner is not None), None)
    whose = pairs[first][0] if first is not None else None
    elsewhere = whose is not None and name is not None and whose != name
    yield "Traceback (most recent call last)" + (f", in worker {whose}:" if elsewhere else ":")
    # What stands before a worker's first frame called it, whatever it is.
    for folded, run in groupby(pairs[first:], key=lambda pair: pair[0] is None and is_machinery(pair[1].filename)):
        shown = [frame for _, frame in run]
        if folded:
            count = len(shown)
            yield f"  ... {count} frame{'s' if count > 1 else ''} of the sandbox, the SDK and Python"
        else:
            # Formatted together, so that a recursion's frames are counted and not repeated.
            yield from "".join(traceback.format_list(shown)).rstrip("\n").split("\n")
