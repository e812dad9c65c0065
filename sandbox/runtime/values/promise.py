"""Promises: started eagerly, awaitable any number of times, on the asyncio loop."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import copy_context
from typing import Any

from sandbox.runtime.owner import DIFFERENT_REQUEST, current_invocation, used_elsewhere
from sandbox.runtime.switching import Switching
from sandbox.runtime.values.eager import start_now
from sandbox.runtime.values.errors import JsException, throw
from sandbox.runtime.values.objects import JsObject
from sandbox.runtime.values.proxy import JsFunction, JsProxy, _made

_PENDING, _FULFILLED, _REJECTED = 0, 1, 2


class _Unhandled:
    """Speaks up through the loop's exception handler when a rejection is dropped without anybody having looked."""

    __slots__ = ("_error", "_loop", "handled")

    def __init__(self, error: BaseException) -> None:
        self._error = error
        self._loop = asyncio._get_running_loop()
        self.handled = False

    def __del__(self) -> None:
        if self.handled or isinstance(self._error, asyncio.CancelledError):
            return
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_exception_handler(
                {"message": "A promise was rejected and nobody awaited it", "exception": self._error}
            )


_SEEN = _Unhandled(asyncio.CancelledError())
_SEEN.handled = True


class JsPromise(JsProxy):
    """`Promise`. Await it as often as you like; cancelling one awaiter does not cancel the work behind it."""

    __slots__ = ("__weakref__", "_callbacks", "_owner", "_state", "_task", "_unhandled", "_value")
    js_name = "Promise"
    _callbacks: list[Callable[[], None]] | None

    def __init__(self, executor: Any = None, *_: Any) -> None:
        self._pend()
        if executor is None:
            throw("TypeError", "Promise resolver undefined is not a function")
        try:
            executor(JsFunction(self._resolve, "resolve"), JsFunction(self._reject_with, "reject"))
        except BaseException as error:
            self._reject(error)

    def _pend(self) -> None:
        self._state = _PENDING
        self._value: Any = None
        self._callbacks = None
        self._unhandled: _Unhandled | None = None
        self._task: asyncio.Future[Any] | None = None
        self._owner = current_invocation.get()

    # --- how the host makes promises

    @classmethod
    def _pending(cls) -> JsPromise:
        made = cls.__new__(cls)
        made._pend()
        return made

    @classmethod
    def _resolved(cls, value: Any = None) -> JsPromise:
        made = cls.__new__(cls)
        made._state = _FULFILLED
        made._value = value
        return made

    @classmethod
    def _rejected(cls, error: BaseException) -> JsPromise:
        made = cls.__new__(cls)
        made._pend()
        made._reject(error)
        return made

    @classmethod
    def _begin(cls, coro: Coroutine[Any, Any, Any]) -> JsPromise:
        """Run `coro` to its first wait now; what remains becomes a task. Never raises the coroutine's own error."""
        made = cls.__new__(cls)
        context = copy_context()
        try:
            waits_for = context.run(coro.send, None)
        except StopIteration as stop:
            made._state = _FULFILLED
            made._value = stop.value
            return made
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            made._pend()
            made._reject(error)
            return made
        made._pend()
        made._follow(asyncio.get_running_loop().create_task(_the_rest(coro, waits_for), context=context))
        return made

    @classmethod
    def _in_task(cls, coro: Coroutine[Any, Any, Any]) -> JsPromise:
        """Run `coro` in a task of its own, to its first wait at once."""
        made = cls._pending()
        task = start_now(coro)
        if task.done():
            made._settle_from(task)
        else:
            made._follow(task)
        return made

    @classmethod
    def _of(cls, awaitable: Awaitable[Any]) -> JsPromise:
        """A promise of any awaitable: a promise itself, a coroutine, a future or a task."""
        if isinstance(awaitable, JsPromise):
            return awaitable
        made = cls._pending()
        made._follow(asyncio.ensure_future(awaitable))
        return made

    def _follow(self, future: asyncio.Future[Any]) -> None:
        self._task = future  # the loop holds tasks only weakly
        future.add_done_callback(self._settle_from)

    def _settle_from(self, future: asyncio.Future[Any]) -> None:
        self._task = None
        if future.cancelled():
            self._reject(asyncio.CancelledError())
        elif (error := future.exception()) is not None:
            self._reject(error)
        else:
            self._resolve(future.result())

    # --- settling

    def _resolve(self, value: Any = None, *_: Any) -> None:
        if self._state != _PENDING:
            return
        if isinstance(value, JsPromise):
            if value._state == _PENDING:
                value._when_settled(lambda: self._adopt(value))
                return
            self._adopt(value)
            return
        self._state = _FULFILLED
        self._value = value
        self._run_callbacks()

    def _adopt(self, other: JsPromise) -> None:
        if other._state == _REJECTED:
            other._look()
            self._reject(other._value)
        else:
            self._resolve(other._value)

    def _reject_with(self, reason: Any = None, *_: Any) -> None:
        self._reject(as_error(reason))

    def _reject(self, error: BaseException) -> None:
        if self._state != _PENDING:
            return
        self._state = _REJECTED
        self._value = error
        if self._unhandled is None:
            self._unhandled = _Unhandled(error)
        self._run_callbacks()

    def _run_callbacks(self) -> None:
        callbacks, self._callbacks = self._callbacks, None
        for callback in callbacks or ():
            callback()

    def _when_settled(self, callback: Callable[[], None]) -> None:
        """Call back when settled: at once if it is."""
        if self._state != _PENDING:
            callback()
        elif self._callbacks is None:
            self._callbacks = [callback]
        else:
            self._callbacks.append(callback)

    def _look(self) -> None:
        """Somebody saw the rejection, or will: what is pending still need not report it."""
        if self._state == _REJECTED:
            if self._unhandled is not None:
                self._unhandled.handled = True
        elif self._state == _PENDING:
            self._unhandled = _SEEN

    @property
    def _done(self) -> bool:
        return self._state != _PENDING

    def _result(self) -> Any:
        """The value, or the error raised. Only when settled."""
        if self._state == _REJECTED:
            self._look()
            raise self._value
        return self._value

    def __await__(self) -> Generator[Any, None, Any]:
        if self._state == _PENDING:
            if self._owner is not current_invocation.get() and used_elsewhere(self._owner, "a promise"):
                throw("Error", DIFFERENT_REQUEST)
            wake: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._when_settled(lambda: None if wake.done() else wake.set_result(None))
            yield from wake
        if self._state == _REJECTED:
            self._look()
            raise self._value
        return self._value

    # --- what JavaScript code calls

    def then(self, on_fulfilled: Any = None, on_rejected: Any = None, *_: Any) -> JsPromise:
        made = JsPromise._pending()

        def react() -> None:
            if self._state == _REJECTED:
                self._look()
            handler = on_rejected if self._state == _REJECTED else on_fulfilled
            if not callable(handler):
                made._adopt(self)
                return
            try:
                made._resolve(as_promise_value(handler(as_reason(self._value))))
            except BaseException as error:  # or whoever waits for it would do so for ever
                made._reject(error)

        self._when_settled(lambda: _soon(react))
        return made

    def catch(self, on_rejected: Any = None, *_: Any) -> JsPromise:
        return self.then(None, on_rejected)

    def finally_(self, on_finally: Any = None, *_: Any) -> JsPromise:
        made = JsPromise._pending()

        def react() -> None:
            try:
                between = as_promise_value(on_finally()) if callable(on_finally) else None
            except BaseException as error:
                self._look()
                made._reject(error)
                return
            if isinstance(between, JsPromise):
                between._when_settled(lambda: made._adopt(between if between._state == _REJECTED else self))
            else:
                made._adopt(self)

        self._when_settled(lambda: _soon(react))
        return made

    @staticmethod
    def _static_resolve(value: Any = None, *_: Any) -> JsPromise:
        value = as_promise_value(value)
        return value if isinstance(value, JsPromise) else JsPromise._resolved(value)

    @staticmethod
    def _static_reject(reason: Any = None, *_: Any) -> JsPromise:
        return JsPromise._rejected(as_error(reason))

    @staticmethod
    def _static_all(values: Any = (), *_: Any) -> JsPromise:
        async def gather() -> Any:
            return _made["array"]([await promise for promise in promises])

        promises = [JsPromise._static_resolve(value) for value in values]
        made = JsPromise._begin(gather())
        for promise in promises:
            _on_rejection(promise, made)
        return made

    @staticmethod
    def _static_allSettled(values: Any = (), *_: Any) -> JsPromise:
        async def gather() -> Any:
            found = []
            for promise in promises:
                try:
                    found.append(JsObject({"status": "fulfilled", "value": await promise}))
                except Exception as error:
                    found.append(JsObject({"status": "rejected", "reason": as_reason(error)}))
            return _made["array"](found)

        promises = [JsPromise._static_resolve(value) for value in values]
        return JsPromise._begin(gather())

    @staticmethod
    def _static_race(values: Any = (), *_: Any) -> JsPromise:
        made = JsPromise._pending()
        for value in values:
            promise = JsPromise._static_resolve(value)
            promise._when_settled(lambda promise=promise: made._adopt(promise))  # type: ignore[misc]
        return made

    @staticmethod
    def _static_any(values: Any = (), *_: Any) -> JsPromise:
        async def first() -> Any:
            errors = []
            for promise in promises:
                try:
                    return await promise
                except Exception as error:
                    errors.append(as_reason(error))
            failure = JsException("AggregateError", "All promises were rejected")
            failure.errors = _made["array"](errors)  # type: ignore[attr-defined]
            raise failure

        promises = [JsPromise._static_resolve(value) for value in values]
        return JsPromise._begin(first())

    @staticmethod
    def _static_withResolvers(*_: Any) -> JsObject:
        promise = JsPromise._pending()
        return JsObject(
            {
                "promise": promise,
                "resolve": JsFunction(promise._resolve, "resolve"),
                "reject": JsFunction(promise._reject_with, "reject"),
            }
        )


def _on_rejection(promise: JsPromise, dependent: JsPromise) -> None:
    def react() -> None:
        if promise._state == _REJECTED:
            promise._look()
            dependent._reject(promise._value)

    promise._when_settled(react)


def _soon(callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_soon(callback)


def as_promise_value(value: Any) -> Any:
    """What a callback handed back: Python awaitables count as promises."""
    if isinstance(value, JsProxy) or not hasattr(value, "__await__"):
        return value
    if Switching.ready and asyncio.iscoroutine(value):
        value = Switching.finish(value)  # what JavaScript calls may wait, as an event may
    return JsPromise._of(value)


class ThrownValue(JsException):
    """A rejection or throw of something that is no Error; `value` is what was thrown."""

    def __init__(self, value: Any) -> None:
        super().__init__("Error", value if isinstance(value, str) else str(value))
        self.value = value

    def toString(self) -> str:
        return self.message


def as_error(reason: Any) -> BaseException:
    """The exception Python raises for a rejection with this reason."""
    return reason if isinstance(reason, BaseException) else ThrownValue(reason)


def as_reason(value: Any) -> Any:
    return value.value if isinstance(value, ThrownValue) else value


async def _the_rest(coro: Coroutine[Any, Any, Any], waits_for: Any) -> Any:
    """`_rest` as a task takes it: since Python 3.12 a generator is no coroutine to asyncio."""
    return await _rest(coro, waits_for)


@types.coroutine
def _rest(coro: Coroutine[Any, Any, Any], waits_for: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that ran to its first wait elsewhere; what it waits for is handed to this task."""
    while True:
        try:
            sent = yield waits_for
        except BaseException as error:
            failure: BaseException | None = error
        else:
            failure = None
        try:
            waits_for = coro.send(sent) if failure is None else coro.throw(failure)
        except StopIteration as stop:
            return stop.value
