"""What the event log costs a hello request: two sandboxes, with it and without, asked in turn."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from figures import Figure, figure
from peers import Peers
from projects import write_project
from servers import Up, free_port, get
from throughput import WARM_UP, wrk

CONNECTIONS = (1, 32)
TICKS = os.sysconf("SC_CLK_TCK")


def processor(up: Up) -> float:
    """Seconds of processor time that the process has taken, its writing thread's included."""
    fields = Path(f"/proc/{up.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def measure(_: Peers, rounds: int) -> Iterator[Figure]:
    """`rounds` pairs for each number of connections. Both are up all the time; who is first in a pair alternates."""
    if shutil.which("wrk") is None:
        print("  wrk is not installed: no cost of the event log", file=sys.stderr)
        return
    with ExitStack() as stack:
        ups = {}
        for name, setting in (("on", ""), ("off", "\n[events]\nenabled = false\n")):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            port = free_port()
            project = write_project(folder, port, workers=1)
            with (project / "sandbox.toml").open("a", encoding="utf-8") as file:
                file.write(setting)
            ups[name] = stack.enter_context(Up(project, port))
            for _ in range(WARM_UP):
                get(port)
        for connections in CONNECTIONS:
            rates: dict[str, list[float]] = {"on": [], "off": []}
            costs: dict[str, list[float]] = {"on": [], "off": []}
            for round_ in range(rounds):
                for name in ("on", "off") if round_ % 2 else ("off", "on"):
                    before = processor(ups[name])
                    rate, _ = wrk(ups[name].port, connections, seconds=2)
                    rates[name].append(rate)
                    costs[name].append((processor(ups[name]) - before) / (rate * 2) * 1e6)
            case = f"hello, {connections} connection{'s' if connections > 1 else ''}"
            for name in ("on", "off"):
                yield figure(f"{case}, event log", name, "requests/s", rates[name])
            for name in ("on", "off"):
                yield figure(f"{case}, processor time", f"log {name}", "us", costs[name])
            for what, found, more in (("time", rates, ("off", "on")), ("processor time", costs, ("on", "off"))):
                ratios = [(a / b - 1) * 100 for a, b in zip(found[more[0]], found[more[1]], strict=True)]
                yield figure(f"{case}, what the log adds to its {what}", "sandbox", "%", ratios)
