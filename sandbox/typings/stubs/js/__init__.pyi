"""JavaScript's global scope, as far as the sandbox has it."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from js._streams import (
    CompressionStream as CompressionStream,
    DecompressionStream as DecompressionStream,
    FixedLengthStream as FixedLengthStream,
    IdentityTransformStream as IdentityTransformStream,
    ReadableStream as ReadableStream,
    ReadableStreamBYOBReader as ReadableStreamBYOBReader,
    ReadableStreamDefaultReader as ReadableStreamDefaultReader,
    TextDecoderStream as TextDecoderStream,
    TextEncoderStream as TextEncoderStream,
    TransformStream as TransformStream,
    WritableStream as WritableStream,
    WritableStreamDefaultWriter as WritableStreamDefaultWriter,
)
from js._values import (
    Array as Array,
    ArrayBuffer as ArrayBuffer,
    BigInt as BigInt,
    BigInt64Array as BigInt64Array,
    BigUint64Array as BigUint64Array,
    Boolean as Boolean,
    DOMException as DOMException,
    DataView as DataView,
    Date as Date,
    Error as Error,
    EvalError as EvalError,
    Float32Array as Float32Array,
    Float64Array as Float64Array,
    Function as Function,
    Int16Array as Int16Array,
    Int32Array as Int32Array,
    Int8Array as Int8Array,
    Map as Map,
    Number as Number,
    Object as Object,
    Promise as Promise,
    RangeError as RangeError,
    ReferenceError as ReferenceError,
    RegExp as RegExp,
    Set as Set,
    String as String,
    SyntaxError as SyntaxError,
    TypeError as TypeError,
    URIError as URIError,
    Uint16Array as Uint16Array,
    Uint32Array as Uint32Array,
    Uint8Array as Uint8Array,
    Uint8ClampedArray as Uint8ClampedArray,
    _Json,
    _Math,
)
from js._web import (
    AbortController as AbortController,
    AbortSignal as AbortSignal,
    Blob as Blob,
    Cache as Cache,
    CacheStorage as CacheStorage,
    CloseEvent as CloseEvent,
    Console as Console,
    Crypto as Crypto,
    Event as Event,
    EventTarget as EventTarget,
    ExecutionContext as ExecutionContext,
    File as File,
    FormData as FormData,
    Headers as Headers,
    MessageEvent as MessageEvent,
    Request as Request,
    Response as Response,
    ScheduledController as ScheduledController,
    Scheduler as Scheduler,
    SubtleCrypto as SubtleCrypto,
    TextDecoder as TextDecoder,
    TextEncoder as TextEncoder,
    URL as URL,
    URLSearchParams as URLSearchParams,
    WebSocket as WebSocket,
    WebSocketPair as WebSocketPair,
)
from pyodide.ffi import JsPromise

_T = TypeVar("_T")

Infinity: Final[float]
NaN: Final[float]
undefined: Final[None]
JSON: Final[_Json]
Math: Final[_Math]
caches: Final[CacheStorage]
console: Final[Console]
crypto: Final[Crypto]
scheduler: Final[Scheduler]
globalThis: Any
self: Any

def fetch(resource: Any, init: Any = ..., /, **more: Any) -> JsPromise[Response]: ...
def atob(text: str, /) -> str: ...
def btoa(text: str, /) -> str: ...
def decodeURIComponent(text: str, /) -> str: ...
def encodeURI(text: str, /) -> str: ...
def encodeURIComponent(text: str, /) -> str: ...
def parseFloat(text: Any, /) -> float: ...
def parseInt(text: Any, radix: int = 10, /) -> float: ...
def queueMicrotask(callback: Callable[[], Any], /) -> None: ...
def setTimeout(callback: Callable[..., Any], delay: float = 0, /, *args: Any) -> Any: ...
def setInterval(callback: Callable[..., Any], delay: float = 0, /, *args: Any) -> Any: ...
def clearTimeout(handle: Any = ..., /) -> None: ...
def clearInterval(handle: Any = ..., /) -> None: ...
def structuredClone(value: _T, options: Any = ..., /, **more: Any) -> _T: ...
