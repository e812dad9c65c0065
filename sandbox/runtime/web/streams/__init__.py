"""Streams of the web platform, with back-pressure."""

from sandbox.runtime.web.streams.readable import (
    ReadableStream,
)
from sandbox.runtime.web.streams.readers import ReadableStreamBYOBReader, ReadableStreamDefaultReader
from sandbox.runtime.web.streams.sources import stream_of
from sandbox.runtime.web.streams.transform import (
    CompressionStream,
    DecompressionStream,
    FixedLengthStream,
    IdentityTransformStream,
    TextDecoderStream,
    TextEncoderStream,
    TransformStream,
)
from sandbox.runtime.web.streams.writable import WritableStream, WritableStreamDefaultWriter

__all__ = [
    "CompressionStream",
    "DecompressionStream",
    "FixedLengthStream",
    "IdentityTransformStream",
    "ReadableStream",
    "ReadableStreamBYOBReader",
    "ReadableStreamDefaultReader",
    "TextDecoderStream",
    "TextEncoderStream",
    "TransformStream",
    "WritableStream",
    "WritableStreamDefaultWriter",
    "stream_of",
]
