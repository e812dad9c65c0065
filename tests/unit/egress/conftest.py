"""An egress with workers made of plain functions, and a server on this machine that plays the internet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from sandbox.config.models import EgressConfig, EgressRoute, MatchConfig, ScrubConfig
from sandbox.egress import Egress
from sandbox.egress.addresses import refusal
from sandbox.errors import NotFound
from sandbox.runtime.exchange import json_response, new_request

ORCHESTRATOR = "http://localhost:8787"


class Workers:
    """An Invoke over functions of a Request."""

    def __init__(self, workers: dict[str, Callable[[Any], Awaitable[Any]]]) -> None:
        self.workers = workers

    async def fetch(self, worker: str, request: Any, *, entrypoint: str | None = None, props: Any = None) -> Any:
        if worker not in self.workers:
            raise NotFound(f"there is no worker {worker}")
        return await self.workers[worker](request)

    async def rpc(
        self, worker: str, method: str, args: Any, *, entrypoint: str | None = None, props: Any = None
    ) -> Any:
        raise AssertionError("not called here")

    async def scheduled(
        self, worker: str, *, scheduled_time_ms: float, cron: str, entrypoint: str | None = None
    ) -> None:
        raise AssertionError("not called here")


class Names(AbstractResolver):
    """A name server that knows what it is told."""

    def __init__(self, names: Mapping[str, list[str]]) -> None:
        self.names = names
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.names:
            raise OSError(f"no address for {host}")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=0,
            )
            for address in self.names[host]
        ]

    async def close(self) -> None:
        return


@dataclass
class Internet:
    """Answers each path with the bytes set for it, closes the connection after each, and keeps what it was sent."""

    answers: dict[str, bytes] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def says(self, path: str, body: bytes = b"", *, status: int = 200, headers: str = "") -> None:
        head = f"HTTP/1.1 {status} Word\r\nContent-Length: {len(body)}\r\nConnection: close\r\n{headers}\r\n"
        self.answers[path] = head.encode() + body

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        named = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in head.split("\r\n")[1:]}
        body = await reader.readexactly(int(named.get("content-length", "0")))
        if named.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
        self.requests.append(head + body.decode("latin-1"))
        path = head.split()[1].partition("?")[0]
        answer = self.answers.get(path, b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.write(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if head.startswith("HEAD ") else answer)
        await writer.drain()
        writer.close()


@pytest.fixture
async def internet() -> AsyncIterator[Internet]:
    made = Internet()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    yield made
    server.close()


@dataclass
class Outside:
    """An egress and what it noted."""

    egress: Egress
    events: list[dict[str, Any]]
    names: Names

    async def fetch(self, url: str, *, method: str = "GET", redirect: str = "follow", **given: Any) -> Any:
        request = new_request(url, method=method, **given)
        request._redirect = redirect
        return await self.egress.fetch("caller", request)


@pytest.fixture
async def outside(tmp_path: Path) -> AsyncIterator[Callable[..., Outside]]:
    """`outside(*routes, mode=..., urls={url: worker}, external=..., names=..., **workers)`. With `open_loopback`
    127.0.0.1 counts as public, so that the server of this test can be the internet."""
    made: list[Egress] = []

    def make(
        *routes: EgressRoute,
        mode: Any = "offline",
        urls: Mapping[str, str] | None = None,
        external: Mapping[str, str] | None = None,
        names: Mapping[str, list[str]] | None = None,
        open_loopback: bool = False,
        scrub: Mapping[str, tuple[str, ...]] | None = None,
        match: Mapping[str, tuple[str, ...]] | None = None,
        redact: Callable[[str], str] = str,
        **workers: Any,
    ) -> Outside:
        async def orchestrator(request: Any) -> Any:
            if request.url.endswith("/missing"):
                raise NotFound("nothing here")
            return json_response({"orchestrator": request.url})

        def refuse(address: str) -> str | None:
            return None if open_loopback and address == "127.0.0.1" else refusal(address)

        events: list[dict[str, Any]] = []
        resolver = Names(names or {})
        egress = Egress(
            EgressConfig(mode, tuple(routes), scrub=ScrubConfig(**(scrub or {})), match=MatchConfig(**(match or {}))),
            root=tmp_path,
            invoke=Workers(workers),
            worker_urls=lambda: urls or {},
            orchestrator_url=ORCHESTRATOR,
            orchestrator=orchestrator,
            external=lambda: external or {},
            emit=lambda kind, /, **fields: events.append({"kind": kind, **fields}),
            refuse=refuse,
            resolver=resolver,
            redact=redact,
        )
        made.append(egress)
        return Outside(egress, events, resolver)

    yield make
    for egress in made:
        await egress.close()
