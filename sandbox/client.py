"""The API of a sandbox from outside: over HTTP to the one that is up, or straight to one in this process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

from sandbox.errors import BadFilter, SandboxError

REQUEST_TIMEOUT_S = 600.0
CONNECT_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers (lower-case names) and the body as it arrives."""

    status: int
    headers: Mapping[str, str]
    body: AsyncIterator[bytes]


class Send(Protocol):
    """Carry one request; `path` begins with `/` and may hold a query."""

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> AbstractAsyncContextManager[Answer]: ...


class ApiError(SandboxError):
    """The sandbox answered with an error; code, message and hint are its own, and so is the exit code."""

    def __init__(self, message: str, **about: Any) -> None:
        super().__init__(message, **about)
        if self.code == BadFilter.code:
            self.exit_code = BadFilter.exit_code


class Unreachable(SandboxError):
    """The sandbox that left its address does not answer there."""

    code = "unreachable"


class Client:
    """Calls the API. `admin_token` is what the running sandbox left in its state folder."""

    def __init__(self, send: Send, admin_token: str | None = None) -> None:
        self._send = send
        self._headers = {"authorization": f"Bearer {admin_token}"} if admin_token else {}

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json_body: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The JSON answer. Raises ApiError where the sandbox refuses."""
        _, content = await self.fetch(method, path, query=query, json_body=json_body, body=body, headers=headers)
        answer = json.loads(content)
        assert isinstance(answer, dict)
        return answer

    async def fetch(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        json_body: Any = None,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a good answer. Raises ApiError for any other."""
        given = {name: str(value) for name, value in (query or {}).items() if value is not None}
        full = f"{path}?{urlencode(given)}" if given else path
        sent = {**self._headers, **(headers or {})}
        if json_body is not None:
            body = json.dumps(json_body).encode()
            sent["content-type"] = "application/json"
        async with self._send(method, full, sent, body) as answer:
            content = b"".join([piece async for piece in answer.body])
            if answer.status >= 400:
                raise _refusal(answer.status, content)
            return answer.headers, content

    async def events(self, execution_id: str, after: int = 0) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """The event stream of an execution: (kind, data) until it has ended."""
        path = f"/api/executions/{execution_id}/events?after={after}"
        async with self._send("GET", path, self._headers, None) as answer:
            if answer.status >= 400:
                raise _refusal(answer.status, b"".join([piece async for piece in answer.body]))
            kind, held = "message", b""
            async for piece in answer.body:
                held += piece
                *lines, held = held.split(b"\n")
                for raw in lines:
                    line = raw.rstrip(b"\r").decode()
                    if line.startswith("event:"):
                        kind = line[6:].strip()
                    elif line.startswith("data:"):
                        yield kind, json.loads(line[5:])
                        kind = "message"


def _refusal(status: int, content: bytes) -> ApiError:
    try:
        error = json.loads(content)["error"]
        return ApiError(error["message"], hint=error.get("hint"), code=error["code"], status=status)
    except (ValueError, KeyError, TypeError):
        return ApiError(f"the sandbox answered {status}: {content[:200].decode(errors='replace')}", status=status)


@asynccontextmanager
async def over_http(address: str) -> AsyncIterator[Send]:
    """A `Send` to the sandbox that is up at `address`."""
    import aiohttp  # heavy; commands that work on the state folder alone never need it

    timeout = aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:

        @asynccontextmanager
        async def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> AsyncIterator[Answer]:
            # An event stream lasts as long as its execution.
            limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S) if "/events" in path else timeout
            try:
                async with session.request(
                    method, f"{address}{path}", headers=headers, data=body, timeout=limit
                ) as response:
                    shown = {name.lower(): value for name, value in response.headers.items()}
                    yield Answer(response.status, shown, response.content.iter_any())
            except aiohttp.ClientPayloadError as error:
                raise Unreachable(
                    f"the sandbox at {address} went away in the middle of an answer",
                    hint="it was probably stopped; `sandbox executions list` shows what came of the run",
                ) from error
            except (aiohttp.ClientError, TimeoutError) as error:
                raise Unreachable(
                    f"the sandbox at {address} does not answer: {error}", hint="is it stopping? try again"
                ) from error

        yield send
