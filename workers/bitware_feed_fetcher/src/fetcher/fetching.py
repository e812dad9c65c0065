"""One feed over HTTP: conditional, bounded in size and time, redirects followed by hand so that moved feeds are known."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from fetcher.documents import Refused, inflate
from fetcher.urls import canonical_url

Fetch = Callable[..., Awaitable[Any]]
"""`workers.fetch`."""

MAX_BYTES = 5 * 1024 * 1024
TIMEOUT_S = 20.0
MAX_REDIRECTS = 5
USER_AGENT = "bitware-feed-fetcher/2.0"
ACCEPT = "application/atom+xml, application/rss+xml, application/rdf+xml;q=0.9, application/xml;q=0.8, */*;q=0.5"

_REDIRECTS = {301: True, 308: True, 302: False, 303: False, 307: False}


@dataclass
class Traffic:
    """What asking for one feed has cost so far; it counts when the asking fails, too."""

    requests: int = 0
    body_bytes: int = 0
    http_status: int | None = None
    moved_to: str | None = None
    """The feed's new address, when every redirect on the way was a permanent one."""


@dataclass(frozen=True)
class Fetched:
    not_modified: bool
    url: str
    """Where the answer came from, after redirects."""
    body: bytes
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None


async def fetch_document(
    url: str,
    traffic: Traffic,
    *,
    fetch: Fetch,
    etag: str | None = None,
    last_modified: str | None = None,
    timeout_s: float = TIMEOUT_S,
    limit: int = MAX_BYTES,
) -> Fetched:
    """GET with If-None-Match and If-Modified-Since where validators are known.

    Raises Refused with the reason in words: unreachable, too slow, an error status, too large, a redirect to nowhere.
    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _follow(url, traffic, fetch, etag, last_modified, limit)
    except TimeoutError as error:
        raise Refused(f"no complete answer within {timeout_s:g} s") from error
    except OSError as error:
        raise Refused(f"it could not be reached ({error})") from error


async def _follow(
    url: str, traffic: Traffic, fetch: Fetch, etag: str | None, last_modified: str | None, limit: int
) -> Fetched:
    headers = {"Accept": ACCEPT, "User-Agent": USER_AGENT}
    if etag:
        headers["If-None-Match"] = etag
    if last_modified:
        headers["If-Modified-Since"] = last_modified
    permanent = True
    for _ in range(MAX_REDIRECTS + 1):
        traffic.requests += 1
        response = await fetch(url, headers=headers, redirect="manual")
        status = traffic.http_status = int(response.status)
        if status not in _REDIRECTS:
            break
        await _drop(response)
        target = canonical_url(urljoin(url, response.headers.get("location") or ""))
        if target is None or not response.headers.get("location"):
            raise Refused(f"it answers {status} and points to no http(s) address")
        permanent = permanent and _REDIRECTS[status]
        url = target
        traffic.moved_to = url if permanent else None
    else:
        raise Refused(f"more than {MAX_REDIRECTS} redirects")
    if status == 304:
        await _drop(response)
        return Fetched(True, url, b"")
    if status != 200:
        await _drop(response)
        raise Refused(f"it answers {status} {_phrase(status)}".rstrip())
    body = await _read(response, traffic, limit)
    return Fetched(
        False,
        url,
        inflate(body, limit),
        response.headers.get("content-type") or "",
        response.headers.get("etag"),
        response.headers.get("last-modified"),
    )


async def _read(response: Any, traffic: Traffic, limit: int) -> bytes:
    declared = response.headers.get("content-length") or ""
    if declared.isdecimal() and int(declared) > limit:
        await _drop(response)
        raise Refused(f"the document has {int(declared):,} bytes; {limit:,} is the limit")
    if response.body is None:
        return b""
    reader = response.body.getReader()
    chunks: list[bytes] = []
    size = 0
    while True:
        part = await reader.read()
        if part.done:
            return b"".join(chunks)
        chunk = part.value.to_bytes()
        size += len(chunk)
        traffic.body_bytes += len(chunk)
        if size > limit:
            await reader.cancel()
            raise Refused(f"the document is larger than {limit:,} bytes")
        chunks.append(chunk)


async def _drop(response: Any) -> None:
    # A body that is neither read nor cancelled keeps one of the six connections of an invocation.
    if response.body is not None:
        await response.body.cancel()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
