"""What is never recorded: the values of headers that carry credentials, and every secret that the sandbox knows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Protocol

MASK = "[secret]"
_CREDENTIALS = re.compile(r"authorization|cookie|token|secret|api-?key|password|credential|session|signature")
_QUERY = re.compile(
    r"([?&](?:[^=&#]*(?:token|secret|api_?-?key|password|signature|auth)[^=&#]*|key|sig)=)[^&#]+", re.IGNORECASE
)
_USERINFO = re.compile(r"^(\w+://)[^/?#@]*@")


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


def carries_credentials(name: str) -> bool:
    """Whether a header (lower case) is recorded by its name alone."""
    return _CREDENTIALS.search(name) is not None


def scrub_headers(pairs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Headers as they are recorded: lower-case names; a credential's value becomes `[secret]`."""
    return [(name, MASK if carries_credentials(name) else value) for name, value in pairs]


def scrub_url(url: str) -> str:
    """An outbound URL without credentials: those before the host, and query parameters that are called so."""
    if "@" in url:
        url = _USERINFO.sub(rf"\1{MASK}@", url)
    return _QUERY.sub(rf"\1{MASK}", url) if "?" in url else url


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
