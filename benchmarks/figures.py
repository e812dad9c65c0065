"""Figures: what was measured, of whom, and how it is shown."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One row: `case` is what was done, `who` did it, `values` are in `unit`; `note` says what else is to be known."""

    case: str
    who: str
    unit: str
    values: tuple[float, ...]
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)


@dataclass(frozen=True)
class Spread:
    """Values of which only the extremes, the median and the number are known (a script printed them)."""

    low: float
    median: float
    high: float
    n: int


def merged(case: str, who: str, unit: str, spreads: Sequence[Spread], note: str = "") -> Figure:
    """One figure of several rounds: single values as they are, of a larger round its three numbers."""
    values: list[float] = []
    for spread in spreads:
        values += [spread.median] if spread.n == 1 else [spread.low, spread.median, spread.high]
    return Figure(case, who, unit, tuple(values), note)


def table(figures: Iterable[Figure]) -> str:
    """The figures as a markdown table."""
    lines = ["| what | who | min | median | max | n | unit | |", "|---|---|---:|---:|---:|---:|---|---|"]
    last = ""
    for figure in figures:
        case, last = ("" if figure.case == last else figure.case), figure.case
        numbers = (shown(min(figure.values)), f"**{shown(figure.median)}**", shown(max(figure.values)))
        lines.append(
            f"| {case} | {figure.who} | {' | '.join(numbers)} | {len(figure.values)} | {figure.unit} | {figure.note} |"
        )
    return "\n".join(lines)


def shown(value: float) -> str:
    """Three digits that matter, thousands set apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    model = "unknown processor"
    if os.path.exists("/proc/cpuinfo"):
        with open("/proc/cpuinfo", encoding="utf-8") as facts:
            model = next((line.partition(":")[2].strip() for line in facts if line.startswith("model name")), model)
    packages = ("aiohttp", "aiosqlite", "watchfiles", "workers-runtime-sdk", "workers-sandbox")
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load before": round(os.getloadavg()[0], 2),
        "packages": {name: version(name) for name in packages},
    }


def machine_line(facts: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in facts["packages"].items())
    return (
        f"{facts['cores']} cores ({facts['processor']}, {facts['system']}), Python {facts['python']}, {packages}; "
        f"load before the run {facts['load before']}."
    )


def as_json(figures: Iterable[Figure], facts: dict[str, Any]) -> dict[str, Any]:
    return {"machine": facts, "figures": [asdict(figure) | {"median": figure.median} for figure in figures]}
