"""Saving a worker's file to the first answer of the new code, polled every 2 ms."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from figures import Figure, figure, printed
from peers import Peers
from projects import HELLO, OWN_BENCH_WORKER, write_project
from servers import Up, free_port, get

POLL_S = 0.002
REST_S = 0.3
PATIENCE_S = 20.0
ALONE, ENTRY, BOUND = "reload, 1 worker", "reload, 6 workers, the entry edited", "reload, 6 workers, a bound one edited"
PEERS = {
    "wrangler dev 1 worker": ALONE,
    "wrangler dev 6 workers, entry edited": ENTRY,
    "wrangler dev 6 workers, bound worker edited": BOUND,
}


def rounds_on(port: int, source: Path, path: str, rounds: int) -> tuple[float, ...]:
    """Milliseconds of each round: the file is written in place, then asked for until it answers with the new word."""
    found = []
    for at in range(rounds):
        word = f"v{at + 1}-{source.parts[-3]}"
        text = HELLO.format(text=word)
        time.sleep(REST_S)
        began = time.perf_counter()
        source.write_text(text, encoding="utf-8")
        while True:
            status, body = get(port, path)
            if status != 200:
                raise SystemExit(f"a request failed during a reload: {status}")
            if word.encode() in body:
                break
            if time.perf_counter() - began > PATIENCE_S:
                raise SystemExit(f"no reload within {PATIENCE_S:.0f} s")
            time.sleep(POLL_S)
        found.append((time.perf_counter() - began) * 1000)
    return tuple(found)


def measure(peers: Peers, rounds: int) -> Iterator[Figure]:
    ours = {}
    for case, workers, name, path in ((ALONE, 1, "a", "/"), (BOUND, 6, "c", "/hop_all"), (ENTRY, 6, "a", "/")):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            bench = OWN_BENCH_WORKER if workers > 1 else None
            project = write_project(Path(folder), port, workers=workers, bench=bench)
            with Up(project, port):
                ours[case] = rounds_on(port, project / "workers" / name / "src" / "entry.py", path, rounds)
    lines = peers.run("reload.py", rounds)
    for case in (ALONE, ENTRY, BOUND):
        yield figure(case, "sandbox", "ms", ours[case])
        for line in lines:
            if PEERS.get(line.label.removesuffix("ms").strip()) == case:
                yield printed(case, "wrangler dev", "ms", [line.spread], "JavaScript")
