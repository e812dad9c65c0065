"""`_pyodide_entrypoint_helper` and `_cloudflare_compat_flags`: what the SDK asks of the runtime."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Generator
from typing import Any

from sandbox.runtime.context import ExecutionContext, current_worker, patched_env, the_env, wait_until
from sandbox.runtime.values import HostObject, JsException, JsFunction, JsMap, JsObject, JsPromise, JsProxy, throw
from sandbox.runtime.values.objects import own_entries
from sandbox.runtime.values.promise import as_promise_value

_WORKFLOWS = "python_modules/workers/workflows.js"


class LiveEnv(HostObject):
    """`env` of `cloudflare:workers`: the bindings of whichever worker is running, read at every access."""

    __slots__ = ()
    js_name = "Object"

    def __getattr__(self, name: str) -> Any:
        return getattr(the_env(), name)

    def _own_keys(self) -> list[str]:
        return the_env()._own_keys()


class CloudflareWorkers(HostObject):
    """The module `cloudflare:workers`."""

    __slots__ = ()

    @property
    def env(self) -> LiveEnv:
        return _live_env

    waitUntil = JsFunction(wait_until, "waitUntil")


def _connect(*_: Any) -> Any:
    throw("Error", "connect() of cloudflare:sockets is not available in this sandbox; use Python's sockets")


_live_env = LiveEnv()


def do_an_import(name: str) -> JsPromise:
    """JavaScript's `import(name)`: the modules of the platform and of the SDK; a rejection for any other."""
    if name == _WORKFLOWS:
        return JsPromise._resolved(JsObject({"wrapWorkflowStep": JsFunction(WrappedStep, "wrapWorkflowStep")}))
    if name == "cloudflare:workers":
        return JsPromise._resolved(CONTENTS["cloudflareWorkersModule"])
    if name == "cloudflare:sockets":
        return JsPromise._resolved(CONTENTS["cloudflareSocketsModule"])
    return JsPromise._rejected(JsException("Error", f'No such module "{name}".'))


class WrappedStep(JsProxy):
    """A workflow's step object whose `do` tells the engine of a Python NonRetryableError by that name."""

    __slots__ = ("_step",)

    def __init__(self, step: Any = None, *_: Any) -> None:
        self._step = step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._step, name)

    def do(self, name: Any = None, *rest: Any) -> Any:
        return self._step.do(name, *[_translate(arg) if callable(arg) else arg for arg in rest])


def _translate(callback: Any) -> Any:
    @functools.wraps(callback)
    async def call(*args: Any) -> Any:
        try:
            result = as_promise_value(callback(*args))
            return await result if isinstance(result, JsPromise) else result
        except Exception as error:
            if type(error).__name__ == "NonRetryableError":
                raise JsException("NonRetryableError", str(error)) from error
            raise

    return call


def patch_env_helper(bindings: Any) -> Generator[None, None, None]:
    """Overlay the env of the running worker for as long as the generator is suspended at its yield."""
    if isinstance(bindings, JsMap):
        patch = dict(bindings._entries.values())
    else:
        patch = dict(bindings if isinstance(bindings, dict) else own_entries(bindings))
    token = patched_env.set(JsObject({**dict(own_entries(the_env())), **patch}))
    try:
        yield
    finally:
        patched_env.reset(token)


def patch_wait_until(ctx: Any) -> None:
    """Let `ctx.waitUntil` take Python awaitables; the contexts of this sandbox do by themselves."""
    if isinstance(ctx, ExecutionContext) or not hasattr(ctx, "waitUntil") or getattr(ctx, "_patched", False):
        return
    original = ctx.waitUntil

    def wait_until_python(awaitable: Any) -> Any:
        return original(awaitable if isinstance(awaitable, JsProxy) else asyncio.ensure_future(awaitable))

    try:
        ctx.waitUntil = wait_until_python
        ctx._patched = True
    except AttributeError:
        return  # an object with fixed attributes keeps its own method


def compat_flag(name: str) -> bool:
    """Module `__getattr__` of `_cloudflare_compat_flags`: whether the running worker has this flag."""
    if name.startswith("__"):
        raise AttributeError(name)
    worker = current_worker.get()
    return worker is not None and name in worker.compatibility_flags


CONTENTS: dict[str, Any] = {
    "cloudflareWorkersModule": CloudflareWorkers(),
    "cloudflareSocketsModule": JsObject({"connect": JsFunction(_connect, "connect")}),
    "doAnImport": do_an_import,
    "patchWaitUntil": patch_wait_until,
    "patch_env_helper": patch_env_helper,
}
