"""What workers print and log, and their exceptions: on lists for the test, and through to pytest's own capture."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.events.bus import Bus, Event
from sandbox.loader.output import real_stderr, real_stdout
from sandbox.runtime.context import WorkerContext, current_worker


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line a worker printed ("log" for print, "error" for stderr) or logged (its level, in lower case)."""

    worker: str
    level: str
    text: str

    def __str__(self) -> str:
        return self.text


class Output:
    """Listens to a sandbox's events while it is up. `own` is the context the test itself runs under: what it prints is
    not a worker's."""

    def __init__(self, bus: Bus, own: Callable[[], WorkerContext | None]) -> None:
        self.events: list[Event] = []
        self.logs: list[LogLine] = []
        self._bus = bus
        self._own = own
        self._handler = _Unhandled(self)

    def open(self) -> Callable[[], None]:
        """Begin to listen. Returns what ends it."""
        unsubscribe = self._bus.subscribe(self._take)
        logging.root.addHandler(self._handler)

        def close() -> None:
            logging.root.removeHandler(self._handler)
            unsubscribe()

        return close

    def _take(self, event: Event) -> None:
        self.events.append(event)
        if event.kind == "log":
            line = LogLine(event.fields["worker"], event.fields["level"], event.fields["text"])
            self.logs.append(line)
            print(line.text, file=real_stdout() if line.level == "log" else real_stderr())
        elif event.kind in ("exception", "reload.failed"):
            text = event.fields.get("text") or event.fields["error"]
            print(f"{event.fields['worker']}: {text}", file=real_stderr())

    def logged(self, record: logging.LogRecord, context: WorkerContext) -> None:
        """A record of a worker that no handler of its own writes anywhere."""
        if context is not self._own():
            self.logs.append(LogLine(context.name, record.levelname.lower(), record.getMessage()))


class _Unhandled(logging.Handler):
    """Takes the place of logging's last resort, which pytest's handlers switch off. Records that pytest shows are not
    printed once more."""

    def __init__(self, output: Output) -> None:
        super().__init__(logging.WARNING)
        self._output = output

    def emit(self, record: logging.LogRecord) -> None:
        context = current_worker.get(None)
        if context is not None and not self._handled(record.name):
            self._output.logged(record, context)

    def _handled(self, name: str) -> bool:
        logger: logging.Logger | None = logging.getLogger(name) if name != "root" else logging.root
        while logger is not None:
            if any(handler is not self and not _is_pytests(handler) for handler in logger.handlers):
                return True
            logger = logger.parent if logger.propagate else None
        return False


def _is_pytests(handler: logging.Handler) -> bool:
    return type(handler).__module__.startswith("_pytest.")
