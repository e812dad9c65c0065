"""`Request`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.runtime.values import JsException, crosses_rpc, js_method, js_str, jsnull, option, throw
from sandbox.runtime.web.body import Body, extract
from sandbox.runtime.web.headers import Headers
from sandbox.runtime.web.url import parse_url

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"})
_token = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z").match


class Request(Body):
    """`Request`: one HTTP request, coming in or going out."""

    __slots__ = ("_cf", "_immutable", "_method", "_raw_headers", "_redirect", "_signal", "_url")
    _raw_headers: Iterable[tuple[str, str]] | None

    def __init__(self, input: Any = None, init: Any = None, *_: Any) -> None:
        self._used = self._immutable = False
        self._headers = self._raw_headers = self._content_type = self._body = None
        self._cf: Any = None
        self._signal: Any = None
        self._redirect = "follow"
        self._method = "GET"
        source = input if isinstance(input, Request) else None
        if source is None:
            text = input.href if hasattr(input, "href") else js_str(input)
            parsed = parse_url(text)
            if parsed is None:
                throw("TypeError", f"Invalid URL: {text}")
            self._url = parsed.href
        else:
            self._url = source._url
            self._method, self._redirect, self._cf, self._signal = (
                source._method,
                source._redirect,
                source._cf,
                source._signal,
            )
        self._fill(source, init if init is not jsnull else None)

    def _fill(self, source: Request | None, init: Any) -> None:
        method = option(init, "method")
        if method is not None:
            self._method = _method(method)
        headers = option(init, "headers")
        if headers is not None:
            self._headers = Headers(headers)
        elif source is not None:
            self._headers = Headers(source.headers)
        redirect = option(init, "redirect")
        if redirect is not None:
            if redirect not in ("follow", "manual"):
                throw("TypeError", 'Invalid redirect value, must be one of "follow" or "manual".')
            self._redirect = redirect
        cf, signal = option(init, "cf"), option(init, "signal")
        if cf is not None:
            self._cf = cf
        if signal is not None:
            self._signal = None if signal is jsnull else signal
        body = option(init, "body")
        if body is not None and body is not jsnull:
            if self._method in ("GET", "HEAD"):
                throw("TypeError", "Request with a GET or HEAD method cannot have a body.")
            self._body, content_type = extract(body)
            if content_type is not None:
                self.headers._map.setdefault("content-type", content_type)
        elif source is not None and body is None and source._body is not None:
            self._body = source._take()

    @classmethod
    def _make(
        cls,
        method: str,
        url: str,
        headers: Iterable[tuple[str, str]] | None,
        body: Any,
        content_type: str | None = None,
    ) -> Request:
        """A request of the host's: nothing is checked, headers are looked at when somebody asks."""
        made = cls.__new__(cls)
        made._method = method
        made._url = url
        made._raw_headers = headers
        made._headers = None
        made._body = body
        made._content_type = content_type
        made._used = made._immutable = False
        made._redirect = "follow"
        made._cf = made._signal = None
        return made

    def _make_headers(self) -> Headers:
        made = Headers._of(self._raw_headers or ())
        if self._content_type is not None:
            made._map.setdefault("content-type", self._content_type)
        made._immutable = self._immutable
        self._raw_headers = None
        return made

    @property
    def method(self) -> str:
        return self._method

    @property
    def url(self) -> str:
        return self._url

    @property
    def cf(self) -> Any:
        return self._cf

    @property
    def redirect(self) -> str:
        return self._redirect

    @property
    def signal(self) -> Any:
        return jsnull if self._signal is None else self._signal

    cache = "default"
    credentials = "same-origin"
    destination = ""
    integrity = ""
    isHistoryNavigation = False
    keepalive = False
    mode = "cors"
    referrer = "about:client"
    referrerPolicy = ""
    fetcher = None

    @js_method
    def clone(self) -> Request:
        body = self._clone_body()
        made = Request._make(self._method, self._url, None, body)
        made._headers = Headers(self.headers)
        made._cf, made._signal, made._redirect = self._cf, self._signal, self._redirect
        return made

    def _own_keys(self) -> list[str]:
        return ["method", "url", "headers", "redirect", "cf", "signal"]


def _method(value: Any) -> str:
    text = js_str(value)
    upper = text.upper()
    if upper in _METHODS:
        return upper
    if _token(text) is None:
        throw("TypeError", f"Invalid HTTP method string: {text}")
    return text


def cross(message: Any) -> Any:
    """How a message crosses RPC: itself, unless its body is gone."""
    if message.bodyUsed:
        raise JsException("TypeError", "Body has already been used. It can only be used once.")
    return message


crosses_rpc(Request, cross)
