"""The host's side of requests and responses: fast ways in and out, without JavaScript's rules."""

from __future__ import annotations

import json as _json
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any, Final

from sandbox.runtime.values import JsObject, to_js
from sandbox.runtime.web.body import chunks, collect
from sandbox.runtime.web.headers import Headers
from sandbox.runtime.web.request import Request
from sandbox.runtime.web.response import Response
from sandbox.runtime.web.streams import ReadableStream
from sandbox.runtime.web.text import decode_utf8, utf8
from sandbox.runtime.web.url import normalize_url

Message = Request | Response
Pairs = Mapping[str, str] | Iterable[tuple[str, str]] | None
_UNSET: Final = object()


def incoming_request(
    method: str,
    url: str,
    headers: list[tuple[str, str]],
    body: bytes | AsyncIterator[bytes] | None = None,
    *,
    cf: Mapping[str, Any] | None = None,
) -> Request:
    """A request that came in over HTTP. Its headers cannot be changed, as on Cloudflare.

    Header names may have any case. Raises ValueError where the URL is not valid.
    """
    href = normalize_url(url)
    if href is None:
        raise ValueError(f"not a valid URL: {url!r}")
    made = Request._make(method, href, headers, body)
    made._immutable = True
    if cf is not None:
        made._cf = cf if isinstance(cf, JsObject) else to_js(cf, dict_converter=JsObject.constructor.fromEntries)
    return made


def new_request(
    url: str,
    *,
    method: str = "GET",
    headers: Pairs = None,
    body: bytes | str | AsyncIterator[bytes] | None = None,
    json: Any = _UNSET,
) -> Request:
    """A request of the host's own. `json` is written as the body, with its content type. ValueError for a bad URL."""
    href = normalize_url(url)
    if href is None:
        raise ValueError(f"not a valid URL: {url!r}")
    content_type = None
    if json is not _UNSET:
        body = _json.dumps(json, ensure_ascii=False, separators=(",", ":"))
        content_type = "application/json"
    elif isinstance(body, str):
        content_type = "text/plain;charset=UTF-8"
    return Request._make(method, href, _pairs(headers), body, content_type)


def _pairs(headers: Pairs) -> Iterable[tuple[str, str]]:
    if headers is None:
        return ()
    return list(headers.items()) if isinstance(headers, Mapping) else list(headers)


def make_response(
    body: bytes | str | AsyncIterator[bytes] | None, *, status: int = 200, headers: Pairs = None
) -> Response:
    """A response of the host's own. Text gets the content type text/plain where the headers name none."""
    made = None if headers is None else Headers._of(_pairs(headers))
    content_type = "text/plain;charset=UTF-8" if isinstance(body, str) else None
    if made is not None and content_type is not None:
        made._map.setdefault("content-type", content_type)
    return Response._make(status, made, body, content_type)


def json_response(value: Any, *, status: int = 200, headers: Pairs = None) -> Response:
    """A response of content type application/json with this value as its body."""
    made = Headers._of(_pairs(headers))
    made._map.setdefault("content-type", "application/json")
    body = _json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Response._make(status, made, utf8(body))


def mark_fetched(response: Response, *, url: str, redirected: bool = False) -> Response:
    """The response as `fetch` answers it: it knows the URL it came from, and its headers cannot be changed."""
    response._url = url
    response._redirected = redirected
    response.headers._immutable = True
    return response


def as_incoming(request: Request) -> Request:
    """A request of one worker as the next one gets it: body handed over, `content-length` told where it is known."""
    pairs = header_pairs(request)
    body = request._take() if request._body is not None else None
    if isinstance(body, str):
        body = utf8(body)
    if isinstance(body, bytes) and all(name != "content-length" for name, _ in pairs):
        pairs.append(("content-length", str(len(body))))
    made = Request._make(request._method, request._url, pairs, body)
    made._immutable = True
    made._cf, made._signal = request._cf, request._signal
    return made


def with_length(request: Request) -> Request:
    """The request with its `content-length`, where its body is at hand and the header is missing; else itself."""
    body = request._body
    if not isinstance(body, str | bytes) or request._used:
        return request
    pairs = header_pairs(request)
    if any(name == "content-length" for name, _ in pairs):
        return request
    content = utf8(body) if isinstance(body, str) else body
    made = Request._make(request._method, request._url, [*pairs, ("content-length", str(len(content)))], content)
    made._cf, made._signal, made._immutable = request._cf, request._signal, request._immutable
    return made


def header_pairs(message: Message) -> list[tuple[str, str]]:
    """Names (lower case) and values in the order they were set; every Set-Cookie by itself, at the end."""
    headers = message._headers
    if headers is None:
        if isinstance(message, Response):
            content_type = message._content_type
            return [] if content_type is None else [("content-type", content_type)]
        headers = message.headers
    return headers._pairs()


def header(message: Message, name: str) -> str | None:
    """The value of a header, the values of a repeated one joined by ", "; None where it is absent."""
    headers = message.headers
    key = name.lower()
    if key == "set-cookie":
        return ", ".join(headers._cookies) if headers._cookies else None
    return headers._map.get(key)


def path_of(request: Request) -> str:
    """The path of the request's URL, percent-encoded as it is."""
    url = request._url
    start = url.find("/", url.find("://") + 3)
    if start < 0:
        return "/"
    end = len(url)
    for mark in "?#":
        position = url.find(mark, start)
        if position >= 0:
            end = min(end, position)
    return url[start:end]


def query_of(request: Request) -> str:
    """The query of the request's URL without its question mark, percent-encoded as it is."""
    return request._url.partition("#")[0].partition("?")[2]


def take_body(message: Message) -> bytes | AsyncIterator[bytes] | None:
    """The body for sending on: bytes where they are at hand, else an iterator of chunks. Marks it used.

    Raises JsException (TypeError) where it was used before. An iterator that is not read to its end must be closed
    (`aclose`), which cancels the stream behind it.
    """
    body = message._body
    if body is None:
        return None
    body = message._take()
    if type(body) is bytes:
        return body
    if type(body) is str:
        return utf8(body)
    if isinstance(body, ReadableStream):
        ready = body._at_hand()
        return chunks(body) if ready is None else ready
    return body  # type: ignore[no-any-return]


async def read_bytes(message: Message, *, limit: int | None = None) -> bytes:
    """The whole body. Raises ValueError where it is longer than `limit` bytes, JsException where it was used before."""
    return await collect(message._take(), limit)


async def read_text(message: Message, *, limit: int | None = None) -> str:
    """The whole body as text; malformed bytes become U+FFFD."""
    return decode_utf8(await read_bytes(message, limit=limit))


async def read_json(message: Message, *, limit: int | None = None) -> Any:
    """The whole body as JSON, as Python reads it. Raises ValueError where it is none or is too long."""
    return _json.loads(await read_bytes(message, limit=limit))
