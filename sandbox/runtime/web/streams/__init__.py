"""Streams of the web platform, with back-pressure."""

from sandbox.runtime.web.streams.readable import ReadableStream, stream_of

__all__ = ["ReadableStream", "stream_of"]
