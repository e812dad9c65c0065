"""A server on a free port with workers made of plain functions, and a client that sends exactly the bytes it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from sandbox.errors import NotFound
from sandbox.host import Server
from sandbox.runtime.exchange import json_response, make_response

PATIENCE = 20.0


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def get(self, name: str) -> str | None:
        return next((value for given, value in self.headers if given == name), None)

    def all(self, name: str) -> list[str]:
        return [value for given, value in self.headers if given == name]

    def json(self) -> Any:
        return json.loads(self.body)


async def read_answer(reader: asyncio.StreamReader, *, head_only: bool = False) -> Answer:
    """One response, as HTTP/1.1 frames it; raises IncompleteReadError where it is cut."""
    status, headers = await read_head(reader)
    named = dict(headers)
    if head_only or status in (204, 304):
        body = b""
    elif named.get("transfer-encoding") == "chunked":
        body = b"".join([chunk async for chunk in read_chunks(reader)])
    elif "content-length" in named:
        body = await reader.readexactly(int(named["content-length"]))
    else:
        body = await reader.read()
    return Answer(status, headers, body)


async def read_head(reader: asyncio.StreamReader) -> tuple[int, list[tuple[str, str]]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pairs = [line.partition(":") for line in head[1:] if line]
    return int(head[0].split()[1]), [(name.lower(), value.strip()) for name, _, value in pairs]


async def read_chunks(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while size := int((await reader.readuntil(b"\r\n")), 16):
        yield await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)


@dataclass
class Running:
    """A started server and what it noted."""

    server: Server
    workers: dict[str, Callable[[Any], Awaitable[Any]]]
    errors: list[tuple[str | None, BaseException]] = field(default_factory=list)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    stale: set[str] = field(default_factory=set)

    @property
    def port(self) -> int:
        return self.server.port

    async def connect(self, port: int | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", port or self.port, limit=1 << 20)

    async def raw(self, data: bytes, *, head_only: bool = False, port: int | None = None) -> Answer:
        """Send bytes on a connection of their own and read one answer."""
        reader, writer = await self.connect(port)
        try:
            writer.write(data)
            return await asyncio.wait_for(read_answer(reader, head_only=head_only), PATIENCE)
        finally:
            writer.close()

    async def ask(
        self,
        path: str = "/",
        *,
        method: str = "GET",
        host: str | None = None,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        port: int | None = None,
    ) -> Answer:
        """A well-formed request; `host` without a port gets ours."""
        host = "localhost" if host is None else host
        host = host if ":" in host else f"{host}:{port or self.port}"
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        data = "\r\n".join([*lines, "", ""]).encode() + body
        return await self.raw(data, head_only=method == "HEAD", port=port)


def describe(error: BaseException) -> str:
    """A traceback as text: of the worker's exception inside the error that names the worker."""
    cause = error.__cause__
    return f"Traceback: <b>{type(cause).__name__}</b>: {cause}"


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Running]]]:
    """`await serve(hello=function, ...)` starts a server whose workers are those functions of a Request."""
    started: list[Server] = []

    async def start(options: dict[str, Any] | None = None, **workers: Callable[[Any], Awaitable[Any]]) -> Running:
        async def fetch_worker(name: str, request: Any) -> tuple[Any, bool]:
            return await running.workers[name](request), name in running.stale

        async def orchestrator(request: Any) -> Any:
            if "/missing" in request.url:
                raise NotFound("nothing here", hint="look elsewhere")
            if "/broken" in request.url:
                raise RuntimeError("a bug with s3cret in it")
            if "/page" in request.url:
                return make_response("<p>", headers={"content-type": "text/html"})
            return json_response({"method": request.method, "url": request.url})

        def resolve(label: str) -> str | None:
            folded = label.lower().replace("-", "_")
            return folded if folded in running.workers else None

        server = Server(
            fetch_worker=fetch_worker,
            resolve=resolve,
            orchestrator=orchestrator,
            describe=describe,
            redact=lambda text: text.replace("s3cret", "***"),
            on_error=lambda worker, error: running.errors.append((worker, error)),
            emit=lambda kind, /, **fields: running.events.append((kind, fields)),
            port=0,
            **(options or {}),
        )
        running = Running(server, dict(workers))
        await server.start()
        started.append(server)
        return running

    yield start
    for server in started:
        await server.stop(0)
