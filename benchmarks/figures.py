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
class Spread:
    """Numbers of which only the extremes, the median and how many there were are known (a script printed them)."""

    low: float
    median: float
    high: float
    n: int


@dataclass(frozen=True)
class Figure:
    """One row: `case` is what was done, `who` did it, `unit` is what the numbers are in.

    `values` are the single ones where they are known; `note` says what else is to be known.
    """

    case: str
    who: str
    unit: str
    spread: Spread
    values: tuple[float, ...] = ()
    note: str = ""


def figure(case: str, who: str, unit: str, values: Sequence[float], note: str = "") -> Figure:
    """A figure of single values."""
    spread = Spread(min(values), statistics.median(values), max(values), len(values))
    return Figure(case, who, unit, spread, tuple(values), note)


def printed(case: str, who: str, unit: str, spreads: Sequence[Spread], note: str = "") -> Figure:
    """A figure of what a script printed: several rounds of one value each, or one round of several."""
    if len(spreads) == 1:
        return Figure(case, who, unit, spreads[0], note=note)
    return figure(case, who, unit, [spread.median for spread in spreads], note)


def table(figures: Iterable[Figure]) -> str:
    """The figures as a markdown table."""
    lines = ["| what | who | min | median | max | n | unit | |", "|---|---|---:|---:|---:|---:|---|---|"]
    last = ""
    for row in figures:
        case, last = ("" if row.case == last else row.case), row.case
        found = row.spread
        numbers = f"{shown(found.low)} | **{shown(found.median)}** | {shown(found.high)} | {found.n}"
        lines.append(f"| {case} | {row.who} | {numbers} | {row.unit} | {row.note} |")
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
    return {"machine": facts, "figures": [asdict(row) for row in figures]}
