"""The URL standard's parser, on whole components rather than one character at a time."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field, replace

from sandbox.runtime.web import percent
from sandbox.runtime.web.hosts import parse_host

SPECIAL_PORTS: dict[str, int | None] = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21, "file": None}
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.\-]*):").match
_DRIVE = re.compile(r"[a-zA-Z][:|]\Z").match
_DOT = frozenset({".", "%2e"})
_DOTS = frozenset({"..", ".%2e", "%2e.", "%2e%2e"})
_REMOVED = str.maketrans("", "", "\t\n\r")
_CONTROLS = "".join(chr(code) for code in range(0x21))


@dataclass(frozen=True, slots=True)
class UrlRecord:
    """A parsed URL. `path` is a list of segments, or text where the path is opaque (`mailto:x`)."""

    scheme: str
    username: str = ""
    password: str = ""
    host: str | None = None
    port: int | None = None
    path: tuple[str, ...] | str = field(default=())
    query: str | None = None
    fragment: str | None = None

    @property
    def special(self) -> bool:
        return self.scheme in SPECIAL_PORTS

    @property
    def pathname(self) -> str:
        return self.path if isinstance(self.path, str) else "".join(f"/{segment}" for segment in self.path)

    @property
    def credentials(self) -> str:
        if not self.username and not self.password:
            return ""
        return f"{self.username}{':' + self.password if self.password else ''}@"

    @property
    def authority_host(self) -> str:
        """Host and port as `URL.host` gives them."""
        return (self.host or "") + (f":{self.port}" if self.port is not None else "")

    def serialize(self, *, fragment: bool = True) -> str:
        text = f"{self.scheme}:"
        if self.host is not None:
            text += f"//{self.credentials}{self.authority_host}"
        elif not isinstance(self.path, str) and len(self.path) > 1 and self.path[0] == "":
            text += "/."
        text += self.pathname
        if self.query is not None:
            text += f"?{self.query}"
        if fragment and self.fragment is not None:
            text += f"#{self.fragment}"
        return text


@functools.lru_cache(maxsize=1024)
def parse(text: str, base: UrlRecord | None = None) -> UrlRecord | None:
    """Parse a URL, against `base` where it is relative; None where it is not valid."""
    text = text.strip(_CONTROLS).translate(_REMOVED)
    text, _, fragment = text.partition("#") if "#" in text else (text, "", None)
    found = _SCHEME(text)
    if found is not None:
        record = _with_scheme(found[1].lower(), text[found.end() :], base)
    elif base is None:
        return None
    elif isinstance(base.path, str):
        # Only a fragment can be relative to an opaque path.
        if text or fragment is None:
            return None
        record = base
    else:
        record = _relative(text, base)
    if record is None:
        return None
    encoded = None if fragment is None else percent.encode(fragment, percent.FRAGMENT)
    return replace(record, fragment=encoded)


def _with_scheme(scheme: str, rest: str, base: UrlRecord | None) -> UrlRecord | None:
    if scheme == "file":
        return _file(rest, base if base is not None and base.scheme == "file" else None)
    if scheme in SPECIAL_PORTS:
        if base is not None and base.scheme == scheme and not rest.startswith(("/", "\\")):
            return _relative(rest, base)
        return _authority(scheme, rest.lstrip("/\\"))
    if rest.startswith("//"):
        return _authority(scheme, rest[2:])
    path, query = _split_query(rest, special=False)
    if path.startswith("/"):
        return UrlRecord(scheme, path=_segments(path, special=False, scheme=scheme), query=query)
    return UrlRecord(scheme, path=percent.encode(path, percent.C0_CONTROL), query=query)


def _split_query(rest: str, *, special: bool) -> tuple[str, str | None]:
    path, mark, query = rest.partition("?")
    if not mark:
        return path, None
    return path, percent.encode(query, percent.SPECIAL_QUERY if special else percent.QUERY)


def _authority(scheme: str, rest: str) -> UrlRecord | None:
    special = scheme in SPECIAL_PORTS
    end = re.search(r"[/\\?]" if special else r"[/?]", rest)
    authority, tail = (rest, "") if end is None else (rest[: end.start()], rest[end.start() :])
    username = password = ""
    if "@" in authority:
        userinfo, _, authority = authority.rpartition("@")
        username, _, password = userinfo.partition(":")
        username, password = (percent.encode(part, percent.USERINFO) for part in (username, password))
        if not authority:
            return None
    parsed = _host_and_port(authority, scheme)
    if parsed is None:
        return None
    host, port = parsed
    if special and not host:
        return None
    if not host and (username or password or port is not None):
        return None
    path, query = _split_query(tail, special=special)
    segments = _segments(path, special=special, scheme=scheme) if path or special else ()
    return UrlRecord(scheme, username, password, host, port, segments, query)


def _host_and_port(authority: str, scheme: str) -> tuple[str, int | None] | None:
    special = scheme in SPECIAL_PORTS
    colon = authority.rfind(":")
    text, port_text = authority, ""
    if colon >= 0 and "]" not in authority[colon:]:
        text, port_text = authority[:colon], authority[colon + 1 :]
        if ":" in text and not text.startswith("["):
            return None
    if not text:
        return None if special or port_text else ("", None)
    host = parse_host(text, special=special)
    if host is None:
        return None
    if not port_text:
        return host, None
    port = parse_port(port_text, scheme)
    return None if port == -1 else (host, port)


def parse_port(text: str, scheme: str) -> int | None:
    """The port, None where it is the scheme's default, -1 where it is not valid."""
    if not (text.isascii() and text.isdecimal()) or len(text.lstrip("0")) > 5:
        return -1
    port = int(text)
    if port > 65535:
        return -1
    return None if SPECIAL_PORTS.get(scheme) == port else port


def _segments(path: str, *, special: bool, scheme: str, start: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Segments of a path, appended to `start`, with dot segments resolved."""
    if special:
        path = path.replace("\\", "/")
    made = list(start)
    parts = path.removeprefix("/").split("/")
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        lowered = part.lower()
        if lowered in _DOTS:
            if made and not (scheme == "file" and len(made) == 1 and _DRIVE(made[0])):
                made.pop()
            if last:
                made.append("")
        elif lowered in _DOT:
            if last:
                made.append("")
        else:
            if scheme == "file" and not made and _DRIVE(part):
                part = part[0] + ":"
            made.append(percent.encode(part, percent.PATH))
    return tuple(made)


def _relative(text: str, base: UrlRecord) -> UrlRecord | None:
    if base.scheme == "file":
        return _file(text, base)
    special = base.special
    slashes = ("/", "\\") if special else ("/",)
    if text.startswith(slashes):
        if text[1:2] and text[1] in slashes:
            return _authority(base.scheme, text.lstrip("/\\") if special else text[2:])
        path, query = _split_query(text, special=special)
        return replace(base, path=_segments(path, special=special, scheme=base.scheme), query=query)
    path, query = _split_query(text, special=special)
    if not path:
        return replace(base, query=base.query if query is None else query)
    assert not isinstance(base.path, str)
    return replace(base, path=_segments(path, special=special, scheme=base.scheme, start=base.path[:-1]), query=query)


def _file(text: str, base: UrlRecord | None) -> UrlRecord | None:
    text = (
        text.replace("\\", "/")
        if "?" not in text
        else text.partition("?")[0].replace("\\", "/") + "?" + text.partition("?")[2]
    )
    path, query = _split_query(text, special=True)
    host: str | None = ""
    if path.startswith("//"):
        name, slash, rest = path[2:].partition("/")
        if _DRIVE(name):
            return UrlRecord("file", host="", path=_segments(path[1:], special=True, scheme="file"), query=query)
        if name:
            host = parse_host(name, special=True)
            if host is None:
                return None
            host = "" if host == "localhost" else host
        return UrlRecord("file", host=host, path=_segments(slash + rest, special=True, scheme="file"), query=query)
    if base is None or path.startswith("/"):
        host = "" if base is None else base.host
        return UrlRecord("file", host=host, path=_segments(path, special=True, scheme="file"), query=query)
    if not path:
        return replace(base, query=base.query if query is None else query)
    start = base.path[:-1] if not isinstance(base.path, str) and not _DRIVE(path.split("/")[0]) else ()
    assert not isinstance(start, str)
    return replace(base, path=_segments(path, special=True, scheme="file", start=start), query=query)
