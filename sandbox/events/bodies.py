"""Bodies as the log keeps them: each by its hash; what is longer than the limit by hash and length alone."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from sandbox.events.scrub import Redactor

INLINE_BYTES = 2048
"""Bodies up to here (bytes) lie beside their event; longer ones in a table of their own, each once."""
_INFLATED = 8 * 1024 * 1024


class Tape:
    """A body that streams past: its hash and length, and its bytes while they are within `limit`."""

    __slots__ = ("_chunks", "_hash", "_limit", "size")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hash: Any = hashlib.sha256()
        self._chunks: list[bytes] | None = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        self._hash.update(chunk)
        self.size += len(chunk)
        if self._chunks is not None:
            if self.size <= self._limit:
                self._chunks.append(bytes(chunk))
            else:
                self._chunks = None

    @property
    def sha256(self) -> str | None:
        """None where nobody saw it pass."""
        return None if self._hash is None else str(self._hash.hexdigest())

    @property
    def kept(self) -> bytes | None:
        """What passed so far; None where that was more than the limit."""
        return None if self._chunks is None else b"".join(self._chunks)

    def forget(self) -> Tape:
        """Let go of the bytes."""
        self._chunks = None
        return self

    @classmethod
    def unseen(cls) -> Tape:
        """Of a body that was too long for whoever saw it."""
        made = cls(0)
        made._hash = made._chunks = None
        return made

    @classmethod
    def of(cls, body: bytes, limit: int) -> Tape:
        made = cls(limit)
        made.add(body)
        return made


class Taped:
    """A stream that leaves its bytes on a tape as it passes."""

    __slots__ = ("_source", "_tape")

    def __init__(self, source: AsyncIterator[bytes], tape: Tape) -> None:
        self._source: Any = source
        self._tape = tape

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk: bytes = await self._source.__anext__()
        self._tape.add(chunk)
        return chunk

    async def aclose(self) -> None:
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


Recorded = bytes | Tape | None


@dataclass(frozen=True, slots=True)
class BodyRef:
    """A body of a recorded message. `sha256` is that of the body as it was; None where it was not even hashed.

    `dropped` says why its bytes are not kept: `limit` (longer than the log's body_limit, or more at once than could be
    written), `secret` (a compressed body with a secret in it). `changed` says that a secret was taken out of
    the kept bytes. `inline` are those of a short body; those of a longer one lie under its hash.
    """

    sha256: str | None
    size: int
    inline: bytes | None = None
    dropped: str | None = None
    changed: bool = False

    def as_list(self) -> list[Any]:
        text: str | None = None
        encoding = ""
        if self.inline is not None:
            try:
                text = self.inline.decode()
            except UnicodeDecodeError:
                text, encoding = base64.b64encode(self.inline).decode(), "base64"
        return [self.sha256, self.size, text, encoding, self.dropped, self.changed]

    @classmethod
    def from_list(cls, stored: list[Any]) -> BodyRef:
        sha256, size, text, encoding, dropped, changed = stored
        inline = None if text is None else base64.b64decode(text) if encoding == "base64" else text.encode()
        return cls(sha256, size, inline, dropped, changed)


def keep(body: bytes | Tape, redact: Redactor, encoding: str = "") -> tuple[BodyRef, bytes | None]:
    """How a body is recorded, and the bytes to store under its hash (None: it is inline, or not kept)."""
    sha256: str | None
    if isinstance(body, Tape):
        kept, sha256, size = body.kept, body.sha256, body.size
    else:
        kept, sha256, size = body, hashlib.sha256(body).hexdigest(), len(body)
    if kept is None:
        return BodyRef(sha256, size, dropped="limit"), None
    changed = False
    if encoding in ("gzip", "deflate"):
        if redact.has(_text(_inflated(kept, encoding))):
            return BodyRef(sha256, size, dropped="secret"), None
    elif redact.has(text := _text(kept)):
        kept, changed = redact(text).encode("utf-8", "surrogateescape"), True
    if len(kept) <= INLINE_BYTES:
        return BodyRef(sha256, size, kept, changed=changed), None
    return BodyRef(sha256, size, changed=changed), kept


def _text(body: bytes) -> str:
    return body.decode("utf-8", "surrogateescape")


def _inflated(body: bytes, encoding: str) -> bytes:
    """What a compressed body says, as far as it can be read."""
    try:
        return zlib.decompressobj(31 if encoding == "gzip" else 15).decompress(body, _INFLATED)
    except zlib.error:
        return body
