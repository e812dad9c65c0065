"""Memory of the whole process tree, idle for 3 s after 200 requests."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, figure
from peers import Peers
from projects import OWN_BENCH_WORKER, write_project
from servers import Up, free_port, get

WARM_UP = 200
_PRINTED = re.compile(r"^(.+?)\s+RSS total (\d+) MiB, PSS total (\d+) MiB, (\d+) processes", re.MULTILINE)


def measure(peers: Peers, rounds: int) -> Iterator[Figure]:
    printed = peers.print_of("rss.py")
    for workers, path in ((1, "/"), (6, "/hop_all")):
        case = f"memory, {workers} worker{'s' if workers > 1 else ''}"
        found = [ours(workers, path) for _ in range(rounds)]
        note = f"proportional {min(pss for _, pss, _ in found):.0f}, {processes(found[0][2])}"
        yield figure(case, "sandbox", "MiB", tuple(rss for rss, _, _ in found), note)
        for label, rss, pss, count in _PRINTED.findall(printed):
            if f" {workers} worker" in label:
                who = "wrangler dev" if "wrangler" in label else "miniflare 5 API"
                note = f"proportional {pss}, {processes(int(count))}, JavaScript"
                yield figure(case, who, "MiB", (float(rss),), note)


def ours(workers: int, path: str) -> tuple[float, float, int]:
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        bench = OWN_BENCH_WORKER if workers > 1 else None
        with Up(write_project(Path(folder), port, workers=workers, bench=bench), port) as up:
            for _ in range(WARM_UP):
                get(port, path)
            time.sleep(3)
            return up.memory()


def processes(count: int) -> str:
    return f"{count} process{'es' if count > 1 else ''}"
