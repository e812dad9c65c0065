"""What is never recorded: the values of headers that carry credentials, and every secret that the sandbox knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from sandbox.credentials import SHOWN_HEADERS
from sandbox.ids import MASK


class Redactor(Protocol):
    """Takes the known secrets out of a text."""

    def __call__(self, text: str) -> str: ...

    def has(self, text: str) -> bool:
        """Whether one is in there (quicker than taking them out)."""
        ...


class NoSecrets:
    """The `Redactor` of a log that was given none."""

    def __call__(self, text: str) -> str:
        return text

    def has(self, text: str) -> bool:
        return False


def scrub_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers as they are recorded: lower-case names; a credential's value becomes `[secret]`."""
    return [(name, MASK if SHOWN_HEADERS.has(name) else value) for name, value in pairs]


def redacted(value: Any, redact: Redactor) -> Any:
    """A JSON-able value in which every text is free of secrets; what JSON cannot hold becomes text first."""
    if isinstance(value, str):
        return redact(value) if redact.has(value) else value
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {redacted(str(key), redact): redacted(item, redact) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item, redact) for item in value]
    return redacted(str(value), redact)
