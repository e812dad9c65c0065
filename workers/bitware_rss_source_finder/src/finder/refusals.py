"""What cannot be done, in words."""

from __future__ import annotations


class Refused(Exception):
    """This list, page or address cannot be used; the text says why, for whoever gave it."""


class Unreachable(Refused):
    """Nothing answered there, or not in time."""


class BadRequest(Exception):
    """A request that says not what it should. `status` and `code` are those of the answer."""

    def __init__(self, message: str, code: str = "bad_request", status: int = 400) -> None:
        super().__init__(message)
        self.code, self.status = code, status
