"""Whose code a thread runs: what a worker hands to a thread is the worker's still."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, ContextVar, copy_context
from types import FrameType
from typing import Any

from sandbox.runtime.context import WorkerContext, current_worker
from sandbox.runtime.place import WORKERS, called_from, given_from, worker_line

_OURS = "sandbox."
_NOT_ITS_OWN = (_OURS, "aiohttp.")
"""What an HTTP client does with threads here (it looks names up) it does not do on Cloudflare."""

CLIENTS = ("requests", "urllib3", "httpx", "httpcore", "aiohttp")
"""HTTP clients that go by `fetch` on Cloudflare and open sockets here."""
given_client: ContextVar[str | None] = ContextVar("sandbox_given_client", default=None)
"""The client that gave the running thread its work."""

_users = 0
_handed_over: Callable[[WorkerContext], object] = id
_real_start = threading.Thread.start
_real_submit: Any = ThreadPoolExecutor.submit


def attribute_threads(handed_over: Callable[[WorkerContext], None]) -> Callable[[], None]:
    """Let threads and thread pools run a worker's work as that worker, until what is returned is called. `handed_over`
    is told before each piece of work, in the thread that gives it.

    Context variables do not pass to a new thread by themselves (before Python 3.14, and there only on request).
    """
    global _users, _handed_over
    _users += 1
    _handed_over = handed_over
    if _users == 1:
        threading.Thread.start = _start  # type: ignore[method-assign]
        ThreadPoolExecutor.submit = _submit  # type: ignore[method-assign, assignment]

    def undo() -> None:
        global _users
        _users -= 1
        if _users == 0 and threading.Thread.start is _start:
            threading.Thread.start = _real_start  # type: ignore[method-assign]
        if _users == 0 and ThreadPoolExecutor.submit is _submit:
            ThreadPoolExecutor.submit = _real_submit  # type: ignore[method-assign]

    return undo


def http_client(frame: FrameType | None) -> str | None:
    """The HTTP client that does it for a worker: the outermost of those between here and the worker's own code, or the
    sandbox's (aiohttp serves that, too)."""
    found = given_client.get()
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith((WORKERS, _OURS)):
            break
        top = name.partition(".")[0]
        found = top if top in CLIENTS else found
        frame = frame.f_back
    return found


def _start(self: threading.Thread) -> None:
    worker = current_worker.get()
    if worker is not None and _started_by_worker(sys._getframe(1)):
        _tell(worker, "a thread is started")
        context, run = _context(worker), self.run

        def run_as_worker() -> None:
            try:
                context.run(run)
            finally:
                self.__dict__.pop("run", None)  # what is done must not keep the worker's generation alive

        self.run = run_as_worker  # type: ignore[method-assign]
    _real_start(self)


def _submit(self: ThreadPoolExecutor, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
    worker = current_worker.get()
    if worker is None:
        return _real_submit(self, fn, *args, **kwargs)  # type: ignore[no-any-return]
    _tell(worker, "work is handed to a thread")
    # The pool's own threads are nobody's: they outlive this work, and must not keep a worker's context.
    return Context().run(_real_submit, self, _context(worker).run, fn, *args, **kwargs)


def _tell(worker: WorkerContext, message: str) -> None:
    """Raises RuntimeError where what fails on Cloudflare fails here."""
    place = worker_line(sys._getframe(2), _NOT_ITS_OWN) if worker.checks is not None else None
    if worker.checks is not None and place is not None and worker.checks.found("threads", message, place):
        raise RuntimeError("can't start new thread")


def _context(worker: WorkerContext) -> Context:
    _handed_over(worker)
    context = copy_context()
    context.run(given_from.set, called_from(sys._getframe(2)))
    context.run(given_client.set, http_client(sys._getframe(2)))
    return context


def _started_by_worker(frame: FrameType | None) -> bool:
    """Whether a worker's code starts a thread, and not the sandbox's (a database opened at a worker's first use)."""
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(WORKERS) or name == "asyncio.events":
            return True  # a task of the worker's, begun by the loop
        if name.startswith(_OURS):
            return False
        frame = frame.f_back
    return True
