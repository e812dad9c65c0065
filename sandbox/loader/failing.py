"""An event that failed: told on the console and in the log, and made into what its caller is given."""

from __future__ import annotations

import asyncio

from sandbox.errors import BadBody, ClientGone, LimitExceeded, WorkerExceeded, WorkerFailed
from sandbox.loader.failures import describe_failure, headline, one_line
from sandbox.loader.generation import Generation
from sandbox.loader.post_mortem import post_mortem
from sandbox.loader.tracebacks import is_passed_on
from sandbox.runtime.protocols import Emit
from sandbox.runtime.web import Request


def failed(
    error: BaseException, generation: Generation, emit: Emit, request: Request | None = None, what: str = ""
) -> WorkerFailed:
    """What to raise from `error`, once it is told. Raises `error` itself where the event was ended from outside."""
    config = generation.config
    if isinstance(error, asyncio.CancelledError) or (isinstance(error, GeneratorExit) and not _in_a_task()):
        raise error
    if not isinstance(error, ClientGone | BadBody):  # the client's doing
        text = headline(error, config) if is_passed_on(error) else describe_failure(error, config)
        emit("exception", worker=config.name, text=text)
        post_mortem(error, generation.context, request, what)
    if isinstance(error, LimitExceeded):
        return WorkerExceeded(config.name, error)
    return WorkerFailed(config.name, one_line(error))


def _in_a_task() -> bool:
    """Whether a task is at work, and not the collector."""
    try:
        return asyncio.current_task() is not None
    except RuntimeError:
        return False
