"""Secrets taken out of what leaves in a file. Pure, but for the values `redact` knows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.credentials import RECORDED_HEADERS, RECORDED_QUERY, without_parameters, without_users
from sandbox.ids import MASK


class Scrub:
    """`redact` takes known secret values out of a text."""

    def __init__(self, redact: Callable[[str], str]) -> None:
        self._redact = redact

    def text(self, text: str) -> str:
        return self._redact(text)

    def url(self, url: str) -> str:
        """Known values, credentials and the values of secret parameters. Twice is the same as once."""
        return without_users(without_parameters(self._redact(url), RECORDED_QUERY))

    def header(self, pair: tuple[str, str]) -> tuple[str, str]:
        name, value = pair
        return (name, MASK) if RECORDED_HEADERS.has(name) else (name, self.url(value))

    def body(self, body: bytes) -> bytes:
        """JSON stays JSON: a number that is a secret becomes a text."""
        text = body.decode("utf-8", "surrogateescape")
        plain = self._redact(text)
        if plain == text:
            return body
        made = plain.encode("utf-8", "surrogateescape")
        if codec.is_json(body) and not codec.is_json(made):
            return codec.dumps(self.value(codec.loads(body)))
        return made

    def value(self, value: Any, *, numbers: bool = True) -> Any:
        """Every text in a JSON value, keys too, and every number that reads like a secret."""
        if isinstance(value, str):
            return self._redact(value)
        if isinstance(value, dict):
            return {self._redact(str(key)): self.value(item, numbers=numbers) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item, numbers=numbers) for item in value]
        if numbers and isinstance(value, int | float) and not isinstance(value, bool):
            text = codec.dumps(value).decode()
            return value if self._redact(text) == text else MASK
        return value
