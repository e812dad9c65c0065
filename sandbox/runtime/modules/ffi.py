"""`pyodide.ffi`."""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from typing import Any

from sandbox.runtime.values import (
    ConversionError,
    HostObject,
    InternalError,
    JsArray,
    JsException,
    JsFunction,
    JsIterator,
    JsMap,
    JsObject,
    JsPromise,
    JsProxy,
    PyProxy,
    TypedArray,
    create_once_callable,
    create_proxy,
    destroy_proxies,
    jsnull,
    to_js,
)
from sandbox.runtime.values.buffers import JsBuffer
from sandbox.runtime.values.proxy import JsNull

NO_STACK_SWITCHING = (
    "run_sync() cannot wait here: the awaitable did not finish at once, and stack switching is not available in this "
    "sandbox yet. Await it instead."
)


def run_sync(awaitable: Any, /) -> Any:
    """The result of an awaitable that can finish without waiting; a RuntimeError for one that cannot."""
    if isinstance(awaitable, JsPromise):
        if not awaitable._done:
            raise RuntimeError(NO_STACK_SWITCHING)
        return awaitable._result()
    if asyncio.isfuture(awaitable):
        if not awaitable.done():
            raise RuntimeError(NO_STACK_SWITCHING)
        return awaitable.result()
    iterator = awaitable.__await__()
    try:
        copy_context().run(next, iterator)
    except StopIteration as stop:
        return stop.value
    iterator.close()
    raise RuntimeError(NO_STACK_SWITCHING)


def can_run_sync() -> bool:
    """Whether `run_sync` could wait for anything: not in this sandbox."""
    return False


def register_js_module(name: str, jsproxy: Any) -> None:
    raise RuntimeError(f"JavaScript modules cannot be registered here: {name}")


CONTENTS: dict[str, Any] = {
    "ConversionError": ConversionError,
    "InternalError": InternalError,
    "JsArray": JsArray,
    "JsAsyncIterable": HostObject,
    "JsAsyncIterator": HostObject,
    "JsBuffer": JsBuffer,
    "JsCallable": JsFunction,
    "JsDoubleProxy": PyProxy,
    "JsException": JsException,
    "JsFetchResponse": HostObject,
    "JsGenerator": JsIterator,
    "JsIterable": JsIterator,
    "JsIterator": JsIterator,
    "JsMap": JsMap,
    "JsMutableMap": JsMap,
    "JsNull": JsNull,
    "JsObject": JsObject,
    "JsOnceCallable": PyProxy,
    "JsPromise": JsPromise,
    "JsProxy": JsProxy,
    "JsTypedArray": TypedArray,
    "can_run_sync": can_run_sync,
    "create_once_callable": create_once_callable,
    "create_proxy": create_proxy,
    "destroy_proxies": destroy_proxies,
    "jsnull": jsnull,
    "register_js_module": register_js_module,
    "run_sync": run_sync,
    "to_js": to_js,
}
