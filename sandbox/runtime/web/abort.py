"""`Event`, `EventTarget`, `AbortController` and `AbortSignal`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from sandbox.runtime.values import (
    HostObject,
    JsException,
    call_back,
    js_method,
    js_str,
    jsnull,
    option,
    throw,
    to_number,
)
from sandbox.runtime.values.promise import as_error


class Event(HostObject):
    """`Event`."""

    def __init__(self, type: Any = None, init: Any = None, *_: Any) -> None:
        self.type = js_str(type)
        self.target: Any = jsnull
        self.cancelable = bool(option(init, "cancelable", False))
        self.defaultPrevented = False

    @js_method
    def preventDefault(self) -> None:
        self.defaultPrevented = self.cancelable


class EventTarget(HostObject):
    """`EventTarget`: listeners added by name, and `on<name>` attributes."""

    def __init__(self, *_: Any) -> None:
        self._listeners: dict[str, list[tuple[Any, bool]]] = {}

    @js_method
    def addEventListener(self, type: Any, listener: Any, options: Any) -> None:
        if listener is None or listener is jsnull:
            return
        known = self._listeners.setdefault(js_str(type), [])
        if all(held is not listener for held, _ in known):
            known.append((listener, bool(option(options, "once", False))))

    @js_method
    def removeEventListener(self, type: Any, listener: Any) -> None:
        known = self._listeners.get(js_str(type), [])
        known[:] = [entry for entry in known if entry[0] is not listener and entry[0] != listener]

    @js_method
    def dispatchEvent(self, event: Any) -> bool:
        event.target = self
        handler = self.__dict__.get(f"on{event.type}")
        if callable(handler):
            call_back(handler, event)
        known = self._listeners.get(event.type, [])
        for entry in list(known):
            if entry[1]:
                known.remove(entry)
            listener = getattr(entry[0], "handleEvent", entry[0])
            call_back(listener, event)
        return not event.defaultPrevented


class AbortSignal(EventTarget):
    """`AbortSignal`."""

    def __init__(self, *_: Any) -> None:
        super().__init__()
        self.aborted = False
        self.reason: Any = None

    def _abort(self, reason: Any = None) -> None:
        if self.aborted:
            return
        self.aborted = True
        self.reason = JsException("AbortError", "The operation was aborted") if reason is None else reason
        self.dispatchEvent(Event("abort"))

    def _on_abort(self, react: Callable[[], Any]) -> Callable[[], None]:
        """Call `react` when this aborts (at once if it has). Answers how to stop listening."""

        def listener(_: Any) -> None:
            react()

        if self.aborted:
            react()
        else:
            self.addEventListener("abort", listener)
        return lambda: self.removeEventListener("abort", listener)

    @js_method
    def throwIfAborted(self) -> None:
        if self.aborted:
            raise as_error(self.reason)

    @staticmethod
    def _static_abort(reason: Any = None, *_: Any) -> AbortSignal:
        made = AbortSignal()
        made._abort(reason)
        return made

    @staticmethod
    def _static_timeout(milliseconds: Any = None, *_: Any) -> AbortSignal:
        made = AbortSignal()
        error = JsException("TimeoutError", "The operation was aborted due to timeout")
        asyncio.get_running_loop().call_later(max(to_number(milliseconds), 0) / 1000, made._abort, error)
        return made

    @staticmethod
    def _static_any(signals: Any = (), *_: Any) -> AbortSignal:
        controller = AbortController()
        for signal in signals:
            controller._follow(signal)
        return controller.signal


class AbortController(HostObject):
    """`AbortController`."""

    __slots__ = ("_signal",)

    def __init__(self, *_: Any) -> None:
        self._signal = AbortSignal()

    def _follow(self, signal: AbortSignal) -> None:
        if not isinstance(signal, AbortSignal):
            throw("TypeError", "a signal must be an AbortSignal")
        signal._on_abort(lambda: self._signal._abort(signal.reason))

    @property
    def signal(self) -> AbortSignal:
        return self._signal

    @js_method
    def abort(self, reason: Any) -> None:
        self._signal._abort(reason)
