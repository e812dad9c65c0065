"""A worker's answer as a test looks at it."""

from __future__ import annotations

import builtins
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from sandbox.runtime import exchange
from sandbox.runtime.web import Response

SHOWN = 200


class Headers(Mapping[str, str]):
    """Names in any case; the values of a repeated name joined by ", " (`all` gives them one by one)."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def all(self, name: str) -> list[str]:
        """Every value of a name, in order."""
        return [value for given, value in self._pairs if given == name.lower()]

    def __getitem__(self, name: str) -> str:
        values = self.all(name)
        if not values:
            raise KeyError(name)
        return ", ".join(values)

    def __iter__(self) -> Iterator[str]:
        return iter(dict(self._pairs))

    def __len__(self) -> int:
        return len(dict(self._pairs))

    def __repr__(self) -> str:
        return repr(dict(self))


class WorkerResponse:
    """`status`, `headers`, `ok`, and the body by `await .text()`, `.json()` or `.bytes()`, as often as you like.

    `js` is the JavaScript Response, of which the body was taken.
    """

    def __init__(self, response: Response, url: str) -> None:
        self.status = int(response.status)
        self.headers = Headers(exchange.header_pairs(response))
        self.url = url
        self.js = response
        self._body = exchange.take_body(response) or b""

    @property
    def ok(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    async def bytes(self) -> bytes:
        """The whole body. Raises what the worker raised while it was making it."""
        if not isinstance(self._body, bytes):
            self._body = b"".join([bytes(chunk) async for chunk in self._body])
        return self._body

    async def text(self) -> str:
        """The body as UTF-8; malformed bytes become U+FFFD."""
        return (await self.bytes()).decode("utf-8", "replace")

    async def json(self) -> Any:
        """The body as JSON. Raises ValueError where it is none, with the beginning of what it is."""
        text = await self.text()
        try:
            return json.loads(text)
        except ValueError as error:
            shown = text[:SHOWN] + ("..." if len(text) > SHOWN else "")
            raise ValueError(f"the answer ({self.status}) is no JSON: {error}: {shown!r}") from None

    async def chunks(self) -> AsyncIterator[builtins.bytes]:
        """The body piece by piece, as the worker makes it; once."""
        body, self._body = self._body, b""
        if isinstance(body, bytes):
            yield body
            return
        try:
            async for chunk in body:
                yield bytes(chunk)
        finally:
            await _close(body)

    async def close(self) -> None:
        """Drop what was not read of the body."""
        body, self._body = self._body, b""
        await _close(body)

    def __repr__(self) -> str:
        body = f" {self._body[:SHOWN]!r}" if isinstance(self._body, bytes) else ""
        return f"<response {self.status}{body}>"


async def _close(body: Any) -> None:
    close = getattr(body, "aclose", None)
    if close is not None:
        await close()
