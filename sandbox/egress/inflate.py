"""Content codings of what comes in from outside, undone piece by piece and within limits."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from sandbox.egress.counting import close
from sandbox.errors import SandboxError

MAX_INFLATED = 64 * 1024 * 1024
MAX_RATIO = 100
RATIO_FROM = 1024 * 1024
"""The ratio counts from here (bytes): a short page of blanks is no bomb."""
PIECE = 256 * 1024


def _brotli() -> Any:
    """Brotli's decompressor where a library for it is installed; None without, or where its output cannot be limited
    (before 1.2): a few hundred bytes may stand for gigabytes."""
    name = next((name for name in ("brotli", "brotlicffi") if find_spec(name) is not None), None)
    made = getattr(import_module(name), "Decompressor", None) if name else None
    return made if hasattr(made, "can_accept_more_data") else None


_BROTLI = _brotli()
ACCEPTED = "gzip, deflate, br" if _BROTLI else "gzip, deflate"
"""What we say in Accept-Encoding where the worker says nothing."""


class TooMuch(SandboxError):
    """A compressed body grows past the limits."""

    code = "body_too_large"
    status = 413


class BadCoding(SandboxError):
    """A body is not what its Content-Encoding says."""

    code = "bad_encoding"
    status = 502


def can_decode(encoding: str) -> bool:
    """Whether `inflate` knows a Content-Encoding (one coding, lower case)."""
    return encoding in ("gzip", "x-gzip", "deflate") or (encoding == "br" and _BROTLI is not None)


async def inflate(
    body: AsyncIterator[bytes], encoding: str, *, limit: int = MAX_INFLATED, ratio: int = MAX_RATIO
) -> AsyncIterator[bytes]:
    """The decoded body. Raises TooMuch past `limit` bytes or `ratio` to one, BadCoding for broken or cut data."""
    decoder: Any = _Brotli() if encoding == "br" else _Zlib(encoding)
    taken = given = 0
    try:
        async for chunk in body:
            taken += len(chunk)
            for piece in decoder.feed(chunk):
                given += len(piece)
                if given > limit or (given > RATIO_FROM and given > taken * ratio):
                    raise TooMuch(
                        f"a {encoding} body grows past {limit // (1024 * 1024)} MiB or {ratio} times its size",
                        hint="fetch it in parts, or plain",
                    )
                yield piece
        if taken and not decoder.finished:
            raise BadCoding(f"a {encoding} body ended early")
    finally:
        await close(body)


def decode_whole(body: bytes, encoding: str) -> bytes:
    """A body that may be encoded so, or be decoded already: as it is where it does not decode."""
    if not body or not can_decode(encoding):
        return body
    decoder: Any = _Brotli() if encoding == "br" else _Zlib(encoding)
    found = bytearray()
    try:
        for piece in decoder.feed(body):
            found += piece
            if len(found) > MAX_INFLATED:
                raise TooMuch(f"a {encoding} body grows past {MAX_INFLATED // (1024 * 1024)} MiB")
    except BadCoding:
        return body
    return bytes(found) if decoder.finished else body


class _Zlib:
    """gzip (several members in a row too), zlib, and the raw deflate that some servers send."""

    def __init__(self, encoding: str) -> None:
        self._gzip = encoding != "deflate"
        self._decoder: Any = None
        self.finished = False

    def feed(self, data: bytes) -> Any:
        more = False
        while data or more:
            if self._decoder is None:
                raw = not self._gzip and data[0] & 0x0F != 8  # RFC 1950: the low half is 8 for deflate
                self._decoder = zlib.decompressobj(31 if self._gzip else (-15 if raw else 15))
            try:
                piece = self._decoder.decompress(data, PIECE)
            except zlib.error as error:
                if self.finished and self._gzip:
                    return  # padding after the last member
                raise BadCoding(f"a body does not decode: {error}") from None
            if piece:
                yield piece
            data = self._decoder.unconsumed_tail
            self.finished = self._decoder.eof
            # A full piece may leave output inside though all input is taken; an empty input asks for it.
            more = len(piece) == PIECE and not self._decoder.eof
            if self._decoder.eof:
                data = self._decoder.unused_data if self._gzip else b""
                if self._gzip:
                    self._decoder = None


class _Brotli:
    def __init__(self) -> None:
        assert _BROTLI is not None
        self._decoder: Any = _BROTLI()
        self.finished = True

    def feed(self, data: bytes) -> Any:
        while True:
            try:
                piece = self._decoder.process(data, output_buffer_limit=PIECE)
            except Exception as error:  # the library's own class, which differs between the two
                raise BadCoding(f"a br body does not decode: {error}") from None
            if not piece:
                break
            yield piece
            data = b""  # asks for output that is left inside
        self.finished = bool(self._decoder.is_finished())
