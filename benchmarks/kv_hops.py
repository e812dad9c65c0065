"""KV operations inside a worker, and the hop over a service binding; timed outside, a request that does nothing taken off."""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import token_hex

from figures import Figure, figure, printed
from peers import TUNED, Peers
from projects import OWN_BENCH_WORKER, write_project
from servers import Up, free_port, get

N = 2000
SEEDED = 10_000
# What is asked, by the words the peers' script prints for it.
OPERATIONS = {
    "get existing, sequential": ("KV get, one by one", "/get_seq"),
    "get existing, 100 at once": ("KV get, 100 at once", "/get_conc"),
    "put unique, sequential": ("KV put, one by one", "/put_seq"),
    "put unique, 100 at once": ("KV put, 100 at once", "/put_conc"),
}
LIST, HOP = "KV list, 1000 of 10,000", "service hop"


class Asked:
    """The micro-benchmarks of one running worker."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._ask("/seed")
        self._idle = statistics.median(self._ask("/noop")[0] for _ in range(30))

    def _ask(self, path: str) -> tuple[float, dict[str, object]]:
        began = time.perf_counter()
        status, body = get(self._port, path)
        took = time.perf_counter() - began
        if status != 200:
            raise SystemExit(f"{path} answered {status}: {body[:300].decode(errors='replace')}")
        return took, json.loads(body)

    def seconds(self, path: str, n: int) -> float:
        """How long `n` of them take, checked."""
        took, answer = self._ask(f"{path}?n={n}&run={token_hex(4)}")
        if answer["ok"] != n:
            raise SystemExit(f"{path} answered {answer}")
        return took - self._idle

    def listing(self) -> float:
        took, answer = self._ask("/list")
        if answer["ok"] != 1000 or answer["complete"]:
            raise SystemExit(f"/list answered {answer}")
        return took - self._idle


def measure(peers: Peers, rounds: int) -> Iterator[Figure]:
    bench = peers.bench_worker() or OWN_BENCH_WORKER
    ours: dict[str, tuple[float, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        with Up(write_project(Path(folder), port, workers=6, bench=bench), port):
            asked = Asked(port)
            for case, path in OPERATIONS.values():
                asked.seconds(path, 200)
                ours[case] = several(rounds, lambda path=path: N / asked.seconds(path, N))
            asked.seconds("/seed_list", SEEDED)
            ours[LIST] = several(max(rounds, 10), lambda: asked.listing() * 1000)
            asked.seconds("/hop_seq", 200)
            ours[HOP] = several(rounds, lambda: asked.seconds("/hop_seq", N) / N * 1e6)
    theirs = {
        "wrangler dev": peers.run("kv_hops.py", "wrangler", rounds),
        "wrangler dev, tuned": peers.run("kv_hops.py", "wrangler", rounds, env=TUNED),
        "miniflare 5 API": peers.run("kv_hops.py", "mf", rounds),
    }
    for case, values in ours.items():
        unit = {LIST: "ms", HOP: "us"}.get(case, "operations/s")
        yield figure(case, "sandbox", unit, values)
        for who, lines in theirs.items():
            for line in lines:
                if case_of(line.label) == case:
                    yield printed(case, who, unit, [line.spread], "JavaScript")


def several(times: int, once: Callable[[], float]) -> tuple[float, ...]:
    return tuple(once() for _ in range(times))


def case_of(label: str) -> str | None:
    """Our name for a line of the peers' script."""
    for words, (case, _) in OPERATIONS.items():
        if words in label:
            return case
    if "KV list 1000 of 10k" in label:
        return LIST
    return HOP if "service-binding hop" in label else None
