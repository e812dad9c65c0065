"""`pyodide.ffi`."""

from __future__ import annotations

import asyncio
import sys
from contextvars import copy_context
from typing import Any

from sandbox.runtime.context import current_invocation
from sandbox.runtime.switching import HINT, Switching, awaited
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

CANNOT_WAIT = "run_sync() cannot wait here: the awaitable did not finish at once, and "


def run_sync(awaitable: Any, /) -> Any:
    """The result of an awaitable, from synchronous code that an event or a task runs. Elsewhere (while a module is
    imported, in callbacks) a RuntimeError for one that does not finish at once."""
    stack = Switching.here()
    if isinstance(awaitable, JsPromise):
        if awaitable._done:
            return awaitable._result()
    elif asyncio.isfuture(awaitable):
        if awaitable.done():
            return awaitable.result()
    elif stack is None:
        return _at_once(awaitable)
    if stack is None:
        raise RuntimeError(_why())
    return Switching.wait(stack, awaited(awaitable))


def _at_once(awaitable: Any) -> Any:
    iterator = awaitable.__await__()
    try:
        copy_context().run(next, iterator)
    except StopIteration as stop:
        return stop.value
    iterator.close()
    raise RuntimeError(_why())


def _why() -> str:
    if not Switching.load():
        return f"{CANNOT_WAIT}stacks are switched by greenlet, which is not installed: {HINT}"
    invocation = current_invocation.get()
    if invocation is None:
        return f"{CANNOT_WAIT}no event is being handled. Await it instead."
    if not invocation.worker.switches:
        invocation.worker.switches = True  # a library's doing, which the worker's own code does not mention
        return f"{CANNOT_WAIT}this is the first event that needs it. Ask again."
    return f"{CANNOT_WAIT}this is a callback. Await it in a task instead."


def can_run_sync() -> bool:
    """Whether `run_sync` can wait here."""
    return Switching.here() is not None


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


def module_contents() -> dict[str, Any]:
    """What `pyodide.ffi` holds. `run_sync` is handed out on demand, to notice libraries that will call it: workers that
    use them do not mention it themselves."""
    found = {name: value for name, value in CONTENTS.items() if name != "run_sync"}
    return {**found, "__all__": list(CONTENTS), "__getattr__": _on_demand}


def _on_demand(name: str) -> Any:
    if name != "run_sync":
        raise AttributeError(f"module 'pyodide.ffi' has no attribute {name!r}")
    asking = str(sys._getframe(1).f_globals.get("__name__"))
    if not asking.startswith(("sandbox_workers.", "workers.")) and asking != "workers":
        Switching.for_library = Switching.load()
    return run_sync
