"""Objects of the platform (bindings, contexts, web classes) and the calling rules of their methods."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, overload

from sandbox.runtime.values.promise import JsPromise
from sandbox.runtime.values.proxy import JsProxy, fold

Method = Callable[..., Any]


class HostObject(JsProxy):
    """Subclass this for an object worker code sees under a JavaScript class name.

    `constructor.name` is the class attribute `js_name`, else the class's own name. Methods that worker code may call
    carry `@js_method`; attributes that begin with an underscore are the host's.
    """


@overload
def js_method(fn: Method, /) -> Method: ...
@overload
def js_method(*, task: bool = False) -> Callable[[Method], Method]: ...
def js_method(fn: Any = None, /, *, task: bool = False) -> Any:
    """Give a method JavaScript's calling rules.

    Keyword arguments fold into one trailing options object, missing arguments are None, surplus ones are dropped.
    An `async def` returns a JsPromise; its first step runs at once, in a copy of the caller's context and inside the
    caller's task, so a method that may complete without waiting costs no task. Where the method runs code that cares
    which task it is in (anything that may enter `asyncio.timeout`, an anyio task group, an aiohttp client, or another
    worker's code) say `@js_method(task=True)`: it then runs in a task of its own from the start.
    """
    if fn is None:
        return functools.partial(js_method, task=task)
    parameters = list(inspect.signature(fn).parameters.values())[1:]
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    if any(p.kind in (p.KEYWORD_ONLY, p.VAR_KEYWORD) for p in parameters):
        raise TypeError(f"{fn.__qualname__}: JavaScript methods take positional arguments only")
    count = 1 << 30 if variadic else len(parameters)
    if not variadic:
        given = fn.__defaults__ or ()
        fn.__defaults__ = (None,) * (len(parameters) - len(given)) + given

    if inspect.iscoroutinefunction(fn):
        begin = JsPromise._in_task if task else JsPromise._begin

        @functools.wraps(fn)
        def call_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs:
                args = fold(args, kwargs)
            if len(args) > count:
                args = args[:count]
            return begin(fn(self, *args))

        return _bare(call_async)

    @functools.wraps(fn)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if kwargs:
            args = fold(args, kwargs)
        if len(args) > count:
            args = args[:count]
        return fn(self, *args)

    return _bare(call)


def _bare(wrapper: Any) -> Any:
    # `inspect.iscoroutinefunction` and signature readers must see the wrapper, whose arguments are free.
    del wrapper.__wrapped__
    return wrapper
