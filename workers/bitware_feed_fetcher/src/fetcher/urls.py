"""One spelling for each address, so that two links to one article compare equal."""

import re
from urllib.parse import quote, unquote_to_bytes, urljoin, urlsplit, urlunsplit

DEFAULT_PORTS = {"http": 80, "https": 443}

# Parameters that say where a reader came from, never what is read.
TRACKING_PREFIXES = ("utm_", "mtm_", "pk_", "hsa_", "oly_", "vero_", "wt_")
TRACKING_NAMES = frozenset(
    "fbclid gclid gclsrc dclid gbraid wbraid msclkid yclid twclid ttclid li_fat_id igshid igsh mc_cid mc_eid "
    "mkt_tok _hsenc _hsmi __hstc __hssc __hsfp _ga _gl at_medium at_campaign cmpid ocid ncid s_cid xtor ref_src "
    "guccounter smid partner_source".split()
)

_SAFE_PATH = "/:@!$&'()*+,;=-._~%"
_SAFE_QUERY = _SAFE_PATH + "?[]"
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_INDEX_PAGE = re.compile(r"/(?:index|default)\.(?:html?|php|aspx?)$", re.I)


def canonical_url(url: str, base: str = "") -> str | None:
    """The address to keep for `url`: absolute, lower-case scheme and host, without default port, credentials,
    fragment or tracking parameters. None when it is not an http(s) address (`javascript:`, `mailto:`, rubbish).

    Applying it twice changes nothing.
    """
    url = _CONTROLS.sub("", url).strip()
    if not url:
        return None
    try:
        if base:
            url = urljoin(base, url)
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme = parts.scheme.lower()
    host = _host(parts.hostname or "")
    if scheme not in DEFAULT_PORTS or not host:
        return None
    netloc = host if port in (None, DEFAULT_PORTS[scheme]) else f"{host}:{port}"
    path = _escaped(_without_dots(_escaped(parts.path, _SAFE_PATH)), _SAFE_PATH) or "/"
    query = "&".join(pair for pair in _escaped(parts.query, _SAFE_QUERY).split("&") if pair and not _is_tracking(pair))
    return urlunsplit((scheme, netloc, path, query, ""))


def url_key(url: str) -> str:
    """What two canonical addresses of one page have in common: no scheme, no `www.`, no trailing slash or index page,
    parameters in order. For comparing only; the result is not an address."""
    parts = urlsplit(url)
    host = parts.netloc.removeprefix("www.")
    path = _INDEX_PAGE.sub("/", parts.path).rstrip("/")
    query = "&".join(sorted(parts.query.split("&")))
    return f"{host}{path}?{query}" if query else f"{host}{path}"


def _host(host: str) -> str:
    host = host.rstrip(".").lower()
    if host.isascii():
        bad = set(host) - set("abcdefghijklmnopqrstuvwxyz0123456789-._:")
        if bad:
            return ""
        return f"[{host}]" if ":" in host else host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def _is_tracking(pair: str) -> bool:
    name = pair.partition("=")[0].lower()
    return name in TRACKING_NAMES or name.startswith(TRACKING_PREFIXES)


def _escaped(text: str, safe: str) -> str:
    """Escapes what must be escaped, unescapes what need not be, and leaves every other %XX (in upper case)."""
    text = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text)

    def normal(match: re.Match[str]) -> str:
        char = unquote_to_bytes(match[0]).decode("latin-1")
        return char if char in _UNRESERVED else match[0].upper()

    return quote(_ESCAPE.sub(normal, text), safe=safe)


def _without_dots(path: str) -> str:
    """`/a/./b/../c` is `/a/c` (RFC 3986, 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    segments = path.split("/")
    for segment in segments:
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
        elif segment != ".":
            kept.append(segment)
    if segments[-1] in (".", ".."):
        kept.append("")
    return "/".join(kept)
