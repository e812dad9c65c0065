"""Launch of the real command to the first answer of 200, polled every 5 ms over new connections."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, Spread, figure, printed
from peers import Peers
from projects import write_project
from servers import Up, free_port

ROOT = Path(__file__).resolve().parents[1]
REAL = "bitware-feed-fetcher"


def hello(workers: int) -> float:
    """Milliseconds, in a project of its own with an empty state folder."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        project = write_project(Path(folder), port, workers=workers)
        with Up(project, port) as up:
            return up.first_200


def real() -> float:
    """Milliseconds until the Feed Fetcher of this repository answers, all its workers being loaded by then."""
    with tempfile.TemporaryDirectory() as state:
        port = free_port()
        options = ["--port", str(port), "--persist-to", state]
        with Up(ROOT, port, path="/health", host=f"{REAL}.localhost:{port}", options=options) as up:
            return up.first_200


def measure(peers: Peers, rounds: int) -> Iterator[Figure]:
    """Ours and the peers in turn, `rounds` times; a launch before the first round warms the page cache."""
    ours: dict[str, list[float]] = {"1 hello worker": [], "6 hello workers": [], "the workers of this repository": []}
    theirs: dict[str, list[Spread]] = {}
    hello(6)
    real()
    for _ in range(rounds):
        ours["1 hello worker"].append(hello(1))
        ours["6 hello workers"].append(hello(6))
        ours["the workers of this repository"].append(real())
        for line in peers.run("startup.py", 1):
            theirs.setdefault(line.label, []).append(line.spread)
    for case, values in ours.items():
        yield figure(f"start to first 200, {case}", "sandbox", "ms", tuple(values))
        count = case.split()[0] if "hello" in case else "none"
        for label, spreads in theirs.items():
            if f", {count} worker" in label:
                who = label.partition(",")[0].replace("5b", "5")
                yield printed(f"start to first 200, {case}", who, "ms", spreads, "JavaScript")
