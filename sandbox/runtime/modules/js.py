"""The module `js`: the global scope of the emulated JavaScript world."""

from __future__ import annotations

import math
from typing import Any

from sandbox.runtime.modules import timers
from sandbox.runtime.modules.caches import Caches
from sandbox.runtime.modules.console import console
from sandbox.runtime.modules.crypto import crypto
from sandbox.runtime.modules.fetch import js_fetch
from sandbox.runtime.modules.maths import MATH
from sandbox.runtime.modules.regexp import RegExp
from sandbox.runtime.modules.text import TextDecoder, TextEncoder, atob, btoa
from sandbox.runtime.values import (
    TYPED_ARRAYS,
    ArrayBuffer,
    DataView,
    JsArray,
    JsDate,
    JsFunction,
    JsMap,
    JsObject,
    JsPromise,
    JsProxy,
    JsSet,
    json_parse,
    json_stringify,
    structured_clone,
)
from sandbox.runtime.values.errors import error_constructors
from sandbox.runtime.values.host import HostObject, js_method
from sandbox.runtime.values.numbers import JsBigInt, JsBoolean, JsNumber, JsString, js_parse_float, js_parse_int
from sandbox.runtime.web import CLASSES, url_functions


class _Scheduler(HostObject):
    @js_method
    async def wait(self, delay: Any) -> None:
        await timers.wait(delay)


def _structured_clone(value: Any = None, *_: Any) -> Any:
    return structured_clone(value, functions=False)


def _function(fn: Any, name: str) -> JsFunction:
    return JsFunction(fn, name)


_CLASSES: tuple[type[JsProxy], ...] = (
    ArrayBuffer,
    DataView,
    *TYPED_ARRAYS,
    JsArray,
    JsBigInt,
    JsBoolean,
    JsDate,
    JsFunction,
    JsMap,
    JsNumber,
    JsObject,
    JsPromise,
    JsSet,
    JsString,
    RegExp,
    TextDecoder,
    TextEncoder,
    *CLASSES,
)
CONTENTS: dict[str, Any] = {cls.constructor.name: cls.constructor for cls in _CLASSES}
CONTENTS |= error_constructors
CONTENTS |= {
    "Infinity": math.inf,
    "JSON": JsObject({"parse": _function(json_parse, "parse"), "stringify": _function(json_stringify, "stringify")}),
    "Math": MATH,
    "NaN": math.nan,
    "atob": _function(atob, "atob"),
    "btoa": _function(btoa, "btoa"),
    "caches": Caches(),
    "clearInterval": _function(timers.clear_timeout, "clearInterval"),
    "clearTimeout": _function(timers.clear_timeout, "clearTimeout"),
    "console": console,
    "crypto": crypto,
    "fetch": js_fetch,
    "parseFloat": js_parse_float,
    "parseInt": js_parse_int,
    "queueMicrotask": _function(timers.queue_microtask, "queueMicrotask"),
    "scheduler": _Scheduler(),
    "setInterval": _function(timers.set_interval, "setInterval"),
    "setTimeout": _function(timers.set_timeout, "setTimeout"),
    "structuredClone": _function(_structured_clone, "structuredClone"),
    "undefined": None,
}
CONTENTS |= {name: _function(fn, name) for name, fn in url_functions.items()}
