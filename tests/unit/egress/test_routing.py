"""Where an outbound URL goes, as tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.config.models import EgressRoute
from sandbox.egress.routing import Registered, Routes
from sandbox.runtime.redirects import follow, parse


@pytest.mark.parametrize(
    ("url", "origin", "path", "query"),
    [
        ("http://A.test/x?y=1#z", "http://a.test", "/x", "y=1"),
        ("https://a.test:443", "https://a.test", "/", ""),
        ("http://a.test:443/", "http://a.test:443", "/", ""),
        ("http://user:pw@a.test:80/", "http://a.test", "/", ""),
        ("http://[::1]:8787/a", "http://[::1]:8787", "/a", ""),
        ("http://a.test./", "http://a.test", "/", ""),
    ],
)
def test_urls_are_taken_apart(url: str, origin: str, path: str, query: str) -> None:
    address = parse(url)
    assert (address.origin, address.path, address.query) == (origin, path, query)


@pytest.mark.parametrize("url", ["", "/a", "a.test/x", "http://", "http:///x", "http://a.test:99999/", "data:,x"])
def test_what_is_no_absolute_url(url: str) -> None:
    with pytest.raises(ValueError):
        parse(url)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://fetcher.example.dev/api/process", "fetcher"),
        ("https://fetcher.example.dev", "fetcher"),
        ("https://FETCHER.example.dev:443/", "fetcher"),
        ("http://fetcher.example.dev/", None),
        ("https://shared.example/a", "a"),
        ("https://shared.example/a/b", "a"),
        ("https://shared.example/a/deep/x", "deep"),
        ("https://shared.example/ab", None),
        ("https://shared.example/", None),
        ("https://evil.example/?https://fetcher.example.dev/", None),
        ("https://fetcher.example.dev.evil.example/", None),
        ("https://fetcher.example.dev@evil.example/", None),
    ],
)
def test_registered_urls(url: str, name: str | None) -> None:
    registered = Registered(
        {
            "https://fetcher.example.dev/": "fetcher",
            "https://shared.example/a": "a",
            "https://shared.example/a/deep/": "deep",
            "not a url": "x",
        }
    )
    assert registered.find(parse(url)) == name


@pytest.mark.parametrize(
    ("match", "url", "rest"),
    [
        ("https://feeds.test/*", "https://feeds.test/a/b.xml?x=1", "a/b.xml"),
        ("https://feeds.test/*", "https://feeds.test/", ""),
        ("https://feeds.test/*", "http://feeds.test/a", None),
        ("https://feeds.test/*", "https://feeds.test.evil/a", None),
        ("https://feeds.test", "https://feeds.test/a/b", "a/b"),
        ("https://FEEDS.test:443/*", "https://feeds.test/A", "A"),
        ("feeds.test/*", "https://feeds.test/a", "a"),
        ("feeds.test/*", "http://feeds.test/a", "a"),
        ("https://*.test/*", "https://a.b.test/x/y", "x/y"),
        ("https://*/*", "https://a.test/x/y", "x/y"),
        ("*", "https://a.test/x", "a.test/x"),
        ("https://a.test/*.xml", "https://a.test/b/c.xml", "b/c"),
        ("https://a.test/feed.xml", "https://a.test/feed.xml?page=2", "feed.xml"),
        ("https://a.test/feed.xml", "https://a.test/feed.xml2", None),
        ("https://a.test/?q=*", "https://a.test/?q=x", "x"),
        ("https://a.test/?q=*", "https://a.test/?p=x", None),
        ("https://a.test/(x)+[y]", "https://a.test/(x)+[y]", "(x)+[y]"),
    ],
)
def test_route_patterns(match: str, url: str, rest: str | None) -> None:
    found = Routes((EgressRoute(match, folder=Path("f")),)).find(parse(url))
    assert (found.rest if found else None) == rest


def test_the_first_route_that_matches_decides() -> None:
    routes = Routes((EgressRoute("https://a.test/x/*", worker="one"), EgressRoute("https://a.test/*", worker="two")))
    assert [routes.find(parse(f"https://a.test/{path}")).route.worker for path in ("x/1", "y")] == ["one", "two"]  # type: ignore[union-attr]


HEADERS = [
    ("host", "a.test"),
    ("authorization", "Bearer x"),
    ("cookie", "a=b"),
    ("proxy-authorization", "y"),
    ("x-worker-id", "w"),
    ("content-type", "text/plain"),
    ("content-length", "3"),
    ("accept", "*/*"),
]


@pytest.mark.parametrize(
    ("status", "method", "new_method", "keeps"),
    [
        (301, "GET", "GET", True),
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (302, "PUT", "PUT", True),
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "HEAD", "HEAD", True),
        (307, "POST", "POST", True),
        (308, "POST", "POST", True),
    ],
)
def test_methods_and_bodies_over_redirects(status: int, method: str, new_method: str, keeps: bool) -> None:
    following = follow("https://a.test/x", method, HEADERS, status, "/y")
    assert (following.method, following.keep_body) == (new_method, keeps)
    assert any(name == "content-type" for name, _ in following.headers) is keeps
    assert following.url == "https://a.test/y"


@pytest.mark.parametrize(
    ("location", "kept"),
    [
        ("/y", True),
        ("https://a.test:443/y", True),
        ("//a.test/y", True),
        ("http://a.test/y", False),
        ("https://b.test/y", False),
        ("https://a.test:444/y", False),
        ("https://x.a.test/", False),
    ],
)
def test_credentials_stay_on_their_origin(location: str, kept: bool) -> None:
    names = {name for name, _ in follow("https://a.test/x", "GET", HEADERS, 302, location).headers}
    assert ({"authorization", "cookie", "proxy-authorization", "x-worker-id"} <= names) is kept
    assert ({"authorization", "cookie", "proxy-authorization", "x-worker-id"} & names != set()) is kept
    assert "accept" in names and "host" not in names


@pytest.mark.parametrize(
    "location", ["file:///etc/passwd", "javascript:alert(1)", "ftp://a.test/", "http://", "data:,x"]
)
def test_redirects_out_of_http_are_not_followed(location: str) -> None:
    with pytest.raises(ValueError):
        follow("https://a.test/x", "GET", HEADERS, 302, location)
