"""What failed, as text for people: whose code it was, that code's frames first, secrets taken out."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError, text_of
from sandbox.loader.failures import describe_failure, headline, is_from, raised_by

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox

logger = logging.getLogger("sandbox")


class Failures:
    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def describe(self, error: BaseException, worker: str | None = None) -> str:
        """A worker's exception with its traceback; where no worker is to be found, its type and text."""
        workers, redact = self._sandbox.workers, self._sandbox.redact
        name = worker or getattr(error, "worker", None)
        cause = error.__cause__ if isinstance(error, SandboxError) and error.__cause__ else error
        if name is None or not workers.has(name):
            return redact(f"{type(cause).__name__}: {text_of(cause)}")
        return redact(describe_failure(cause, workers.config(name)))

    def in_a_line(self, worker: str, error: BaseException) -> str:
        """What failed in a worker that is hosted here, and where, without a traceback."""
        return self._sandbox.redact(headline(error, self._sandbox.workers.config(worker)))

    def describe_unhandled(self, error: BaseException) -> str:
        """An exception that a task or a callback let through: a worker's like every other of it, a bug of ours whole."""
        name = raised_by(error)
        if name is not None and self._sandbox.workers.has(name):
            return self.describe(error, name)
        return self._sandbox.redact("".join(traceback.format_exception(error)).rstrip())

    def of_request(self, worker: str | None, error: BaseException) -> None:
        """What the host could not answer. What a call of a worker raised was told already, with its traceback; what it
        raised later, in the middle of a streamed body, was not."""
        if isinstance(error, SandboxError):
            return
        workers = self._sandbox.workers
        if worker is not None and workers.has(worker) and is_from(error, workers.config(worker)):
            self._sandbox.events.emit("exception", worker=worker, text=self.describe(error, worker))
        else:
            logger.error("a request failed inside the sandbox", exc_info=error)
