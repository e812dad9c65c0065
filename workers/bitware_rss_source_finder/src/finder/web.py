"""Pages and lists over HTTP: bounded in size and time, never more than six connections at once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from finder.addresses import address
from finder.refusals import Refused, Unreachable

Fetch = Callable[..., Awaitable[Any]]
"""`workers.fetch`."""

CONNECTIONS = 6
"""Connections an invocation may have open at once on Cloudflare."""
TIMEOUT_S = 15.0
MAX_BYTES = 2 * 1024 * 1024
MAX_REDIRECTS = 5
USER_AGENT = "bitware-rss-source-finder/2.0 (finds the feeds of a site; asks for a few pages, once)"
ACCEPT = "text/html, application/atom+xml, application/rss+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"

_REDIRECTS = (301, 302, 303, 307, 308)
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.I)
_DECLARED = re.compile(rb"(?:encoding|charset)\s*=\s*[\"']?([A-Za-z0-9._-]{1,40})", re.I)


@dataclass(frozen=True)
class Page:
    url: str
    """Where the answer came from, after redirects."""
    text: str
    content_type: str = ""
    etag: str | None = None
    last_modified: str | None = None
    not_modified: bool = False


class Web:
    """GET with this worker's bounds. `requests` counts what was asked."""

    def __init__(self, fetch: Fetch, *, timeout_s: float = TIMEOUT_S, limit: int = MAX_BYTES) -> None:
        self._fetch, self._timeout_s, self._limit = fetch, timeout_s, limit
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self.requests = 0

    async def get(self, url: str, *, etag: str | None = None, last_modified: str | None = None) -> Page:
        """The page at an address, or that it was not modified since the copy with these validators.

        Raises Refused with the reason in words (an error status, too large, a redirect to nowhere), Unreachable where
        nothing answers in time.
        """
        headers = {"Accept": ACCEPT, "User-Agent": USER_AGENT}
        if etag:
            headers["If-None-Match"] = etag
        if last_modified:
            headers["If-Modified-Since"] = last_modified
        async with self._connections:
            # Waiting for a connection does not count as time of the site.
            try:
                async with asyncio.timeout(self._timeout_s):
                    return await self._follow(url, headers)
            except TimeoutError as error:
                raise Unreachable(f"no complete answer within {self._timeout_s:g} s") from error
            except OSError as error:
                raise Unreachable(f"it could not be reached ({error})") from error

    async def _follow(self, url: str, headers: Mapping[str, str]) -> Page:
        for _ in range(MAX_REDIRECTS + 1):
            self.requests += 1
            response = await self._fetch(url, headers=dict(headers), redirect="manual")
            status = int(response.status)
            if status not in _REDIRECTS:
                break
            await _drop(response)
            location = response.headers.get("location") or ""
            target = address(location, url) if location else None
            if target is None:
                raise Refused(f"it answers {status} and points to no http(s) address")
            url = target
        else:
            raise Refused(f"more than {MAX_REDIRECTS} redirects")
        kind = response.headers.get("content-type") or ""
        etag, modified = response.headers.get("etag"), response.headers.get("last-modified")
        if status == 304 and ("If-None-Match" in headers or "If-Modified-Since" in headers):
            await _drop(response)
            return Page(url, "", kind, etag, modified, not_modified=True)
        if status != 200:
            await _drop(response)
            raise Refused(f"it answers {status} {_phrase(status)}".rstrip())
        return Page(url, decode(await self._read(response), kind), kind, etag, modified)

    async def _read(self, response: Any) -> bytes:
        declared = response.headers.get("content-length") or ""
        if declared.isdecimal() and int(declared) > self._limit:
            await _drop(response)
            raise Refused(f"it has {int(declared):,} bytes; {self._limit:,} is the limit")
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
            if size > self._limit:
                await reader.cancel()
                raise Refused(f"it is larger than {self._limit:,} bytes")
            chunks.append(chunk)


def decode(data: bytes, content_type: str = "") -> str:
    """Text of a page or list: by its byte order mark, the header's charset, its own declaration, else UTF-8. Windows-1252
    takes what fits none of them."""
    for mark, name in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    said, declared = _CHARSET.search(content_type), _DECLARED.search(data[:1024])
    names = [said[1]] if said else []
    names += [declared[1].decode("ascii")] if declared else []
    for name in [*names, "utf-8"]:
        try:
            # What says Latin-1 means Windows-1252, as every browser assumes.
            return data.decode("cp1252" if name.lower() in ("iso-8859-1", "latin1", "us-ascii") else name)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("cp1252", "replace")


async def _drop(response: Any) -> None:
    # A body that is neither read nor cancelled keeps one of the six connections.
    if response.body is not None:
        await response.body.cancel()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
