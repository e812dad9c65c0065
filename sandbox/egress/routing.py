"""Which way an outbound URL goes: pure functions over URLs and patterns."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.config.models import EgressRoute
from sandbox.runtime.redirects import DEFAULT_PORTS, Address, parse


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
