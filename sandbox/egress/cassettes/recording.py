"""One recorded call: what was asked and what was answered, as plain values."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

Pairs = tuple[tuple[str, str], ...]

VOLATILE = (
    *("age", "alt-svc", "cf-*", "date", "expires", "nel", "report-to", "server-timing", "set-cookie", "via"),
    *("x-amz-cf-*", "x-amz-id-*", "x-amzn-*", "x-cache*", "x-correlation-id", "x-github-request-id", "x-ratelimit-*"),
    *("x-request-id", "x-response-time", "x-runtime", "x-served-by", "x-timer", "x-trace-id"),
)
"""Headers of answers that differ each time and say nothing: for them alone a recording is not written anew."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request. Header names are lower case; nothing in it is secret any more."""

    method: str
    url: str
    headers: Pairs = ()
    body: bytes = b""

    @property
    def content_type(self) -> str:
        return next((value for name, value in self.headers if name == "content-type"), "")


@dataclass(frozen=True, slots=True)
class Answered:
    """A response. `body` is decoded; a `content-encoding` among the headers says how it came."""

    status: int
    headers: Pairs = ()
    body: bytes = b""

    def says_the_same(self, other: Answered) -> bool:
        """Whether only volatile headers differ."""
        return (self.status, self.body) == (other.status, other.body) and _lasting(self) == _lasting(other)


@dataclass(frozen=True, slots=True)
class Recording:
    """A request and its answer. `file` is where it was read from, for messages."""

    asked: Asked
    answered: Answered
    file: str = ""


def _lasting(answer: Answered) -> list[tuple[str, str]]:
    return sorted(pair for pair in answer.headers if not any(fnmatchcase(pair[0], name) for name in VOLATILE))
