"""`URL` and `URLSearchParams`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from sandbox.runtime.values import HostObject, JsArray, JsIterator, JsObject, call_back, js_str, jsnull, throw
from sandbox.runtime.values.maplike import MapLike
from sandbox.runtime.web import percent
from sandbox.runtime.web.headers import pairs_of
from sandbox.runtime.web.hosts import parse_host
from sandbox.runtime.web.url_parser import UrlRecord, parse, parse_port

# A http URL that the parser would answer unchanged: plain host, no dot segments, nothing to encode, no default port.
_normal = re.compile(
    r"https?://(?!(?:\d|0[xX])[\d.xXa-f]*[:/])[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*(?::(?!80/|443/|0)\d{1,4})?"
    r"(?:/(?!\.|%2[eE])[A-Za-z0-9\-._~!$&'()*+,;=:@%|\[\]]*)+(?:\?[A-Za-z0-9\-._~!$&()*+,;=:@%/?|\[\]{}^`]*)?\Z"
).match


def normalize_url(text: str) -> str | None:
    """The URL as `URL.href` writes it, or None where it is not valid. Quick for one that is normal already."""
    if _normal(text) is not None and "xn--" not in text:
        return text
    record = parse(text)
    return None if record is None else record.serialize()


class _Parsed:
    __slots__ = ("href",)

    def __init__(self, href: str) -> None:
        self.href = href


def parse_url(text: str) -> _Parsed | None:
    """What requests keep of a URL."""
    href = normalize_url(text)
    return None if href is None else _Parsed(href)


class URL(HostObject):
    """`URL`: properties can be set, `searchParams` is live."""

    __slots__ = ("_params", "_record")
    _record: UrlRecord

    def __init__(self, url: Any = None, base: Any = None, *_: Any) -> None:
        record = _resolve(url, base)
        if record is None:
            throw("TypeError", f"Invalid URL string. '{js_str(url)}'" if url is not None else "Invalid URL string.")
        self._record = record
        self._params: URLSearchParams | None = None

    @staticmethod
    def _static_canParse(url: Any = None, base: Any = None, *_: Any) -> bool:
        return _resolve(url, base) is not None

    @staticmethod
    def _static_parse(url: Any = None, base: Any = None, *_: Any) -> Any:
        return jsnull if _resolve(url, base) is None else URL(url, base)

    @property
    def href(self) -> str:
        return self._record.serialize()

    @href.setter
    def href(self, value: Any) -> None:
        record = parse(js_str(value))
        if record is None:
            throw("TypeError", "Invalid URL string.")
        self._change(record)

    def _change(self, record: UrlRecord) -> None:
        self._record = record
        if self._params is not None:
            self._params._list[:] = percent.form_decode(record.query or "")

    def _set(self, **changes: Any) -> None:
        self._change(replace(self._record, **changes))

    @property
    def origin(self) -> str:
        record = self._record
        if record.scheme in ("http", "https", "ws", "wss", "ftp"):
            return f"{record.scheme}://{record.authority_host}"
        return "null"

    @property
    def protocol(self) -> str:
        return f"{self._record.scheme}:"

    @protocol.setter
    def protocol(self, value: Any) -> None:
        scheme = js_str(value).partition(":")[0].lower()
        record = self._record
        if re.fullmatch(r"[a-z][a-z0-9+.\-]*", scheme) and replace(record, scheme=scheme).special == record.special:
            port = None if record.port is None else parse_port(str(record.port), scheme)
            self._set(scheme=scheme, port=port)

    @property
    def username(self) -> str:
        return self._record.username

    @username.setter
    def username(self, value: Any) -> None:
        if self._record.host:
            self._set(username=percent.encode(js_str(value), percent.USERINFO))

    @property
    def password(self) -> str:
        return self._record.password

    @password.setter
    def password(self, value: Any) -> None:
        if self._record.host:
            self._set(password=percent.encode(js_str(value), percent.USERINFO))

    @property
    def host(self) -> str:
        return self._record.authority_host

    @host.setter
    def host(self, value: Any) -> None:
        name, colon, port = js_str(value).partition(":")
        self.hostname = name
        if colon and port:
            self.port = port

    @property
    def hostname(self) -> str:
        return self._record.host or ""

    @hostname.setter
    def hostname(self, value: Any) -> None:
        text = re.split(r"[/\\?#]", js_str(value))[0]
        host = parse_host(text, special=self._record.special)
        if host and not isinstance(self._record.path, str):
            self._set(host=host)

    @property
    def port(self) -> str:
        return "" if self._record.port is None else str(self._record.port)

    @port.setter
    def port(self, value: Any) -> None:
        digits = re.match(r"\d*", js_str(value))
        text = digits[0] if digits else ""
        port = parse_port(text, self._record.scheme) if text else None
        if self._record.host and port != -1:
            self._set(port=port)

    @property
    def pathname(self) -> str:
        return self._record.pathname

    @pathname.setter
    def pathname(self, value: Any) -> None:
        if isinstance(self._record.path, str):
            return
        text = js_str(value).replace("?", "%3F").replace("#", "%23")
        if not text.startswith(("/", "\\")):
            text = "/" + text
        made = parse(text, replace(self._record, path=("",), query=None, fragment=None))
        if made is not None:
            self._set(path=made.path)

    @property
    def search(self) -> str:
        return f"?{self._record.query}" if self._record.query else ""

    @search.setter
    def search(self, value: Any) -> None:
        text = js_str(value).removeprefix("?")
        members = percent.SPECIAL_QUERY if self._record.special else percent.QUERY
        self._set(query=percent.encode(text, members) if text else None)

    @property
    def hash(self) -> str:
        return f"#{self._record.fragment}" if self._record.fragment else ""

    @hash.setter
    def hash(self, value: Any) -> None:
        text = js_str(value).removeprefix("#")
        self._set(fragment=percent.encode(text, percent.FRAGMENT) if text else None)

    @property
    def searchParams(self) -> URLSearchParams:
        if self._params is None:
            self._params = URLSearchParams(self._record.query or "")
            self._params._url = self
        return self._params

    def toString(self) -> str:
        return self._record.serialize()

    def toJSON(self, *_: Any) -> str:
        return self._record.serialize()

    def _own_keys(self) -> list[str]:
        return []


def _resolve(url: Any, base: Any) -> UrlRecord | None:
    if base is None:
        return parse(js_str(url))
    against = parse(js_str(base))
    return None if against is None else parse(js_str(url), against)


class URLSearchParams(MapLike):
    """`URLSearchParams`; iterating yields `[name, value]` arrays."""

    __slots__ = ("_list", "_url")

    def __init__(self, init: Any = None, *_: Any) -> None:
        self._url: URL | None = None
        self._list: list[tuple[str, str]] = []
        if init is None:
            return
        if isinstance(init, URLSearchParams):
            self._list = init._list[:]
        elif isinstance(init, str) or init is jsnull:
            self._list = percent.form_decode(js_str(init).removeprefix("?"))
        elif isinstance(init, JsObject):
            self._list = [(key, js_str(value)) for key, value in init._data.items()]
        else:
            self._list = [(js_str(name), js_str(value)) for name, value in pairs_of(init)]

    def _changed(self) -> None:
        if self._url is not None:
            self._url._record = replace(self._url._record, query=self.toString() or None)

    @property
    def size(self) -> int:
        return len(self._list)

    def __len__(self) -> int:
        return len(self._list)

    def get(self, name: Any = None, *_: Any) -> Any:
        key = js_str(name)
        return next((value for known, value in self._list if known == key), jsnull)

    def getAll(self, name: Any = None, *_: Any) -> JsArray:
        key = js_str(name)
        return JsArray([value for known, value in self._list if known == key])

    def has(self, name: Any = None, value: Any = None, *_: Any) -> bool:
        key = js_str(name)
        return any(known == key and (value is None or held == js_str(value)) for known, held in self._list)

    def append(self, name: Any = None, value: Any = None, *_: Any) -> None:
        self._list.append((js_str(name), js_str(value)))
        self._changed()

    def set(self, name: Any = None, value: Any = None, *_: Any) -> None:
        self._list = set_pair(self._list, js_str(name), js_str(value))
        self._changed()

    def delete(self, name: Any = None, value: Any = None, *_: Any) -> None:
        key = js_str(name)
        self._list[:] = [
            (known, held) for known, held in self._list if known != key or (value is not None and held != js_str(value))
        ]
        self._changed()

    def sort(self, *_: Any) -> None:
        self._list.sort(key=lambda pair: pair[0].encode("utf-16-be", "surrogatepass"))
        self._changed()

    def forEach(self, callback: Any = None, *_: Any) -> None:
        for name, value in list(self._list):
            call_back(callback, value, name, self)

    def keys(self, *_: Any) -> JsIterator:
        return JsIterator((name for name, _ in list(self._list)), "URLSearchParams Iterator")

    def values(self, *_: Any) -> JsIterator:
        return JsIterator((value for _, value in list(self._list)), "URLSearchParams Iterator")

    def entries(self, *_: Any) -> JsIterator:
        return JsIterator(iter(self), "URLSearchParams Iterator")

    def __iter__(self) -> Iterator[JsArray]:
        return (JsArray(list(pair)) for pair in list(self._list))

    def toString(self) -> str:
        return percent.form_encode(self._list)

    def _own_keys(self) -> list[str]:
        return []


def set_pair(pairs: list[tuple[str, Any]], name: str, value: Any) -> list[tuple[str, Any]]:
    """The pairs with the first of this name replaced and the others of it gone; appended where there was none."""
    made: list[tuple[str, Any]] = []
    found = False
    for known, held in pairs:
        if known != name:
            made.append((known, held))
        elif not found:
            made.append((name, value))
            found = True
    if not found:
        made.append((name, value))
    return made
