"""`time` as worker code sees it. The conversions of a given moment are the real ones; that it sleeps is told."""

from __future__ import annotations

import time as real
from collections.abc import Callable
from typing import Any

from sandbox.runtime.context import NS, current_worker, time_ns
from sandbox.runtime.stdlib.module import StandIn, named
from sandbox.runtime.tape import read_clock

_STEADY = ("monotonic", "perf_counter", "process_time", "thread_time")


def _time() -> float:
    return time_ns() / NS


def _gmtime(seconds: float | None = None, /) -> real.struct_time:
    return real.gmtime(_time() if seconds is None else seconds)


def _localtime(seconds: float | None = None, /) -> real.struct_time:
    return real.localtime(_time() if seconds is None else seconds)


def _ctime(seconds: float | None = None, /) -> str:
    return real.ctime(_time() if seconds is None else seconds)


def _asctime(*moment: Any) -> str:
    return real.asctime(*(moment or (_localtime(),)))


def _strftime(format: str, *moment: Any) -> str:
    return real.strftime(format, *(moment or (_localtime(),)))


def _clock_gettime(clock: int, /) -> float:
    return _time() if clock == real.CLOCK_REALTIME else real.clock_gettime(clock)


def _clock_gettime_ns(clock: int, /) -> int:
    return time_ns() if clock == real.CLOCK_REALTIME else real.clock_gettime_ns(clock)


def _steady(name: str) -> dict[str, Callable[[], Any]]:
    def whole() -> int:
        return read_clock(name, getattr(real, f"{name}_ns"))

    return {name: lambda: whole() / NS, f"{name}_ns": whole}


def _sleep(seconds: float, /) -> None:
    worker = current_worker.get()
    if worker is not None and worker.checks is not None:
        worker.checks.found("time-sleep", "time.sleep blocks the event loop")
    real.sleep(seconds)


SLEEP = _sleep.__code__
"""Of the one function here that a worker may be stopped in."""
_OWN: dict[str, Callable[..., Any]] = {
    "sleep": _sleep,
    "time": _time,
    "time_ns": lambda: time_ns(),
    "gmtime": _gmtime,
    "localtime": _localtime,
    "ctime": _ctime,
    "asctime": _asctime,
    "strftime": _strftime,
    "clock_gettime": _clock_gettime,
    "clock_gettime_ns": _clock_gettime_ns,
}
for _name in _STEADY:
    _OWN |= _steady(_name)

time = StandIn(real, {name: named(own, getattr(real, name)) for name, own in _OWN.items() if hasattr(real, name)})
