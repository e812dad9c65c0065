"""What handlers get beside `env` and `ctx`."""

from __future__ import annotations

from sandbox.runtime.values import HostObject, js_method, normalize_float


class ScheduledController(HostObject):
    """What `scheduled` gets first: `scheduledTime` in milliseconds, `cron`, and `noRetry()`."""

    def __init__(self, scheduled_time_ms: float, cron: str) -> None:
        self.scheduledTime = normalize_float(float(scheduled_time_ms))  # a JavaScript number: 1000, not 1000.0
        self.cron = cron

    @js_method
    def noRetry(self) -> None:
        """Nothing is retried here."""
