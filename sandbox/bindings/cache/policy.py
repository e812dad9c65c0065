"""Whether a response may be kept, and for how long: RFC 9111 for a shared cache, as Cloudflare applies it."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from sandbox.bindings.cache.limits import BY_DEFAULT, CACHEABLE


def lifetime(status: int, headers: Mapping[str, str], now: float, *, authorized: bool = False) -> float:
    """Seconds for which the response is fresh; 0 where it must not be kept. Header names are in lower case.

    The request's own Cache-Control plays no part, as at Cloudflare. `authorized`: it had an Authorization header.
    """
    return max(0.0, _freshness(status, headers, now, authorized) - age_of(headers))


def age_of(headers: Mapping[str, str]) -> float:
    """The seconds that a response was under way or kept by others already: its Age."""
    age = headers.get("age", "")
    return float(age) if age.isdecimal() else 0.0


def _freshness(status: int, headers: Mapping[str, str], now: float, authorized: bool) -> float:
    control = directives(headers.get("cache-control", ""))
    if status not in CACHEABLE or "set-cookie" in headers:
        return 0.0
    if {"no-store", "private", "no-cache"} & control.keys():
        return 0.0
    if authorized and not {"public", "s-maxage", "must-revalidate"} & control.keys():
        return 0.0
    for name in ("s-maxage", "max-age"):
        if name in control:
            return float(control[name]) if control[name].isdecimal() else 0.0
    expires = headers.get("expires")
    if expires is not None:
        end, begin = date(expires), date(headers.get("date", ""))
        return 0.0 if end is None else max(0.0, end - (now if begin is None else begin))
    modified = date(headers.get("last-modified", ""))
    if status in BY_DEFAULT and modified is not None and modified < now:
        return (now - modified) / 10
    return 0.0


def directives(text: str) -> dict[str, str]:
    """Cache-Control's directives, names in lower case, values without quotes."""
    found = {}
    for part in text.split(","):
        name, _, value = part.strip().partition("=")
        if name:
            found[name.strip().lower()] = value.strip().strip('"')
    return found


def without_private_cookie(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """`Cache-Control: private=Set-Cookie` means: keep it, without its cookies."""
    control = next((value for name, value in headers if name == "cache-control"), "")
    parts = directives(control)
    if parts.get("private", "").lower() != "set-cookie":
        return headers
    rest = ", ".join(f"{name}={value}" if value else name for name, value in parts.items() if name != "private")
    kept = [pair for pair in headers if pair[0] not in ("set-cookie", "cache-control")]
    return [*kept, ("cache-control", rest)] if rest else kept


def date(text: str) -> float | None:
    """An HTTP date in seconds since the epoch."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
