"""`fetch`: out of the current worker, by its `Outbound`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any

from sandbox.runtime.context import WorkerContext, current_invocation, current_worker, io_at_import
from sandbox.runtime.place import called_from, given_from
from sandbox.runtime.values import JsException, JsFunction, JsObject, JsPromise, jsnull
from sandbox.runtime.values.promise import as_error
from sandbox.runtime.web.request import Request
from sandbox.runtime.web.response import Response


def outgoing(resource: Any, init: Any = None) -> Request:
    """The request that `fetch(resource, init)` means."""
    if isinstance(resource, Request) and (init is None or init is jsnull or not _says_anything(init)):
        return resource
    return Request(resource, init)


def _says_anything(init: Any) -> bool:
    return not isinstance(init, JsObject) or any(value is not None for value in init._data.values())


def fetch(resource: Any = None, init: Any = None, *_: Any) -> JsPromise:
    """JavaScript's `fetch`: a promise of a Response; it rejects with a TypeError or what `Outbound` raised."""
    worker = current_worker.get()
    try:
        if worker is None:
            raise JsException("Error", "fetch() was called where no worker is running")
        if worker.importing:
            io_at_import("fetch() is called")
        request = outgoing(resource, init)
    except JsException as error:
        return JsPromise._rejected(error)
    return JsPromise._in_task(_send(worker, request))


async def _send(worker: WorkerContext, request: Request) -> Response:
    if worker.checks is not None:
        # Where there is a signal the call is a task of its own, with none of the worker's frames.
        given_from.set(called_from(sys._getframe()))
    signal, answer = request._signal, worker.outbound.fetch(worker.name, request)
    response = await (answer if signal is None else abortable(answer, signal))
    response._owner = current_invocation.get()
    return response


async def abortable(work: Coroutine[Any, Any, Response], signal: Any) -> Response:
    """The result of `work`, unless the signal aborts first; then it is cancelled and the signal's reason raised."""
    if signal.aborted:
        work.close()
        raise as_error(signal.reason)
    task = asyncio.ensure_future(work)
    cancelled_by_signal = signal._on_abort(task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        if signal.aborted:
            raise as_error(signal.reason) from None
        task.cancel()
        raise
    finally:
        cancelled_by_signal()


js_fetch = JsFunction(fetch, "fetch")
