"""What a redirect asks for next, by the Fetch standard: a pure function that every `fetch` of ours shares."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

MAX_REDIRECTS = 5
REDIRECTS = frozenset({301, 302, 303, 307, 308})
DEFAULT_PORTS = {"http": 80, "https": 443}
CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization", "x-worker-id"})
"""Headers that are not carried to another origin."""


@dataclass(frozen=True, slots=True)
class Address:
    """A URL taken apart. `origin` is scheme, host and port in lower case with the default port left out;
    `path` begins with `/`; `query` is without its question mark."""

    scheme: str
    host: str
    port: int
    origin: str
    path: str
    query: str

    @property
    def url(self) -> str:
        """Without fragment and credentials."""
        return f"{self.origin}{self.path}?{self.query}" if self.query else f"{self.origin}{self.path}"


@lru_cache(maxsize=1024)
def parse(url: str) -> Address:
    """Take an absolute URL apart. Raises ValueError where it is none with a host."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").rstrip(".")
    if not scheme or not host:
        raise ValueError(f"{url!r} is not an absolute URL with a host")
    port = parts.port if parts.port is not None else DEFAULT_PORTS.get(scheme, 0)
    shown = f"[{host}]" if ":" in host else host
    origin = f"{scheme}://{shown}" if port == DEFAULT_PORTS.get(scheme, 0) else f"{scheme}://{shown}:{port}"
    return Address(scheme, host, port, origin, parts.path or "/", parts.query)


@dataclass(frozen=True, slots=True)
class Redirected:
    """The request that follows a redirect. `keep_body` tells whether method and body stay as they were."""

    url: str
    method: str
    keep_body: bool
    headers: list[tuple[str, str]]


def follow(url: str, method: str, headers: list[tuple[str, str]], status: int, location: str) -> Redirected:
    """Where a redirect leads: 303 (and 301, 302 after POST) becomes a GET without body; credentials stay behind when
    the origin changes. Raises ValueError for a target that is not http or https."""
    target = urljoin(url, location)
    here, there = parse(url), parse(target)
    if there.scheme not in DEFAULT_PORTS:
        raise ValueError(f"a redirect to {there.scheme}: is not followed")
    drop_body = (status == 303 and method not in ("GET", "HEAD")) or (status in (301, 302) and method == "POST")
    kept = headers
    if drop_body:
        method = "GET"
        kept = [pair for pair in kept if not pair[0].startswith("content-") and pair[0] != "transfer-encoding"]
    if here.origin != there.origin:
        kept = [pair for pair in kept if pair[0] not in CREDENTIALS]
    kept = [pair for pair in kept if pair[0] != "host"]
    return Redirected(target, method, not drop_body, kept)
