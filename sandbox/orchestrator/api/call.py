"""One request to the API, opened as far as a route asks for it, and the checks of fields that routes share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import sandbox.orchestrator.codec as codec
from sandbox.errors import SandboxError, UserError
from sandbox.runtime.exchange import header, json_response, read_bytes

if TYPE_CHECKING:
    from sandbox.orchestrator.orchestrator import Orchestrator
    from sandbox.runtime.web import Request, Response


class BadField(UserError):
    """A field of a body or query that does not fit; the message begins with its path."""

    code = "bad_field"


class TooLarge(UserError):
    """A body over the limit of protocol messages."""

    code = "body_too_large"
    status = 413


@dataclass(frozen=True, slots=True)
class Call:
    """`values` are the decoded parts of the path."""

    orchestrator: Orchestrator
    request: Request
    values: Mapping[str, str]

    def header(self, name: str) -> str | None:
        return header(self.request, name)

    def query(self, name: str) -> str | None:
        found = parse_qs(urlsplit(self.request.url).query, keep_blank_values=True).get(name)
        return found[-1] if found else None

    def query_int(self, name: str, default: int | None, least: int, most: int) -> int | None:
        text = self.query(name)
        if text is None or text == "":
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 19) or not least <= int(text) <= most:
            raise BadField(f"{name}: expected a whole number from {least} to {most}, got {text!r}")
        return int(text)

    async def body(self) -> bytes:
        """Raises 413 over 10 MiB."""
        try:
            return await read_bytes(self.request, limit=codec.MAX_BODY)
        except ValueError:
            raise TooLarge(f"the body is over {codec.MAX_BODY // 2**20} MiB") from None

    async def json(self) -> Any:
        return codec.loads(await self.body())

    async def object(self) -> dict[str, Any]:
        value = await self.json()
        if not isinstance(value, dict):
            raise BadField("the body: expected a JSON object")
        return value

    def worker(self) -> str:
        """The folded name of the worker that asks, by its token; raises 401."""
        return self.orchestrator.tokens.check(self.header("x-worker-id"), self.header("authorization"))


NAMES = {str: "a string", dict: "an object", int: "a whole number", list: "a list"}


def field(body: Mapping[str, Any], name: str, kind: type, *, required: bool = False) -> Any:
    """`body[name]` of that type; None where it is absent or null and not required."""
    value = body.get(name)
    if value is None:
        if required:
            raise BadField(f"{name}: missing, expected {NAMES[kind]}")
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise BadField(f"{name}: expected {NAMES[kind]}, got {codec.dumps(value).decode()[:60]}")
    if isinstance(value, str) and not codec.is_text(value):
        raise BadField(f"{name}: half a surrogate pair is no text")
    return value


def only(body: Mapping[str, Any], *names: str) -> None:
    """Refuse fields nobody reads, so that a misspelt one is not silently dropped."""
    for name in body:
        if name not in names:
            raise BadField(f"{name}: unknown", hint=f"known fields: {', '.join(names)}")


def ok(value: Mapping[str, Any], status: int = 200) -> Response:
    return json_response({"success": True, **value}, status=status)


def refusal(error: SandboxError, headers: Mapping[str, str] | None = None) -> Response:
    return json_response(error.as_json(), status=error.status, headers=headers)
