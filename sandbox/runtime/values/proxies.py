"""Python objects as JavaScript sees them: `create_proxy` and its like, and stubs of functions sent over RPC."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from sandbox.runtime.values.errors import throw
from sandbox.runtime.values.objects import JsObject
from sandbox.runtime.values.promise import JsPromise, as_promise_value
from sandbox.runtime.values.proxy import JsProxy, fold
from sandbox.runtime.values.typed_arrays import from_buffer


class PyProxy(JsProxy):
    """A Python object wrapped for JavaScript; attributes are the object's own."""

    __slots__ = ("__weakref__", "_alive", "_obj")

    def __init__(self, obj: Any) -> None:
        self._obj = obj
        self._alive = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._obj, name)

    def toString(self) -> str:
        return str(self._obj)

    def unwrap(self) -> Any:
        return self._obj

    def destroy(self, *_: Any) -> None:
        # Garbage collection frees the object here; a destroyed proxy stays usable for whoever still holds it.
        self._alive = False

    def copy(self) -> PyProxy:
        return type(self)(self._obj)

    def getBuffer(self, *_: Any) -> PyBuffer:
        return PyBuffer(self._obj)

    def _as_py(self, run: Any, depth: int) -> Any:
        return self._obj

    def _own_keys(self) -> list[str]:
        return []


class PyCallableProxy(PyProxy):
    """The proxy of a callable."""

    __slots__ = ()
    js_name = "PyProxy"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._obj(*args, **kwargs)

    def callKwargs(self, *args: Any) -> Any:
        return self._obj(*args[:-1], **(args[-1]._data if isinstance(args[-1], JsObject) else args[-1]))


class PyAwaitableProxy(PyProxy):
    """The proxy of a coroutine, task or future: JavaScript can await it."""

    __slots__ = ()
    js_name = "PyProxy"

    def __await__(self) -> Any:
        return self._obj.__await__()

    def then(self, *handlers: Any) -> JsPromise:
        return JsPromise._of(self._obj).then(*handlers)


class PyBuffer:
    """`proxy.getBuffer()`: the object's bytes as a typed array."""

    __slots__ = ("data",)

    def __init__(self, obj: Any) -> None:
        if type(obj) is bytes:
            self.data = from_buffer(obj)
        else:
            view = memoryview(obj)
            if view.format == "B" and view.contiguous:
                self.data = type(from_buffer(b""))._over(view.cast("B"))
            else:
                self.data = from_buffer(view)

    def release(self) -> None:
        """The bytes are kept by whoever holds the array."""


def create_proxy(obj: Any, /, *, capture_this: bool = False, roundtrip: bool = True) -> PyProxy:
    """Wrap a Python object so that JavaScript may keep it."""
    if isinstance(obj, PyProxy):
        return obj
    if callable(obj):
        return PyCallableProxy(obj)
    if hasattr(obj, "__await__"):
        return PyAwaitableProxy(obj)
    return PyProxy(obj)


def create_once_callable(obj: Callable[..., Any], /) -> PyProxy:
    """A proxy that may be called once."""
    called = False

    def once(*args: Any, **kwargs: Any) -> Any:
        nonlocal called
        if called:
            throw("Error", "OnceProxy can only be called once")
        called = True
        return obj(*args, **kwargs)

    return PyCallableProxy(once)


def destroy_proxies(proxies: Any, /) -> None:
    """Destroy each proxy of a list."""
    for proxy in proxies:
        if isinstance(proxy, PyProxy):
            proxy.destroy()


class JsRpcStub(JsProxy):
    """A function on the other side of an RPC call: calling it returns a promise of its result, cloned both ways.

    The function runs in the context the stub was made in: that of the worker it belongs to.
    """

    __slots__ = ("__weakref__", "_clone", "_context", "_fn")

    def __init__(self, fn: Callable[..., Any], clone: Callable[[Any], Any], *, context: Context | None = None) -> None:
        self._fn = fn
        self._clone = clone
        self._context = copy_context() if context is None else context

    def __call__(self, *args: Any, **kwargs: Any) -> JsPromise:
        if kwargs:
            args = fold(args, kwargs)
        given = [self._clone(arg) for arg in args]
        return self._context.copy().run(lambda: JsPromise._in_task(self._run(given)))

    async def _run(self, args: list[Any]) -> Any:
        result = as_promise_value(self._fn(*args))
        if isinstance(result, JsPromise):
            result = await result
        return self._clone(result)

    def dup(self) -> JsRpcStub:
        return JsRpcStub(self._fn, self._clone, context=self._context)

    def toString(self) -> str:
        return "[object JsRpcStub]"
