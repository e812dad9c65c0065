"""Outbound calls of one invocation: how many there are, and how many of them wait at the same time."""

from __future__ import annotations

from sandbox.runtime.context import Usage, current_worker, usage
from sandbox.runtime.values import throw

CONNECTIONS = 6
"""That wait for an answer's headers at the same time; one more waits until one of them has them:
https://developers.cloudflare.com/workers/platform/limits/#simultaneous-open-connections"""
TOO_MANY = "Too many subrequests by single Worker invocation."


def count_subrequest() -> None:
    """Count an outbound call, or one to another worker, for the invocation that makes it. Raises JsException where it has
    made too many and that is to fail here."""
    worker, used = current_worker.get(), usage()
    if used is None or worker is None:
        return
    used.subrequests += 1
    checks = worker.checks
    if checks is not None and used.subrequests > checks.subrequests:
        text = f"more than {checks.subrequests:,} outbound calls in one invocation, those to other workers included"
        if checks.found("subrequests", text):
            throw("Error", TOO_MANY)


class Subrequest:
    """Around one hop of an outbound call, until its answer's headers are there. Raises JsException where the invocation
    has made too many and that is to fail here."""

    __slots__ = ("_used",)

    def __enter__(self) -> None:
        worker, used = current_worker.get(), usage()
        self._used: Usage | None = used
        if used is None or worker is None:
            return
        count_subrequest()
        checks = worker.checks
        used.connections += 1
        if checks is not None and used.connections > CONNECTIONS:
            checks.found("connections", f"more than {CONNECTIONS} outbound calls at the same time")

    def __exit__(self, *exc: object) -> None:
        if self._used is not None:
            self._used.connections -= 1
