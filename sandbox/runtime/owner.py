"""Whose I/O an object is: on Cloudflare what one request has opened, no other request may use."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.runtime.context import Invocation

DIFFERENT_REQUEST = (
    "Cannot perform I/O on behalf of a different request. I/O objects (such as streams, request/response bodies, and "
    "others) created in the context of one request handler cannot be accessed from a different request's handler."
)
"""workerd's words."""

current_invocation: ContextVar[Invocation | None] = ContextVar("current_invocation", default=None)


def used_elsewhere(owner: Invocation | None, what: str) -> bool:
    """Tell where `what` is used by another event than its owner. Returns whether that is to fail here.

    What goes from one worker to another (a request, an answer) becomes the other's on its way.
    """
    current = current_invocation.get()
    if owner is None or current is None or owner is current or owner.worker.name != current.worker.name:
        return False
    checks = current.worker.checks
    return checks is not None and checks.found("global-io", f"{what} of another request is used")
