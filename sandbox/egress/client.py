"""Real HTTP: the one place that opens connections on behalf of workers."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from sandbox.egress.inflate import ACCEPTED
from sandbox.egress.sockets import passing
from sandbox.errors import SandboxError
from sandbox.runtime.redirects import parse

CONNECT_TIMEOUT = 15.0
"""Seconds to reach a server."""
READ_TIMEOUT = 120.0
"""Seconds between two pieces of an answer."""
_HOP = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "upgrade", "te", "content-length"})
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")

Refuse = Callable[[str], str | None]
"""Why an IP address may not be reached, or None."""


class AddressRefused(OSError):
    """A host has an address that workers may not reach; `kind` says which sort of address ("loopback")."""

    def __init__(self, message: str, kind: str | None = None) -> None:
        super().__init__(message)
        self.kind = kind


class Unreachable(SandboxError):
    """No connection, or one that broke; the message says why."""

    code = "unreachable"
    status = 502


class LocalNames(AbstractResolver):
    """Names below `.localhost` are this machine, as RFC 6761 has it and curl and browsers do; not every system's
    resolver knows. Everything else is `inner`'s."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if not host.lower().rstrip(".").endswith(".localhost"):
            return await self._inner.resolve(host, port, family)
        both = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
        flags = socket.AI_NUMERICHOST
        return [
            ResolveResult(hostname=host, host=address, port=port, family=kind, proto=0, flags=flags)
            for kind, address in both
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        await self._inner.close()


class CheckedResolver(AbstractResolver):
    """Resolves through `inner` and hands on only what passes `refuse`, so that what was checked is what is connected.

    One refused address refuses the host: a name that points both out and in is a trap.
    """

    def __init__(self, refuse: Refuse, inner: AbstractResolver | None = None) -> None:
        self._refuse = refuse
        self._inner = inner or LocalNames()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        for result in found:
            check_address(host, result["host"], self._refuse)
        return found

    async def close(self) -> None:
        await self._inner.close()


def check_address(host: str, address: str, refuse: Refuse) -> None:
    """Raises AddressRefused."""
    why = refuse(address)
    if why is not None:
        raise AddressRefused(f"{host} is at {address}, a {why} address, which workers may not reach", why)


@dataclass(slots=True)
class Reply:
    """Status, headers (lower-case names, in order) and body of a server's answer; the body is as sent."""

    status: int
    headers: list[tuple[str, str]]
    body: ReplyBody


class ReplyBody:
    """The body as it arrives. `on_end(bytes)` is called once: at the end, when closed, or when dropped unread."""

    __slots__ = ("_on_end", "_response", "received")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response: aiohttp.ClientResponse | None = response
        self._on_end: Callable[[int], None] | None = None
        self.received = 0

    def notify(self, on_end: Callable[[int], None]) -> None:
        self._on_end = on_end

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if self._response is None:
            raise StopAsyncIteration
        try:
            chunk = await self._response.content.readany()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._end()
            raise Unreachable(f"the connection broke: {_reason(error)}") from error
        if not chunk:
            self._end()
            raise StopAsyncIteration
        self.received += len(chunk)
        return chunk

    async def aclose(self) -> None:
        self._end()

    def __del__(self) -> None:
        self._end()

    def _end(self) -> None:
        response, self._response = self._response, None
        if response is None:
            return
        response.close()  # gives a connection read to its end back to the pool
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self.received)


class Client:
    """An HTTP client that follows no redirect, keeps no cookie and reads no proxy setting.

    With `refuse`, hosts are resolved once, every address is checked, and the connection goes to a checked address.
    """

    def __init__(self, refuse: Refuse | None = None, resolver: AbstractResolver | None = None) -> None:
        self._refuse = refuse
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def send(
        self, method: str, url: str, headers: list[tuple[str, str]], body: bytes | AsyncIterator[bytes] | None
    ) -> Reply:
        """Send one request. Raises AddressRefused and Unreachable."""
        target = URL(url.partition("#")[0], encoded=True)
        if self._refuse is not None:
            _check_literal(target.raw_host or "", self._refuse)
        wire = [pair for pair in headers if pair[0] not in _HOP]
        length = next((value for name, value in headers if name == "content-length"), None)
        if length is not None and body is not None and not isinstance(body, bytes):
            wire.append(("content-length", length))
        if not any(name == "accept-encoding" for name, _ in wire):
            wire.append(("accept-encoding", ACCEPTED))
        sending = self._open().request(
            method,
            target,
            headers=wire,
            data=body,
            allow_redirects=False,
            skip_auto_headers=_AUTOMATIC,
        )
        # A task of its own: aiohttp's timeouts need one, and a promise's first step runs in its caller's.
        token = passing.set(True)
        try:
            performing = asyncio.ensure_future(_perform(sending))
        finally:
            passing.reset(token)
        try:
            response = await performing
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            refused = _refused(error)
            if refused is not None:
                raise refused from None
            raise Unreachable(f"{parse(url).origin} does not answer: {_reason(error)}") from error
        answer = [(name.decode("latin-1").lower(), _text(value)) for name, value in response.raw_headers]
        return Reply(response.status, answer, ReplyBody(response))

    async def close(self) -> None:
        """Close what is open."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            resolver = self._resolver or LocalNames()
            if self._refuse is not None:
                resolver = CheckedResolver(self._refuse, resolver)
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=resolver, use_dns_cache=False, limit=128),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                requote_redirect_url=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT),
                trust_env=False,
            )
        return self._session


async def _perform(sending: Any) -> aiohttp.ClientResponse:
    response: aiohttp.ClientResponse = await sending
    return response


def _check_literal(host: str, refuse: Refuse) -> None:
    """Check a host that is an address, which no resolver is asked for. Numbers that are none by the book (`127.1`,
    `2130706433`) are refused: the operating system would make an address of them. Raises AddressRefused."""
    plain = host.rstrip(".")
    try:
        ip_address(plain.partition("%")[0])
    except ValueError:
        if not plain.replace(".", "").isdigit():
            return
        raise AddressRefused(f"{host} is not a canonical address, which workers may not reach") from None
    check_address(host, plain, refuse)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


def _refused(error: BaseException | None) -> AddressRefused | None:
    """The refusal at the bottom of what the client library made of it."""
    while error is not None:
        if isinstance(error, AddressRefused):
            return error
        inner: Any = getattr(error, "os_error", None)
        error = inner if isinstance(inner, AddressRefused) else error.__cause__
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, asyncio.TimeoutError):
        return "the server took too long"
    return str(error) or type(error).__name__
