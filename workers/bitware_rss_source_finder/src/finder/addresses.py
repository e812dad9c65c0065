"""One spelling for each feed's address, so that two lists that name one feed are seen to do so."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urljoin, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_ADDRESS = 2000
"""Characters; what is longer is no feed's address."""
MAX_KEY = 450
"""Bytes; a key in KV has at most 512, and part of them says what it is of."""
_CONTROLS = re.compile(r"[\x00-\x20\x7f]+")
_HOST = re.compile(r"[a-z0-9._:-]+")


def address(given: str, base: str = "") -> str | None:
    """The address to keep: absolute, http or https, scheme and host in lower case, without default port, credentials or
    fragment. `feed:` is http or what follows it. None for what is no such address.

    The path and the query stay as they are, since a feed is often told apart by them alone. Applying it twice changes
    nothing.
    """
    text = _CONTROLS.sub("", given)
    if text[:5].lower() == "feed:":
        text = text[5:] if text[5:9].lower() == "http" else f"http:{text[5:]}"
    if not text:
        return None
    try:
        parts = urlsplit(urljoin(base, text) if base else text)
        port, host = parts.port, _host(parts.hostname or "")
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS or not host or len(text) > MAX_ADDRESS:
        return None
    netloc = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    return urlunsplit((scheme, netloc, parts.path or "/", parts.query, ""))


def site_address(given: str) -> str | None:
    """As `address`, for what a person types: `example.org` is `https://example.org/`."""
    text = given.strip()
    if "://" in text or text[:5].lower() == "feed:":
        return address(text)
    # An address of mail has no feed.
    return None if "@" in text.partition("/")[0] else address(f"https://{text}")


def key(url: str) -> str:
    """What two addresses of one feed have in common: no scheme, no `www.`, no trailing slash. For comparing, and as a key
    in KV: what would not fit there is a hash."""
    parts = urlsplit(address(url) or url)
    query = f"?{parts.query}" if parts.query else ""
    common = parts.netloc.removeprefix("www.") + parts.path.rstrip("/") + query
    return common if len(common.encode()) <= MAX_KEY else hashlib.sha256(common.encode()).hexdigest()


def site_of(url: str) -> str:
    """The host that a feed is of: `www.example.org` is `example.org`."""
    return (urlsplit(url).hostname or "").removeprefix("www.")


def _host(host: str) -> str:
    host = host.rstrip(".").lower()
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return ""
    if not _HOST.fullmatch(host) or not any(c.isalnum() for c in host):
        return ""
    return f"[{host}]" if ":" in host else host
