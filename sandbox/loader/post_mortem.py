"""`--pdb`: a prompt where worker code raised and nobody caught it, with the worker's frames and the request in hand."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sandbox.handshake import unhandled
from sandbox.loader.debugger import is_worker_frame, make_prompt, place_of, standing_still, terminal_problem
from sandbox.loader.failures import one_line
from sandbox.runtime.context import WorkerContext, current_invocation, current_worker
from sandbox.runtime.web import Request

LEAVE = "post mortem: `request` and `error` are at hand; c or q goes on, and the caller gets its answer"
LEAVE_EVENT = "post mortem: `error` is at hand; c or q goes on"
_SEEN = "_sandbox_post_mortem"
_enabled = False


def install_post_mortem() -> Callable[[], None]:
    """Open a prompt for every unhandled exception of worker code from now on. Returns what ends that."""
    global _enabled
    _enabled = True
    unhandled.watchers.append(_in_process)

    def uninstall() -> None:
        global _enabled
        _enabled = False
        unhandled.watchers.remove(_in_process)

    return uninstall


def post_mortem(error: BaseException, context: WorkerContext, request: Request | None, what: str = "") -> None:
    """Stop at `error`, which the code of `context` let through while it answered `request` (or `what`: an RPC call, a
    scheduled event). An exception that led to another one, through a service binding say, is stopped at once only.

    Nothing happens without `--pdb`, nor where no prompt can be opened.
    """
    if not _enabled or _seen_before(error) or _quit(error) or terminal_problem() is not None:
        return
    at = place_of(None, error.__traceback__)
    if at.worker is None:
        return
    if request is None and (invocation := current_invocation.get()) is not None:
        request = invocation.request  # of the worker that made the RPC call
    asked = f"{request.method} {request.url}" if request is not None else ""
    about = f"{what} for {asked}" if what and asked else what or asked
    prompt = make_prompt()
    with standing_still(at), _as_worker(context):  # the prompt's first words belong to it, too
        _lend(error, request)
        prompt.message(f"{about or at.worker} raised {one_line(error)}")
        prompt.message(LEAVE if request is not None else LEAVE_EVENT)
        prompt.reset()  # forgets sources that were edited since
        prompt.interaction(None, error.__traceback__)


def _in_process(error: BaseException) -> None:
    """An exception of a HandshakeWorker's `process`: it is answered, but no code of the worker's own handled it."""
    invocation = current_invocation.get()
    if invocation is not None:
        post_mortem(error, invocation.worker, invocation.request)


def _quit(error: BaseException | None) -> bool:
    """Whether it comes of a `q` at another prompt: who has ended the request there has seen enough."""
    bdb = sys.modules.get("bdb")
    while bdb is not None and error is not None:
        if isinstance(error, bdb.BdbQuit):
            return True
        error = error.__cause__
    return False


def _seen_before(error: BaseException | None) -> bool:
    """Whether a prompt was open for this exception, or for what led to it; marks it."""
    first, known = error, set()
    while error is not None and id(error) not in known:
        if getattr(error, _SEEN, False):
            return True
        known.add(id(error))
        error = error.__cause__ or error.__context__
    setattr(first, _SEEN, True)
    return False


def _lend(error: BaseException, request: Request | None) -> None:
    """Make `request` and `error` known in the worker's frames that have no such names of their own."""
    names: dict[str, Any] = {"error": error}
    if request is not None:
        names["request"] = sys.modules["workers"].Request(request)
    traceback = error.__traceback__
    while traceback is not None:
        frame = traceback.tb_frame
        if is_worker_frame(frame) and frame.f_locals is not frame.f_globals:
            for name, value in names.items():
                if name not in frame.f_globals:
                    frame.f_locals.setdefault(name, value)
        traceback = traceback.tb_next


@contextmanager
def _as_worker(context: WorkerContext) -> Iterator[None]:
    """What is typed at the prompt runs as the worker: `import` and `print` mean what they mean there."""
    before = current_worker.get(None)
    current_worker.set(context)
    try:
        yield
    finally:
        current_worker.set(before)
