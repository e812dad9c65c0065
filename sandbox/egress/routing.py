"""Which way an outbound URL goes: pure functions over URLs and patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urljoin, urlsplit

from sandbox.config.models import EgressRoute

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


class Registered:
    """URLs of workers, each with a name: the longest base URL a request's URL lies under decides."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        """`urls` maps base URLs to names. A base that is not an http URL is left out."""
        self.source = dict(urls)
        self._by_origin: dict[str, list[tuple[str, str]]] = {}
        for base, name in urls.items():
            try:
                address = parse(base)
            except ValueError:
                continue
            self._by_origin.setdefault(address.origin, []).append((address.path.rstrip("/"), name))
        for group in self._by_origin.values():
            group.sort(key=lambda entry: len(entry[0]), reverse=True)

    def find(self, address: Address) -> str | None:
        """The name registered for a URL, or None."""
        for prefix, name in self._by_origin.get(address.origin, ()):
            if not prefix or address.path == prefix or address.path.startswith(f"{prefix}/"):
                return name
        return None


@dataclass(frozen=True, slots=True)
class Matched:
    """A route and what its last `*` stood for: the path inside a folder or below an upstream."""

    route: EgressRoute
    rest: str


class Routes:
    """`[[egress.routes]]` in their order; the first that matches decides."""

    def __init__(self, routes: tuple[EgressRoute, ...]) -> None:
        self._routes = [(_compile(route.match), "?" in route.match, route) for route in routes]

    def find(self, address: Address) -> Matched | None:
        """The route for a URL. A pattern without `?` is compared without the query."""
        for pattern, with_query, route in self._routes:
            found = pattern.fullmatch(address.url if with_query else f"{address.origin}{address.path}")
            if found is not None:
                groups = found.groups()
                return Matched(route, groups[-1] if groups else address.path.rpartition("/")[2])
        return None


def _compile(match: str) -> re.Pattern[str]:
    """`*` stands for anything, slashes too; the last one takes all that is left. Without a scheme any is meant."""
    scheme, separator, rest = match.partition("://")
    if not separator:
        scheme, rest = "http*", match
    authority, slash, path = rest.partition("/")
    if not slash and "*" not in authority:
        path = "*"  # an origin alone means everything on it
        slash = "/"
    whole = f"{scheme.lower()}://{_plain_authority(scheme.lower(), authority.lower())}{slash}{path}"
    pieces = [re.escape(piece) for piece in whole.split("*")]
    pattern = pieces[0]
    for number, piece in enumerate(pieces[1:], start=2):
        pattern += ("(.*)" if number == len(pieces) else "(.*?)") + piece
    return re.compile(pattern, re.DOTALL)


def _plain_authority(scheme: str, authority: str) -> str:
    default = DEFAULT_PORTS.get(scheme)
    return authority.removesuffix(f":{default}") if default else authority


@dataclass(frozen=True, slots=True)
class Redirected:
    """The request that follows a redirect. `keep_body` tells whether method and body stay as they were."""

    url: str
    method: str
    keep_body: bool
    headers: list[tuple[str, str]]


def follow(url: str, method: str, headers: list[tuple[str, str]], status: int, location: str) -> Redirected:
    """Where a redirect leads, by the Fetch standard: 303 (and 301, 302 after POST) becomes a GET without body;
    credentials stay behind when the origin changes. Raises ValueError for a target that is not http or https."""
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
