"""What a worker prints and logs comes out as `log` events with its name, line by line.

`sys.stdout` and `sys.stderr` are replaced once by routers that look which worker is current; with none, or while the
debugger talks, text goes straight through. A listener that prints while it handles an event must write to
`real_stdout()`: `sys.stdout` would take its line for the worker's.
"""

from __future__ import annotations

import io
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from sandbox.loader.imports import ROOT, plain_text
from sandbox.loader.tracebacks import lines_of
from sandbox.runtime.context import current_worker

_LONGEST_LINE = 64 * 1024
_routers: list[Router] = []
# Contexts whose output is nobody's log line: tests run under the context of the worker they test.
_unrouted: list[Any] = []
_emitting = False  # while listeners show a line, what they write is not the worker's
_talking = 0  # how many debugger prompts are open
_talker = 0  # the thread that has them
_kept: list[tuple[TextIO, str]] = []  # what other threads write meanwhile


class Router(io.TextIOBase):
    """Stands in for `sys.stdout` or `sys.stderr`. Everything but `write` is the real stream's."""

    def __init__(
        self,
        real: TextIO,
        level: str,
        wanted: Callable[[str], bool] | None,
        recorded: Callable[[], bool] | None = None,
    ) -> None:
        self.real = real
        self._level = level
        self._wanted = wanted
        self._recorded = recorded
        # Of a record that a logging handler is writing: it knows the level better than the stream does.
        self.record_level: str | None = None
        # The unfinished line of each worker, by the identity of its context.
        self._partial: dict[int, str] = {}

    def write(self, text: str) -> int:
        elsewhere = _talking and threading.get_ident() != _talker
        context = None if _emitting or (_talking and not elsewhere) else current_worker.get(None)
        if context is None or context in _unrouted:
            if elsewhere:
                _kept.append((self.real, text))
            else:
                self.real.write(text)
            return len(text)
        if self._wanted is not None and not self._wanted("log"):
            self.real.write(text)
            if self._recorded is None or not self._recorded():
                return len(text)
        whole = self._partial.pop(id(context), "") + text
        *lines, rest = whole.split("\n")
        if len(rest) > _LONGEST_LINE:
            lines.append(rest)
            rest = ""
        if rest:
            self._partial[id(context)] = rest
        for line in lines:
            self._say(context, line)
        return len(text)

    def end_line(self, context: Any) -> None:
        """Say what `context` printed without a newline at the end."""
        if self._partial and (rest := self._partial.pop(id(context), "")):
            self._say(context, rest)

    def _say(self, context: Any, line: str) -> None:
        global _emitting
        _emitting = True
        try:
            context.emit("log", worker=context.name, level=self.record_level or self._level, text=plain_text(line))
        finally:
            _emitting = False

    def flush(self) -> None:
        self.real.flush()

    def fileno(self) -> int:
        return self.real.fileno()

    def isatty(self) -> bool:
        return self.real.isatty()

    def writable(self) -> bool:
        return True

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.real.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        return self.real.errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def install_output(
    wanted: Callable[[str], bool] | None = None, recorded: Callable[[], bool] | None = None
) -> Callable[[], None]:
    """Route what workers print and log. `wanted(kind)` says whether anybody listens for a kind of event (the bus's);
    where nobody does, lines go to the real streams, and `recorded()` says whether they are events all the same.
    Returns what puts everything back."""
    if _routers:
        return lambda: None
    before = (sys.stdout, sys.stderr, logging.lastResort, logging.getLogRecordFactory(), logging.Logger.callHandlers)
    out, err = Router(sys.stdout, "log", wanted, recorded), Router(sys.stderr, "error", wanted, recorded)
    _routers.extend((out, err))
    sys.stdout, sys.stderr = out, err
    # Logging without any configuration shows warnings and worse as bare messages on stderr, as on Cloudflare.
    logging.lastResort = _LastResort(logging.WARNING)
    logging.setLogRecordFactory(_record_factory(before[3]))
    logging.Logger.callHandlers = _with_level(before[4], err, out)  # type: ignore[method-assign]

    def uninstall() -> None:
        _routers.clear()
        # Unless somebody put a stream of his own there since (a test runner captures, and lets go, when it likes).
        if sys.stdout is out:
            sys.stdout = before[0]
        if sys.stderr is err:
            sys.stderr = before[1]
        logging.lastResort = before[2]
        logging.setLogRecordFactory(before[3])
        logging.Logger.callHandlers = before[4]  # type: ignore[method-assign]

    return uninstall


@contextmanager
def unrouted(context: Any) -> Iterator[None]:
    """While entered, what is printed under `context` goes straight to the real streams."""
    _unrouted.append(context)
    try:
        yield
    finally:
        _unrouted.remove(context)


def real_stdout() -> TextIO:
    """Where the sandbox's own console writes: never taken for a worker's output."""
    stream = sys.stdout
    return stream.real if isinstance(stream, Router) else stream


def real_stderr() -> TextIO:
    """The same for standard error."""
    stream = sys.stderr
    return stream.real if isinstance(stream, Router) else stream


def end_lines(context: Any) -> None:
    """Say what the worker left without a newline; called at the end of each event."""
    for router in _routers:
        router.end_line(context)


class straight_through:  # noqa: N801  (used like a function: `with straight_through():`)
    """While entered, nothing is taken for a worker's output: the debugger is talking to a person. What other threads
    write waits until then."""

    def __enter__(self) -> None:
        global _talking, _talker
        _talking += 1
        _talker = threading.get_ident()

    def __exit__(self, *exc: object) -> None:
        global _talking
        _talking -= 1
        if not _talking:
            while _kept:
                stream, text = _kept.pop(0)
                stream.write(text)


class _Folded(logging.Formatter):
    """Tracebacks as those of unhandled exceptions: the machinery in one line."""

    def formatException(self, ei: Any) -> str:
        context = current_worker.get(None)
        return "\n".join(lines_of(ei[1], context.name if context is not None else None))


class _LastResort(logging.StreamHandler[TextIO]):
    """Python's own last resort, on whatever `sys.stderr` is now."""

    def __init__(self, level: int) -> None:
        logging.Handler.__init__(self, level)
        self.setFormatter(_Folded())

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stderr


def _record_factory(inner: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    def make(name: str, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = inner(plain_text(name) if name.startswith(ROOT) else name, *args, **kwargs)
        context = current_worker.get(None)
        # For formats that want it: "%(worker)s".
        record.worker = context.name if context is not None else ""
        return record

    return make


def _with_level(inner: Callable[..., None], *routers: Router) -> Callable[..., None]:
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        before = routers[0].record_level
        level = record.levelname.lower()
        for router in routers:
            router.record_level = level
        try:
            inner(self, record)
        finally:
            for router in routers:
                router.record_level = before

    return call_handlers
