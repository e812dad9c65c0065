"""`Response`."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from sandbox.runtime.values import (
    JsObject,
    crosses_rpc,
    js_method,
    js_str,
    jsnull,
    json_stringify,
    option,
    throw,
    to_integer,
)
from sandbox.runtime.web.body import Body, extract
from sandbox.runtime.web.headers import Headers
from sandbox.runtime.web.request import cross
from sandbox.runtime.web.url import parse_url

NULL_BODY_STATUSES = frozenset({101, 204, 205, 304})
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_TEXTS = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Payload Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
}
_bad_text = re.compile(r"[\r\n\0]").search


class Response(Body):
    """`Response`: one HTTP response. `statusText` defaults to the code's reason phrase, as workerd fills it in."""

    __slots__ = ("_cf", "_encode_body", "_redirected", "_status", "_status_text", "_type", "_url", "_web_socket")

    def __init__(self, body: Any = None, init: Any = None, *_: Any) -> None:
        self._used = self._redirected = False
        self._headers = self._web_socket = self._cf = None
        self._status_text: str | None = None
        self._status = 200
        self._url = ""
        self._type = "default"
        self._encode_body = "automatic"
        self._body, self._content_type = extract(body)
        if init is not None and init is not jsnull:
            self._apply(init)

    def _apply(self, init: Any) -> None:
        given = init._data.get if type(init) is JsObject else lambda name: option(init, name)
        status = given("status")
        web_socket = given("webSocket")
        if web_socket is not None and web_socket is not jsnull:
            self._web_socket = web_socket
        if status is not None:
            self._status = to_integer(status)
        self._check_status()
        text = given("statusText")
        if text is not None:
            text = js_str(text)
            if _bad_text(text):
                throw("TypeError", "Invalid statusText")
            self._status_text = text
        headers = given("headers")
        if headers is not None:
            made = self._headers = Headers(headers)
            if self._content_type is not None:
                made._map.setdefault("content-type", self._content_type)
        encode = given("encodeBody")
        if encode is not None:
            if encode not in ("automatic", "manual"):
                throw("TypeError", f"encodeBody: unexpected value: {js_str(encode)}")
            self._encode_body = encode
        self._cf = given("cf")
        if self._status in NULL_BODY_STATUSES and self._body is not None:
            if self._body:
                throw("TypeError", "Response with null body status (101, 204, 205, or 304) cannot have a body.")
            self._body = self._content_type = None

    def _check_status(self) -> None:
        status = self._status
        if status == 101:
            if self._web_socket is None:
                throw("RangeError", "Responses with status code 101 must have a WebSocket.")
        elif not 200 <= status <= 599:
            throw(
                "RangeError", "Responses may only be constructed with status codes in the range 200 to 599, inclusive."
            )
        elif self._web_socket is not None:
            throw("RangeError", "Responses with a WebSocket must have status code 101.")

    @classmethod
    def _make(cls, status: int, headers: Headers | None, body: Any, content_type: str | None = None) -> Response:
        """A response of the host's; nothing is checked."""
        made = cls.__new__(cls)
        made._used = made._redirected = False
        made._headers = headers
        made._web_socket = made._cf = made._status_text = None
        made._status = status
        made._url = ""
        made._type = "default"
        made._encode_body = "automatic"
        made._body = body
        made._content_type = content_type
        return made

    @staticmethod
    def _static_json(data: Any = None, init: Any = None, *_: Any) -> Response:
        text = json_stringify(data)
        if text is None:
            throw("TypeError", "Value is not JSON serializable")
        made = Response(text, init)
        if made._headers is None:
            made._content_type = "application/json"
        elif option(option(init, "headers"), "content-type") is None:
            given = Headers(option(init, "headers"))
            if "content-type" not in given._map:
                made._headers._map["content-type"] = "application/json"
        return made

    @staticmethod
    def _static_redirect(url: Any = None, status: Any = None, *_: Any) -> Response:
        code = 302 if status is None else to_integer(status)
        if code not in REDIRECT_STATUSES:
            throw("RangeError", f"{code} is not a redirect status code.")
        parsed = parse_url(js_str(url))
        if parsed is None:
            throw("TypeError", f"Unable to parse URL: {js_str(url)}")
        headers = Headers()
        headers._map["location"] = parsed.href
        headers._immutable = True
        return Response._make(code, headers, None)

    @staticmethod
    def _static_error(*_: Any) -> Response:
        made = Response._make(0, Headers(), None)
        made._type = "error"
        return made

    @property
    def status(self) -> int:
        return self._status

    @property
    def statusText(self) -> str:
        text = self._status_text
        return _TEXTS.get(self._status, "") if text is None else text

    @property
    def ok(self) -> bool:
        return 200 <= self._status <= 299

    @property
    def url(self) -> str:
        return self._url

    @property
    def type(self) -> str:
        return self._type

    @property
    def redirected(self) -> bool:
        return self._redirected

    @property
    def webSocket(self) -> Any:
        return jsnull if self._web_socket is None else self._web_socket

    @property
    def cf(self) -> Any:
        return self._cf

    @property
    def encodeBody(self) -> str:
        return self._encode_body

    @js_method
    def clone(self) -> Response:
        if self._web_socket is not None:
            throw("TypeError", "Cannot clone a response to a WebSocket handshake.")
        made = Response._make(self._status, Headers(self.headers), self._clone_body())
        made._status_text, made._url, made._type = self._status_text, self._url, self._type
        made._cf, made._encode_body, made._redirected = self._cf, self._encode_body, self._redirected
        return made

    def _own_keys(self) -> list[str]:
        return ["status", "statusText", "headers", "ok", "url", "type", "redirected"]


crosses_rpc(Response, cross)
