"""The classes of the web platform, JavaScript-shaped."""

from collections.abc import Callable
from typing import Any

from sandbox.runtime.values import HostObject
from sandbox.runtime.web.abort import AbortController, AbortSignal, Event, EventTarget
from sandbox.runtime.web.blob import Blob, File
from sandbox.runtime.web.formdata import FormData
from sandbox.runtime.web.headers import Headers
from sandbox.runtime.web.percent import decode_uri_component, encode_uri, encode_uri_component
from sandbox.runtime.web.request import Request
from sandbox.runtime.web.response import Response
from sandbox.runtime.web.streams import (
    CompressionStream,
    DecompressionStream,
    FixedLengthStream,
    IdentityTransformStream,
    ReadableStream,
    ReadableStreamBYOBReader,
    ReadableStreamDefaultReader,
    TextDecoderStream,
    TextEncoderStream,
    TransformStream,
    WritableStream,
    WritableStreamDefaultWriter,
)
from sandbox.runtime.web.url import URL, URLSearchParams
from sandbox.runtime.web.websocket import CloseEvent, MessageEvent, WebSocket, WebSocketPair

# What `js` offers by name.
CLASSES: tuple[type[HostObject], ...] = (
    AbortController,
    AbortSignal,
    Blob,
    CloseEvent,
    CompressionStream,
    DecompressionStream,
    Event,
    EventTarget,
    File,
    FixedLengthStream,
    FormData,
    Headers,
    IdentityTransformStream,
    MessageEvent,
    ReadableStream,
    ReadableStreamBYOBReader,
    ReadableStreamDefaultReader,
    Request,
    Response,
    TextDecoderStream,
    TextEncoderStream,
    TransformStream,
    URL,
    URLSearchParams,
    WebSocket,
    WebSocketPair,
    WritableStream,
    WritableStreamDefaultWriter,
)
url_functions: dict[str, Callable[..., Any]] = {
    "decodeURIComponent": decode_uri_component,
    "encodeURI": encode_uri,
    "encodeURIComponent": encode_uri_component,
}

__all__ = [
    "CLASSES",
    "URL",
    "AbortController",
    "AbortSignal",
    "Blob",
    "CloseEvent",
    "CompressionStream",
    "DecompressionStream",
    "Event",
    "EventTarget",
    "File",
    "FixedLengthStream",
    "FormData",
    "Headers",
    "IdentityTransformStream",
    "MessageEvent",
    "ReadableStream",
    "ReadableStreamBYOBReader",
    "ReadableStreamDefaultReader",
    "Request",
    "Response",
    "TextDecoderStream",
    "TextEncoderStream",
    "TransformStream",
    "URLSearchParams",
    "WebSocket",
    "WebSocketPair",
    "WritableStream",
    "WritableStreamDefaultWriter",
    "url_functions",
]
