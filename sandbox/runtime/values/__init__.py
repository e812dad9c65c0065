"""The JavaScript value model that worker code and host-side code share."""

from sandbox.runtime.values.arrays import JsArray, JsIterator, call_back
from sandbox.runtime.values.buffers import ArrayBuffer, BufferView, byte_view, bytes_of
from sandbox.runtime.values.clone import crosses_rpc, structured_clone
from sandbox.runtime.values.convert import from_js_plain, to_js, to_py
from sandbox.runtime.values.data_view import DataView
from sandbox.runtime.values.dates import JsDate
from sandbox.runtime.values.errors import ConversionError, InternalError, JsError, JsException, throw
from sandbox.runtime.values.host import HostObject, js_method
from sandbox.runtime.values.json import parse as json_parse
from sandbox.runtime.values.json import stringify as json_stringify
from sandbox.runtime.values.maps import JsMap, JsSet
from sandbox.runtime.values.numbers import js_str, normalize_float, to_integer, to_number, truthy
from sandbox.runtime.values.objects import JsObject, option
from sandbox.runtime.values.promise import JsPromise
from sandbox.runtime.values.proxies import (
    JsRpcStub,
    PyProxy,
    create_once_callable,
    create_proxy,
    destroy_proxies,
)
from sandbox.runtime.values.proxy import JsFunction, JsProxy, jsnull
from sandbox.runtime.values.typed_arrays import TYPED_ARRAYS, TypedArray, Uint8Array

__all__ = [
    "TYPED_ARRAYS",
    "ArrayBuffer",
    "BufferView",
    "ConversionError",
    "DataView",
    "HostObject",
    "InternalError",
    "JsArray",
    "JsDate",
    "JsError",
    "JsException",
    "JsFunction",
    "JsIterator",
    "JsMap",
    "JsObject",
    "JsPromise",
    "JsProxy",
    "JsRpcStub",
    "JsSet",
    "PyProxy",
    "TypedArray",
    "Uint8Array",
    "byte_view",
    "bytes_of",
    "call_back",
    "create_once_callable",
    "create_proxy",
    "crosses_rpc",
    "destroy_proxies",
    "from_js_plain",
    "js_method",
    "js_str",
    "jsnull",
    "json_parse",
    "json_stringify",
    "normalize_float",
    "option",
    "structured_clone",
    "throw",
    "to_integer",
    "to_js",
    "to_number",
    "to_py",
    "truthy",
]
