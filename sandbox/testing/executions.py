"""A run of a pipeline as a test looks at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Execution:
    """An execution that has ended: `ok`, `state` ("completed", "failed", "cancelled"), `outputs` by stage (as JSON gives
    them), `output` of the last stage, `error` (code, message, hint, stage; None where there is none).

    `details` is everything the API says of it: stages with packets, attempts, times and bytes.
    """

    def __init__(self, details: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        self.id: str = details["execution_id"]
        self.name: str = details["pipeline"] or details["worker"]
        self.state: str = details["state"]
        self.error: Mapping[str, Any] | None = details["error"]
        self.details = details
        self.outputs = outputs

    @property
    def ok(self) -> bool:
        """Whether it is completed."""
        return self.state == "completed"

    @property
    def output(self) -> Any:
        """What the last stage gave; None where it gave nothing."""
        return self.outputs.get(self.details["stages"][-1]["name"]) if self.details["stages"] else None

    def stage(self, name: str) -> Mapping[str, Any]:
        """What the API says of one stage (state, attempts, error, packets). Raises KeyError."""
        for stage in self.details["stages"]:
            if stage["name"] == name:
                return dict(stage)
        raise KeyError(f"{self.name} has no stage {name!r}: {[stage['name'] for stage in self.details['stages']]}")

    def __repr__(self) -> str:
        if self.error is None:
            return f"<execution of {self.name}: {self.state}>"
        where = f" in {self.error['stage']}" if self.error.get("stage") else ""
        hint = f" ({self.error['hint']})" if self.error.get("hint") else ""
        return f"<execution of {self.name}: {self.state}{where}: {self.error['message']}{hint}>"
