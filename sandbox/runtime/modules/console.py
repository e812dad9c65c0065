"""`console`: every call is a log event of the running worker."""

from __future__ import annotations

import logging
from typing import Any

from sandbox.runtime.context import current_invocation, current_worker
from sandbox.runtime.values import HostObject, JsException, JsFunction, JsProxy, js_str, json_stringify

_LEVELS = {"debug": 10, "log": 20, "info": 20, "warn": 30, "error": 40}
_logger = logging.getLogger("sandbox.console")


def describe(value: Any) -> str:
    """A value as the console shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, JsException):
        return value.stack
    if isinstance(value, JsProxy) and not callable(value):
        try:
            return json_stringify(value) or js_str(value)
        except JsException:
            return js_str(value)
    return js_str(value)


def _say(level: str, *values: Any) -> None:
    message = " ".join(describe(value) for value in values)
    worker = current_worker.get()
    if worker is None:
        _logger.log(_LEVELS[level], message)
        return
    invocation = current_invocation.get()
    worker.emit(
        "log",
        worker=worker.name,
        level=level,
        text=message,
        trace_id=invocation.trace_id if invocation is not None else None,
    )


class Console(HostObject):
    """`console`."""

    js_name = "console"

    def __init__(self) -> None:
        for level in _LEVELS:
            setattr(self, level, JsFunction(lambda *values, level=level: _say(level, *values), level))
        self.trace = self.debug
        self.assert_ = JsFunction(_assert, "assert")

    debug: JsFunction


def _assert(condition: Any = None, *values: Any) -> None:
    if not condition:
        _say("error", "Assertion failed:", *values)


console = Console()
