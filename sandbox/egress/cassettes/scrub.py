"""Takes secrets out of a call before it is written or compared: by name, by known value, by pattern."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote_plus, urlsplit, urlunsplit

from sandbox.config.models import ScrubConfig
from sandbox.credentials import DOUBTFUL, FIELDS, HEADERS, QUERY, Names
from sandbox.egress.cassettes.content import indented, is_form, read_json, text_of
from sandbox.egress.cassettes.recording import Answered, Asked, Pairs
from sandbox.ids import MASK

_CREDENTIAL = re.compile(r"\S{16,}")
_SCHEME = re.compile(r"(basic|bearer|digest|token|apikey|aws4-hmac-sha256|hawk|negotiate) +", re.IGNORECASE)
_COOKIE = re.compile(r"^([^=;]+)=[^;]*")
_HIDDEN = re.compile(r'(name="([^"]+)"[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n)([^\r\n]+)')
_TRANSPORT = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "host", "content-length"})
_LINKS = frozenset({"location", "content-location", "referer", "origin"})
_NOISE = frozenset({"traceparent", "tracestate", "x-request-id", "x-correlation-id"})


class Scrub:
    """The rules of `[egress.scrub]` beside our own. `redact` takes known secret values out of a text."""

    def __init__(self, config: ScrubConfig, redact: Callable[[str], str]) -> None:
        keep = config.keep
        self._headers = Names((*HEADERS, *config.headers), keep)
        self._query = Names((*QUERY, *config.query), keep)
        self._fields = Names((*FIELDS, *config.fields), keep)
        self._doubtful = Names(DOUBTFUL, keep)
        self._patterns = [re.compile(pattern) for pattern in config.patterns]
        self._redact = redact

    def asked(self, method: str, url: str, headers: Iterable[tuple[str, str]], body: bytes) -> Asked:
        """A request without its secrets."""
        kept = self._pairs(pair for pair in headers if pair[0] not in _NOISE)
        return Asked(method, self.url(url), kept, self.body(body, _content_type(kept)))

    def answered(self, status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answered:
        """An answer without its secrets."""
        kept = self._pairs(headers)
        return Answered(status, kept, self.body(body, _content_type(kept)))

    def text(self, text: str) -> str:
        """Known values and patterns taken out."""
        text = self._redact(text)
        for pattern in self._patterns:
            text = pattern.sub(MASK, text)
        return text

    def url(self, url: str) -> str:
        """Without user and password, fragment, and the values of secret parameters. May be relative."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return self.text(url)
        authority = parts.netloc.rpartition("@")[2]
        query = "&".join(self._parameter(one, self._query) for one in parts.query.split("&")) if parts.query else ""
        return self.text(urlunsplit((parts.scheme, authority, parts.path or ("/" if authority else ""), query, "")))

    def body(self, body: bytes, content_type: str) -> bytes:
        """JSON and forms field by field; everything else as text. The very same bytes where nothing was secret."""
        text = text_of(body)
        if text is None:
            seen = body.decode("latin-1")
            found = self.text(seen)
            return body if found == seen else found.encode("latin-1", "replace")
        try:
            value = read_json(body, content_type)
            scrubbed, changed = self._json(value)
            # A name given twice is one to the parser: what it did not show must not be written either.
            return indented(scrubbed).encode() if changed or self.text(text) != text else body
        except (ValueError, RecursionError):
            pass  # no JSON
        if is_form(content_type):
            return self.text("&".join(self._parameter(one, self._fields) for one in text.split("&"))).encode()
        if content_type.lower().startswith("multipart/"):
            text = _HIDDEN.sub(lambda m: m[1] + (MASK if self._secret(m[2], m[3]) else m[3]), text)
        return self.text(text).encode()

    def _pairs(self, headers: Iterable[tuple[str, str]]) -> Pairs:
        return tuple((name, self._header(name, value)) for name, value in headers if name not in _TRANSPORT)

    def _header(self, name: str, value: str) -> str:
        if not self._headers.has(name):
            return self.url(value) if name in _LINKS else self.text(value)
        if name == "set-cookie":  # which cookie, and for how long, is worth reading
            return self.text(_COOKIE.sub(rf"\1={MASK}", value))
        scheme = _SCHEME.match(value) if name.endswith("authorization") else None
        return f"{scheme[0]}{MASK}" if scheme is not None else MASK

    def _parameter(self, pair: str, names: Names) -> str:
        name, equals, value = pair.partition("=")
        plain = unquote_plus(name)
        secret = names.has(plain) or (names is self._fields and self._doubtful.has(plain) and _looks_secret(value))
        return f"{name}={MASK}" if equals and value and secret else pair

    def _secret(self, name: str, value: str) -> bool:
        return self._fields.has(name) or (self._doubtful.has(name) and _looks_secret(value))

    def _json(self, value: Any) -> tuple[Any, bool]:
        """The value without secrets, and whether there were any."""
        if isinstance(value, str):
            text = self.url(value) if value.startswith(("https://", "http://")) and "?" in value else self.text(value)
            return text, text != value
        if isinstance(value, bool) or value is None:
            return value, False
        if isinstance(value, int | float):
            shown = str(value)
            return (MASK, True) if self.text(shown) != shown else (value, False)
        if isinstance(value, list):
            items = [self._json(item) for item in value]
            return [item for item, _ in items], any(changed for _, changed in items)
        made, changed = {}, False
        for name, inner in value.items():
            key = self.text(name)
            if (
                inner
                and isinstance(inner, str | int)
                and not isinstance(inner, bool)
                and self._secret(name, str(inner))
            ):
                made[key], changed = MASK, True
                continue
            made[key], differs = self._json(inner)
            changed = changed or differs or key != name
        return made, changed


def _looks_secret(value: str) -> bool:
    return _CREDENTIAL.fullmatch(value) is not None


def _content_type(headers: Pairs) -> str:
    return next((value for name, value in headers if name == "content-type"), "")
