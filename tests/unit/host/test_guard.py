"""The guard's rules as tables (QUALITY.md, security 2, 3 and 5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.host.guard import (
    Refused,
    allowed_hosts,
    check_host,
    check_origin,
    check_own_target,
    check_token,
    check_worker_target,
    is_loopback,
    parse_authority,
    split_target,
)

PORT = 8787
GOOD_HOSTS = [
    ("localhost:8787", None),
    ("LOCALHOST:8787", None),
    ("127.0.0.1:8787", None),
    ("[::1]:8787", None),
    ("feed-fetcher.localhost:8787", "feed-fetcher"),
    ("Feed_Fetcher.LocalHost:8787", "feed_fetcher"),
    ("a.b.localhost:8787", "a.b"),
]
FOREIGN_HOSTS = [
    "evil.com",
    "evil.com:8787",
    "localhost.evil.com:8787",
    "127.0.0.1.nip.io:8787",
    "0177.0.0.1:8787",
    "127.1:8787",
    "0.0.0.0:8787",
    "localhost6:8787",
    "localhost.:8787",
    "feed.localhost.:8787",
    "127.0.0.1.:8787",
    "127.0.0.2:8787",
    "2130706433:8787",
    "0x7f000001:8787",
    "[::]:8787",
    "[::ffff:127.0.0.1]:8787",
    "[0:0:0:0:0:0:0:2]:8787",
    "localhost:8788",
    "localhost",
    "localhost:80",
    "127.0.0.1",
    "feed.localhost:1",
    "xlocalhost:8787",
    "localhost-evil.com:8787",
    "metadata.google.internal:8787",
    "169.254.169.254:8787",
    "192.168.0.1:8787",
]
MALFORMED_HOSTS = [
    "[::::",
    "[::::]:8787",
    "[::1:8787",
    "::1:8787",
    "user@localhost:8787",
    "user:pass@localhost:8787",
    "evil.com@localhost:8787",
    "localhost:8787:8787",
    "localhost:",
    "localhost:port",
    "localhost:+8787",
    "localhost:８７８７",
    "localhost:8787/evil",
    "localhost:8787?x",
    "localhost:8787#x",
    "localhost:8787 evil.com",
    " localhost:8787",
    "localhost:8787, evil.com",
    ".localhost:8787",
    "a..localhost:8787",
    "ｌocalhost:8787",
    "local\thost:8787",
    "localhost%00:8787",
    "local\0host:8787",
    "http://localhost:8787",
    "",
    ":8787",
    "*:8787",
    "a" * 300,
]


@pytest.mark.parametrize(("host", "label"), GOOD_HOSTS)
def test_our_own_hosts_pass(host: str, label: str | None) -> None:
    assert check_host(host, PORT) == label


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_foreign_hosts_get_403(host: str) -> None:
    with pytest.raises(Refused) as caught:
        check_host(host, PORT)
    assert caught.value.status == 403


@pytest.mark.parametrize("host", MALFORMED_HOSTS)
def test_malformed_hosts_get_400(host: str) -> None:
    with pytest.raises(Refused) as caught:
        check_host(host, PORT)
    assert caught.value.status == 400


@given(st.text(max_size=40))
def test_any_text_is_ours_or_refused(host: str) -> None:
    try:
        label = check_host(host, PORT)
    except Refused as error:
        assert error.status in (400, 403)
    else:
        assert host.lower() in ("localhost:8787", "127.0.0.1:8787", "[::1]:8787", f"{label}.localhost:8787")


def test_a_host_without_a_port_is_ours_on_port_80_only() -> None:
    assert check_host("localhost", 80) is None
    with pytest.raises(Refused):
        check_host("localhost", PORT)


def test_allowed_hosts_with_and_without_a_port() -> None:
    allowed = allowed_hosts(["Dev.Example", "tunnel.example:443"])
    assert check_host("dev.example:8787", PORT, allowed) is None
    assert check_host("DEV.example", PORT, allowed) is None
    assert check_host("tunnel.example:443", PORT, allowed) is None
    for host in ("tunnel.example:8787", "tunnel.example", "x.dev.example", "dev.example."):
        with pytest.raises(Refused):
            check_host(host, PORT, allowed)
    with pytest.raises(Refused):
        allowed_hosts(["not a host"])


def test_authorities_are_taken_apart() -> None:
    assert parse_authority("LocalHost:1") == ("localhost", 1)
    assert parse_authority("[::1]") == ("[::1]", None)


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a?b", "/a?b"),
        ("//evil.com/a", "//evil.com/a"),
        ("http://localhost:8787/a?b", "/a?b"),
        ("http://LOCALHOST:8787", "/"),
        ("http://localhost:8787?q", "/?q"),
    ],
)
def test_targets(target: str, path: str) -> None:
    assert split_target(target, "localhost:8787") == path


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.com/",
        "http://evil.com:8787/",
        "http://localhost:8787@evil.com/",
        "http://user@localhost:8787/",
        "https://localhost:8787/",
        "ftp://localhost:8787/",
        "localhost:8787",
        "*",
        "a/b",
        "http:/localhost:8787/",
        "",
    ],
)
def test_foreign_targets_get_400(target: str) -> None:
    with pytest.raises(Refused) as caught:
        split_target(target, "localhost:8787")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "path", ["/", "/api/executions", "/api/x..y", "/a.b/..c", "/api?x=../..", "/a%20b", "/é", "/..."]
)
def test_own_paths_pass(path: str) -> None:
    check_own_target(path)


@pytest.mark.parametrize(
    "path",
    [
        "/..",
        "/api/../x",
        "/api/..",
        "/%2e%2e/x",
        "/a/%2E./x",
        "/.%2e",
        "/a\\b",
        "/a%5cb",
        "/a%5Cb",
        "/a%00b",
        "/a%2fb",
        "/a%2Fb",
        "/a b",
        "/a\x7f",
        "/..;/x",
        "/" + "a" * 2048,
        "/?" + "a" * 2048,
    ],
)
def test_bad_own_paths_get_400(path: str) -> None:
    with pytest.raises(Refused) as caught:
        check_own_target(path)
    assert caught.value.status == 400


def test_a_worker_gets_its_path_as_in_production_up_to_16_kb() -> None:
    for path in ("/a/../b", "/a%2fb", "/a\\b", "/a%00", "/" + "a" * 16_383):
        check_worker_target(path)
    for path in ("/" + "a" * 16_384, "/a b", "/a\x00"):
        with pytest.raises(Refused):
            check_worker_target(path)


HOST = "localhost:8787"
FOREIGN_ORIGINS = [
    "null",
    "",
    "http://localhost",
    "http://localhost:8788",
    "https://localhost:8787",
    "http://127.0.0.1:8787",
    "http://feed.localhost:8787",
    "http://localhost:8787/",
    "http://localhost:8787.evil.com",
    "http://evil.com",
    "HTTP://localhost:8787",
    "localhost:8787",
]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize(
    ("method", "path", "accept"),
    [
        ("POST", "/api/executions", "*/*"),
        ("PUT", "/api/checkpoints/x", "*/*"),
        ("DELETE", "/api/kv", "*/*"),
        ("PATCH", "/", "*/*"),
        ("PROPFIND", "/", "*/*"),
        ("GET", "/api/executions/x/events", "*/*"),
        ("GET", "/anything", "text/event-stream"),
    ],
)
def test_foreign_origins_change_nothing_and_hear_nothing(origin: str, method: str, path: str, accept: str) -> None:
    with pytest.raises(Refused) as caught:
        check_origin(method, path, HOST, {"Origin": origin, "Accept": accept})
    assert caught.value.status == 403


def test_our_own_origin_none_at_all_and_plain_reads_pass() -> None:
    check_origin("POST", "/api/executions", HOST, {})
    check_origin("POST", "/api/executions", HOST, {"Origin": "http://localhost:8787", "Sec-Fetch-Site": "same-origin"})
    check_origin("POST", "/api/executions", "LOCALHOST:8787", {"Origin": "http://localhost:8787"})
    check_origin("GET", "/api/executions", HOST, {"Origin": "http://evil.com"})


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "nonsense"])
def test_sec_fetch_site_may_only_deny(site: str) -> None:
    with pytest.raises(Refused):
        check_origin("POST", "/api", HOST, {"Sec-Fetch-Site": site})
    with pytest.raises(Refused):
        check_origin("POST", "/api", HOST, {"Sec-Fetch-Site": "same-origin", "Origin": "http://evil.com"})


def test_the_token_comes_by_header_or_cookie() -> None:
    check_token("s3cret", {"X-Sandbox-Token": "s3cret"})
    check_token("s3cret", {"Cookie": "a=b; sandbox_token=s3cret"})
    for headers in (
        {},
        {"X-Sandbox-Token": "other"},
        {"Cookie": "sandbox_token=s3cre"},
        {"Cookie": "xsandbox_token=s3cret"},
    ):
        with pytest.raises(Refused) as caught:
            check_token("s3cret", headers)
        assert caught.value.status == 403


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.2", False),
        ("example.com", False),
    ],
)
def test_loopback(address: str, own: bool) -> None:
    assert is_loopback(address) is own
