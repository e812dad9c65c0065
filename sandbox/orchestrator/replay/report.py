"""What a replay found, for people and programs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sandbox.orchestrator.replay.difference import Difference
from sandbox.runtime.playback import Divergence

Verdict = Literal["same", "mended", "different", "failed", "skipped"]
"""`same`: the same output (or the same failure) by the same way. `mended`: it failed, and succeeds now. `different`: the
output or the way differs. `failed`: it fails now, and did not or did otherwise. `skipped`: not run again, `why` says why."""
GOOD: tuple[Verdict, ...] = ("same", "mended", "skipped")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a packet ended: with an output, or with an error {code, message}."""

    sha256: str | None = None
    size_bytes: int | None = None
    error: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {"sha256": self.sha256, "size_bytes": self.size_bytes, "error": self.error}


@dataclass(slots=True)
class StageReport:
    """One stage. `other_code` is true where the worker's code is not what was recorded; `new_input` where an earlier
    stage of the replay gave it another input than it had."""

    stage: str
    worker: str
    verdict: Verdict = "skipped"
    why: str | None = None
    was: Outcome | None = None
    now: Outcome | None = None
    other_code: bool = False
    new_input: bool = False
    differences: list[Difference] = field(default_factory=list)
    more_differences: bool = False
    divergences: list[Divergence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    duration_ms: float | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "stage": self.stage,
            "worker": self.worker,
            "verdict": self.verdict,
            "why": self.why,
            "was": self.was.as_json() if self.was else None,
            "now": self.now.as_json() if self.now else None,
            "other_code": self.other_code,
            "new_input": self.new_input,
            "differences": [difference.as_json() for difference in self.differences],
            "more_differences": self.more_differences,
            "divergences": [divergence.as_json() for divergence in self.divergences],
            "notes": self.notes,
            "duration_ms": self.duration_ms,
        }


def as_json(execution_id: str, stages: list[StageReport]) -> dict[str, Any]:
    """`same` says whether every stage that was run again gave what it gave, or gives a result where it failed; `ok`
    whether it is so and none fails now."""
    same = all(stage.verdict in GOOD for stage in stages)
    ok = same and not any(stage.now is not None and stage.now.error is not None for stage in stages)
    return {"execution_id": execution_id, "same": same, "ok": ok, "stages": [stage.as_json() for stage in stages]}
