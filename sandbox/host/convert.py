"""aiohttp's request to the platform's Request, and the platform's Response to what goes on the wire."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from aiohttp import HttpVersion11, web
from aiohttp.http_exceptions import HttpProcessingError

from sandbox.errors import BadBody, ClientGone
from sandbox.events.bodies import Tape
from sandbox.host.guard import Refused
from sandbox.runtime import exchange
from sandbox.runtime.values import JsObject
from sandbox.runtime.web import Request, Response

MAX_BODY = 100 * 1024 * 1024
"""Bytes of a request's body: Cloudflare's limit of the Free and Pro plans."""
READ_AT_ONCE = 256 * 1024
"""A body announced to be no longer than this (bytes) is read before the worker starts."""
NULL_BODY = frozenset({101, 204, 205, 304})

LOCAL_CF: dict[str, Any] = {
    "asn": 64496,
    "asOrganization": "Local sandbox",
    "city": "Austin",
    "clientAcceptEncoding": "",
    "clientTcpRtt": 1,
    "colo": "DFW",
    "continent": "NA",
    "country": "US",
    "httpProtocol": "HTTP/1.1",
    "latitude": "30.27130",
    "longitude": "-97.74260",
    "metroCode": "635",
    "postalCode": "78701",
    "region": "Texas",
    "regionCode": "TX",
    "requestPriority": "",
    "timezone": "America/Chicago",
    "tlsCipher": "",
    "tlsVersion": "",
}
"""`request.cf`: values of the right shape; the network number is one of those kept for documentation (RFC 5398)."""

DROPPED_IN = frozenset(
    {
        "connection",
        "keep-alive",
        "transfer-encoding",
        "te",
        "trailer",
        "proxy-connection",
        "expect",
        "host",
        "cf-connecting-ip",
    }
)
_DROPPED_OUT = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "content-length"})


class BodyTooLarge(BadBody):
    """A request's body is over the limit."""

    code = "body_too_large"
    status = 413


class LimitedBody:
    """A request's body as it comes in, up to `limit` bytes.

    Reading past them raises BodyTooLarge, a body that is framed wrongly BadBody; `refused` is that error then. Raises
    ClientGone where the client leaves in the middle.
    """

    __slots__ = ("_content", "_left", "_limit", "refused", "tape")

    def __init__(self, content: Any, limit: int) -> None:
        self._content = content
        self._limit = limit
        self._left = limit
        self.refused: BadBody | None = None
        self.tape: Tape | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk: bytes = await self._content.readany()
        except ConnectionError:
            raise ClientGone("the client has left") from None
        except (web.RequestPayloadError, HttpProcessingError) as error:
            self.refused = BadBody("the body is not framed as its headers say")
            raise self.refused from error
        if not chunk:
            raise StopAsyncIteration
        self._left -= len(chunk)
        if self._left < 0:
            self.refused = too_large(self._limit)
            raise self.refused
        if self.tape is not None:
            self.tape.add(chunk)
        return chunk


def too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"the body is larger than {limit // (1024 * 1024)} MiB", hint="send it in parts")


async def read_body(http: web.BaseRequest, limit: int) -> bytes | LimitedBody | None:
    """The body: None, at once where it is small, else as a stream. Raises BodyTooLarge where it says so itself."""
    if not http.body_exists or http.method in ("GET", "HEAD"):
        return None
    length = http.content_length
    if length is not None and length > limit:
        raise too_large(limit)
    if http.headers.get("Expect", "").lower() == "100-continue":
        await http.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        http.writer.output_size = 0  # the answer proper has not begun
    if length is not None and length <= READ_AT_ONCE:
        return await http.content.read()
    return LimitedBody(http.content, limit)


def to_request(http: web.BaseRequest, url: str, host: str, client: str, body: bytes | LimitedBody | None) -> Request:
    """The Request a worker sees: `host` is the worker's own, `client` the address for CF-Connecting-IP.

    Raises Refused for a URL that no URL parser takes.
    """
    headers = [("host", host)]
    for name, value in http.headers.items():
        name = name.lower()
        if name not in DROPPED_IN:
            headers.append((name, value if value.isascii() else printable(value)))
    headers.append(("cf-connecting-ip", client))
    try:
        # An object of its own for each request: a worker may change it.
        cf: Any = JsObject()
        cf._data.update(LOCAL_CF)
        return exchange.incoming_request(http.method, url, headers, body, cf=cf)
    except ValueError:
        raise Refused("the URL is not valid", code="bad_url", status=400) from None


def printable(value: str) -> str:
    """Bytes that are not UTF-8 arrive as lone surrogates, which no other part could encode again."""
    return value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def ascii_target(target: str) -> str:
    """A target in which bytes beyond ASCII are percent-encoded, as a URL parser would do."""
    if target.isascii():
        return target
    return quote(target.encode("utf-8", "surrogateescape"), safe="!#$%&'()*+,/:;=?@[]~\"<>\\^`{|}")


@dataclass(slots=True)
class Outgoing:
    """A Response laid out for the wire.

    `body` is bytes or a stream. `length` is what Content-Length says (None: chunked, or until the connection closes).
    `gzip` asks for compression of the stream on the way.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes | AsyncIterator[bytes]
    length: int | None = None
    gzip: bool = False
    chunked: bool = False


def to_outgoing(response: Response, http: web.BaseRequest) -> Outgoing:
    """Take a Response's body and decide its framing.

    A worker's Content-Encoding with `encodeBody: "automatic"` makes us encode: gzip is done; for br, which needs a
    library the standard one lacks, the body goes out plain and without the header; everything else (deflate, zstd)
    passes as it is, which is what workerd does. `"manual"` passes the bytes untouched.
    """
    status = int(response.status)
    headers: list[tuple[str, str]] = []
    declared: str | None = None
    encoding = ""
    for pair in exchange.header_pairs(response):
        name = pair[0]
        if name == "content-length":
            declared = pair[1]
        elif name not in _DROPPED_OUT:
            if name == "content-encoding":
                encoding = pair[1].strip().lower()
            headers.append(pair)
    body = exchange.take_body(response)
    automatic = encoding in ("gzip", "br") and response.encodeBody == "automatic"
    if automatic and encoding == "br":
        headers = [pair for pair in headers if pair[0] != "content-encoding"]
    gzip = automatic and encoding == "gzip"
    if status in NULL_BODY:
        if status == 205:
            headers.append(("content-length", "0"))
        return Outgoing(status, headers, b"" if body is None or isinstance(body, bytes) else body, 0)
    if body is None or isinstance(body, bytes):
        data = body or b""
        if gzip and data:
            data = zlib.compress(data, wbits=31)
        length = str(len(data))
        if http.method == "HEAD" and not data and declared is not None:
            length = declared
        headers.append(("content-length", length))
        return Outgoing(status, headers, data, len(data))
    known = int(declared) if declared is not None and declared.isdecimal() and not automatic else None
    chunked = known is None and http.version >= HttpVersion11
    if known is not None:
        headers.append(("content-length", str(known)))
    elif chunked:
        headers.append(("transfer-encoding", "chunked"))
    return Outgoing(status, headers, body, known, gzip, chunked)
