"""What handlers get beside `env` and `ctx`."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.runtime.values import HostObject, js_method, normalize_float


class ScheduledController(HostObject):
    """What `scheduled` gets first: `scheduledTime` in milliseconds, `cron`, and `noRetry()`."""

    def __init__(self, scheduled_time_ms: float, cron: str, no_retry: Callable[[], None] | None = None) -> None:
        self.scheduledTime = normalize_float(float(scheduled_time_ms))  # a JavaScript number: 1000, not 1000.0
        self.cron = cron
        self._no_retry = no_retry

    @js_method
    def noRetry(self) -> None:
        """Tell whoever called the handler; nothing is retried here."""
        if self._no_retry is not None:
            self._no_retry()
