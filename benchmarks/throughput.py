"""Hello per second by wrk, 1 and 32 connections, with the settings of the peers' script."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, Spread, figure, printed
from peers import TUNED, Peers
from projects import write_project
from servers import Up, free_port, get

SECONDS = {1: 4, 32: 8}
WARM_UP = 300


def wrk(port: int, connections: int, *, seconds: int | None = None) -> tuple[float, str]:
    """Requests per second, and the latency of the median as wrk prints it. A failed request is an error."""
    command = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{seconds or SECONDS[connections]}s",
        "--latency",
        f"http://127.0.0.1:{port}/",
    ]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    if "Non-2xx" in printed or "Socket errors" in printed:
        raise SystemExit(f"requests failed:\n{printed}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    half = re.search(r"\n\s+50%\s+(\S+)", printed)
    assert rate is not None and half is not None, printed
    return float(rate.group(1)), half.group(1)


def measure(peers: Peers, rounds: int) -> Iterator[Figure]:
    """Ours and the peers in turn, `rounds` times, each started anew."""
    if shutil.which("wrk") is None:
        print("  wrk is not installed: no throughput", file=sys.stderr)
        return
    ours: dict[int, list[tuple[float, str]]] = {connections: [] for connections in SECONDS}
    theirs: dict[tuple[str, int], list[Spread]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            with Up(write_project(Path(folder), port, workers=1), port):
                for _ in range(WARM_UP):
                    get(port)
                for connections, found in ours.items():
                    found.append(wrk(port, connections))
        for what, who, env in (
            ("wrangler", "wrangler dev", {}),
            ("wrangler", "wrangler dev, tuned", TUNED),
            ("mf", "miniflare 5 API", {}),
        ):
            for line in peers.run("throughput.py", what, 1, env=env):
                connections = 32 if "c=32" in line.label else 1
                theirs.setdefault((who, connections), []).append(line.spread)
    for connections, found in ours.items():
        case = f"hello, {connections} connection{'s' if connections > 1 else ''}"
        median = sorted(found)[len(found) // 2]
        yield figure(case, "sandbox", "requests/s", tuple(rate for rate, _ in found), f"half within {median[1]}")
        for (who, at), spreads in theirs.items():
            if at == connections:
                yield printed(case, who, "requests/s", spreads, "JavaScript")
