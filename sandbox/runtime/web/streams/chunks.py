"""What the streams' parts share: marks, and the bytes of a chunk."""

from __future__ import annotations

from typing import Any, Final

from sandbox.runtime.values import Uint8Array, bytes_of, throw
from sandbox.runtime.web.text import utf8

END: Final = object()  # what an internal read answers behind the last chunk
HOST: Final = object()  # stands in for a reader where the host itself reads


def chunk_bytes(chunk: Any) -> bytes:
    """The bytes of a body's chunk; a TypeError where it has none."""
    if type(chunk) is Uint8Array:
        view = chunk._bytes()
        return view if isinstance(view, bytes) else bytes(view)
    data = bytes_of(chunk)
    if data is not None:
        return data
    if not isinstance(chunk, str):
        throw(
            "TypeError",
            "This TransformStream is being used as a byte stream, but received an object of non-ArrayBuffer/ArrayBufferView type on its writable side.",
        )
    return utf8(chunk)
