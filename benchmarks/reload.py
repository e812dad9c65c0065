"""Saving a worker's file to the first answer that shows it, polled every 2 ms: code, helpers, vars, configuration, data."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator
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


def rounds_of(
    port: int, source: Path, text: Callable[[str], str], path: str, label: str, rounds: int
) -> tuple[float, ...]:
    """Milliseconds of each round: the file is written in place, then asked for until it answers with the new word."""
    found = []
    for at in range(rounds):
        word = f"v{at + 1}-{label}"
        time.sleep(REST_S)
        began = time.perf_counter()
        source.write_text(text(word), encoding="utf-8")
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


# A worker that answers with a word out of each kind of file there is to save.
WORDS = """import helper
from pathlib import Path
from workers import Response, WorkerEntrypoint

DATA = (Path(__file__).parent / "data.txt").read_text()


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(" ".join(["{word}", helper.WORD, self.env.SECRET, self.env.PLAIN, DATA]))
"""
WRANGLER = {
    "name": "a",
    "main": "src/entry.py",
    "compatibility_date": "2026-11-01",
    "compatibility_flags": ["python_workers"],
}
SAVED: dict[str, tuple[str, Callable[[str], str]]] = {
    "the main module": ("src/entry.py", lambda word: WORDS.format(word=word)),
    "a helper it imports": ("src/helper.py", lambda word: f'WORD = "{word}"\n'),
    ".dev.vars": (".dev.vars", lambda word: f"SECRET={word}\n"),
    "the wrangler file": ("wrangler.jsonc", lambda word: json.dumps({**WRANGLER, "vars": {"PLAIN": word}})),
    "a data file": ("src/data.txt", lambda word: word),
}


def kinds(workers: int, rounds: int) -> dict[str, tuple[float, ...]]:
    """Milliseconds of each round for each kind of file, of one worker among `workers`."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        project = write_project(Path(folder), port, workers=workers)
        root = project / "workers" / "a"
        for path, text in SAVED.values():
            (root / path).write_text(text("none"), encoding="utf-8")
        with Up(project, port):
            return {
                kind: rounds_of(port, root / path, text, "/", kind.replace(" ", "_").strip("."), rounds)
                for kind, (path, text) in SAVED.items()
            }


def measure(peers: Peers, rounds: int) -> Iterator[Figure]:
    for workers in (1, 6):
        for kind, found in kinds(workers, rounds).items():
            yield figure(
                f"save to answer, {workers} worker{'s' if workers > 1 else ''}, {kind}", "sandbox", "ms", found
            )
    ours = {}
    for case, workers, name, path in ((ALONE, 1, "a", "/"), (BOUND, 6, "c", "/hop_all"), (ENTRY, 6, "a", "/")):
        with tempfile.TemporaryDirectory() as folder:
            port = free_port()
            bench = OWN_BENCH_WORKER if workers > 1 else None
            project = write_project(Path(folder), port, workers=workers, bench=bench)
            with Up(project, port):
                source = project / "workers" / name / "src" / "entry.py"
                ours[case] = rounds_of(port, source, lambda word: HELLO.format(text=word), path, name, rounds)
    lines = peers.run("reload.py", rounds)
    for case in (ALONE, ENTRY, BOUND):
        yield figure(case, "sandbox", "ms", ours[case])
        for line in lines:
            if PEERS.get(line.label.removesuffix("ms").strip()) == case:
                yield printed(case, "wrangler dev", "ms", [line.spread], "JavaScript")
