"""The progress of runs that are under way: per stage the highest percent seen, per run the weighted sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class StageProgress:
    """`weight` is the stage's usual time in seconds (any positive number where it is not known)."""

    weight: float
    percent: float = 0.0
    message: str = ""


class Progress:
    """Percentages live here only while the run does; how it ended is the journal's."""

    def __init__(self) -> None:
        self._runs: dict[str, dict[str, StageProgress]] = {}

    def open(self, execution_id: str, weights: Mapping[str, float | None]) -> None:
        """Start with each stage's usual time; None (never run before) counts as the mean of the others, or 1."""
        known = [weight for weight in weights.values() if weight]
        usual = sum(known) / len(known) if known else 1.0
        self._runs[execution_id] = {name: StageProgress(weight or usual) for name, weight in weights.items()}

    def close(self, execution_id: str) -> None:
        self._runs.pop(execution_id, None)

    def note(self, execution_id: str, stage: str, percent: float, message: str | None = None) -> bool:
        """Record what was seen; True where it is news. A lower percent than before is not."""
        entry = self._runs.get(execution_id, {}).get(stage)
        if entry is None:
            return False
        news = percent > entry.percent or (message is not None and message != entry.message)
        entry.percent = max(entry.percent, percent)
        if message is not None:
            entry.message = message
        return news

    def stage(self, execution_id: str, stage: str) -> StageProgress | None:
        return self._runs.get(execution_id, {}).get(stage)

    def run(self, execution_id: str) -> float | None:
        """0-100 of the whole run; None where it is not under way."""
        stages = self._runs.get(execution_id)
        if not stages:
            return None
        total = sum(entry.weight for entry in stages.values())
        return round(sum(entry.weight * entry.percent for entry in stages.values()) / total, 1)
