"""The errors a person may see. Each has a code, one sentence of what is wrong and one of what to do."""

from __future__ import annotations

from typing import Any


class SandboxError(Exception):
    """Base of every error the sandbox raises on purpose.

    `code` is stable and machine-readable, `status` is the HTTP status it becomes on the orchestrator's address,
    `hint` says what to do about it, `exit_code` is what the command line ends with.
    """

    code = "error"
    status = 500
    exit_code = 1

    def __init__(
        self, message: str, *, hint: str | None = None, code: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status

    def as_json(self) -> dict[str, Any]:
        """The one error shape of every endpoint: `{"success": false, "error": {"code", "message", "hint"}}`."""
        return {"success": False, "error": {"code": self.code, "message": self.message, "hint": self.hint}}


class UserError(SandboxError):
    """Something the person can mend. The command line prints it in one or two lines, without a traceback."""

    code = "user_error"
    status = 400


class UsageError(UserError):
    """Wrong words on the command line (exit code 2)."""

    code = "usage"
    exit_code = 2


class BadFilter(UsageError):
    """A list was asked for what cannot be in it: a status that is none, a name that nothing has."""

    code = "bad_filter"


class NotFound(UserError):
    """No such worker, execution, reference, key or route."""

    code = "not_found"
    status = 404


class BadBody(UserError):
    """A request's body cannot be read: the client framed it wrongly."""

    code = "bad_body"


class ClientGone(ConnectionError):
    """The client left before its request was whole or its answer complete."""


class Conflict(UserError):
    """The thing exists already or is in another state than asked for."""

    code = "conflict"
    status = 409


class WorkerFailed(SandboxError):
    """A worker's code raised; `__cause__` is its exception, with its traceback.

    `worker` is the worker's name. On Cloudflare this is error 1101, status 500.
    """

    code = "worker_exception"

    def __init__(self, worker: str, message: str) -> None:
        super().__init__(message)
        self.worker = worker


class LimitExceeded(BaseException):
    """Raised in a worker's code where it keeps the event loop for longer than its limit.

    No Exception, so that `except Exception` does not swallow it. `place` is the worker's line it was raised at.
    """

    def __init__(self, message: str, place: str) -> None:
        super().__init__(message)
        self.place = place


class WorkerExceeded(WorkerFailed):
    """A worker kept the event loop for longer than its limit and was ended; `__cause__` is the LimitExceeded.

    On Cloudflare this is error 1102, status 503.
    """

    code = "worker_exceeded_limits"
    status = 503

    def __init__(self, worker: str, error: LimitExceeded) -> None:
        super().__init__(worker, f"Worker exceeded resource limits at {error.place}: {error}")
        self.hint = (
            "await something in between, do less in one go, or raise [limits] cpu_ms in the worker's wrangler file"
        )


class WorkerUnavailable(SandboxError):
    """A worker has no generation that can serve: its code does not import and no earlier one is left.

    `__cause__` is the import error where there is one.
    """

    code = "worker_unavailable"
    status = 503

    def __init__(self, worker: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.worker = worker


class ConnectionLost(SandboxError):
    """A connection that was cut on purpose, by a fault or by hand. Over HTTP the client's connection is aborted; to
    worker code it is the error it gets for a lost one, in Cloudflare's words."""

    code = "connection_lost"
    status = 502

    def __init__(self, why: str) -> None:
        super().__init__("Network connection lost.", hint=why)


LONGEST_TEXT = 8192
"""Characters of an exception's text that are shown."""


def text_of(error: BaseException, text: object = None) -> str:
    """`str(error)` (or of `text`), shortened where it is huge, and whatever a worker's own `__str__` does."""
    try:
        return shortened(str(error if text is None else text))
    except BaseException as failed:
        return f"<its text cannot be had: {type(failed).__name__}>"


def shortened(text: str) -> str:
    """At most LONGEST_TEXT characters, and how many there were."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}... ({len(text)} characters)"
