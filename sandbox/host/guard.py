"""Who may ask, and for what: pure rules over one request's authority, target and headers.

A page on the internet can make a browser send requests to this machine: by a name of its own that resolves to
127.0.0.1 (DNS rebinding), or by plain cross-site requests. The first is stopped by the Host rules, the second by the
Origin rules on our own routes; a worker's routes do their own CORS, as in production.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

from sandbox.errors import UserError
from sandbox.ids import same_secret

MAX_OWN_PATH = 2 * 1024
"""Bytes of a target on our own routes."""
MAX_WORKER_PATH = 16 * 1024
"""Bytes of a target sent to a worker: Cloudflare's limit of a URL."""

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_HEADER = "X-Sandbox-Token"  # noqa: S105 (a header's name)
TOKEN_COOKIE = "sandbox_token"  # noqa: S105 (a cookie's name)

_AUTHORITY = re.compile(r"(\[[0-9a-f:.]{2,45}\]|[a-z0-9_](?:[a-z0-9_.-]{0,252}))(?::([0-9]{1,5}))?", re.ASCII)
_UNSAFE_SEGMENT = re.compile(r"(?:^|/)(?:\.|%2e){2}(?:[/;]|$)", re.IGNORECASE)
_UNSAFE_ESCAPE = re.compile(r"%(?:00|2f|5c)", re.IGNORECASE)
_WORKERS = "this is the sandbox's own address; workers answer other origins at theirs: `sandbox workers list`"
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


class Refused(UserError):
    """A request that breaks a rule of the guard; `status` is 400 for a malformed one, 403 for a foreign one."""

    code = "refused"


def parse_authority(value: str) -> tuple[str, int | None]:
    """Host (lower case, an IPv6 address in brackets) and port of a Host header; Refused (400) where it is neither."""
    found = _AUTHORITY.fullmatch(value.lower())
    if found is None or ".." in value:
        raise Refused("the Host header is not a host name", code="bad_host", status=400)
    host, port = found.group(1), found.group(2)
    if host.startswith("["):
        try:
            ip_address(host[1:-1])
        except ValueError:
            raise Refused("the Host header is not an IPv6 address", code="bad_host", status=400) from None
    return host, None if port is None else int(port)


def allowed_hosts(given: Iterable[str]) -> frozenset[tuple[str, int | None]]:
    """What `--allow-host` names, parsed. Without a port a name is allowed with every port."""
    return frozenset(parse_authority(value) for value in given)


def check_host(value: str, port: int, allowed: frozenset[tuple[str, int | None]] = frozenset()) -> str | None:
    """The label before `.localhost`, or None for our own address; Refused for every host that is not ours.

    `port` is the port the request came in by. A Host without a port means port 80.
    """
    host, given = parse_authority(value)
    if host in LOCAL_NAMES or host.endswith(".localhost"):
        if (80 if given is None else given) == port:
            return host.removesuffix(".localhost") if host.endswith(".localhost") else None
        raise Refused(
            "the Host header names another port than the one asked", code="foreign_host", status=403, hint=f"use {port}"
        )
    if (host, given) in allowed or (host, None) in allowed:
        return None
    raise Refused(
        f"the host {host} is not one of this sandbox",
        code="foreign_host",
        status=403,
        hint=f"use localhost, or allow it with --allow-host {host}",
    )


def split_target(target: str, host: str) -> str:
    """The path and query of a request target.

    An absolute-form target (`GET http://host/path`) must name the same authority as the Host header: servers let it
    win over Host, so a check of Host alone would be void. Authority-form and asterisk-form are refused.
    """
    if target.startswith("/"):
        return target
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() != "http":
        raise Refused("the request target is neither a path nor an http URL", code="bad_target", status=400)
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if authority.lower() != host.lower():
        raise Refused("the request target names another host than the Host header", code="bad_target", status=400)
    path = rest[len(authority) :]
    return path if path.startswith("/") else f"/{path}"


def check_worker_target(target: str) -> None:
    """A worker gets its path as in production; only what no HTTP client may send is refused."""
    if len(target) > MAX_WORKER_PATH:
        raise Refused("the URL is longer than 16 KB", code="url_too_long", status=400)
    if _CONTROL.search(target):
        raise Refused("the URL holds a control character or a space", code="bad_path", status=400)


def check_own_target(target: str) -> None:
    """Paths of our own routes: no `..` segment, no backslash, NUL or slash in disguise, 2 KB at most."""
    if len(target) > MAX_OWN_PATH:
        raise Refused("the URL is longer than 2 KB", code="url_too_long", status=400)
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    if _UNSAFE_SEGMENT.search(path) or "\\" in path or _UNSAFE_ESCAPE.search(path) or _CONTROL.search(target):
        raise Refused("the path holds a segment that is not allowed here", code="bad_path", status=400)


def check_origin(method: str, path: str, host: str, headers: Mapping[str, str]) -> None:
    """Our own routes: state-changing requests and event streams need Origin absent or exactly `http://` plus Host.

    `Sec-Fetch-Site` may only deny: a browser sets it, anything else may say what it likes.
    """
    stream = path.endswith("/events") or "text/event-stream" in headers.get("Accept", "")
    if method in SAFE_METHODS and not stream:
        return
    origin = headers.get("Origin")
    if origin is not None and origin != f"http://{host.lower()}":
        raise Refused("this request comes from another origin", code="foreign_origin", status=403, hint=_WORKERS)
    if headers.get("Sec-Fetch-Site", "none").lower() not in ("none", "same-origin"):
        raise Refused("this request comes from another site", code="foreign_origin", status=403, hint=_WORKERS)


def check_token(expected: str, headers: Mapping[str, str]) -> None:
    """The token a sandbox asks for that listens beyond this machine: in `X-Sandbox-Token`, or in a cookie."""
    given = headers.get(TOKEN_HEADER)
    if given is None:
        cookies = (pair.strip().partition("=") for pair in headers.get("Cookie", "").split(";"))
        given = next((value for name, _, value in cookies if name == TOKEN_COOKIE), "")
    if not same_secret(given, expected):
        raise Refused(
            "this sandbox asks for its token", code="token_missing", status=403, hint=f"send it as {TOKEN_HEADER}"
        )


def is_loopback(address: str) -> bool:
    """Whether an IP address is this machine's own (`localhost` counts)."""
    if address == "localhost":
        return True
    try:
        parsed = ip_address(address.strip("[]"))
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback
