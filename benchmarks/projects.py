"""Projects to measure, written into a temporary folder: hello workers, and one that is full of micro-benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

NAMES = ("a", "b", "c", "d", "e", "f")
OWN_BENCH_WORKER = Path(__file__).with_name("bench_worker.py")
HELLO = """from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("hello {text}\\n")
"""


def write_project(folder: Path, port: int, *, workers: int, bench: Path | None = None) -> Path:
    """`workers` hello workers (1 or 6), each with a KV namespace; the first answers on `port` of its own.

    With `bench`, that file is the first worker's code, and services B to F lead from it to the others.
    """
    for name in NAMES[:workers]:
        first = name == NAMES[0]
        source = folder / "workers" / name / "src"
        source.mkdir(parents=True)
        code = bench.read_text(encoding="utf-8") if bench is not None and first else HELLO.format(text=f"{name} v0")
        (source / "entry.py").write_text(code, encoding="utf-8")
        config = {
            "name": name,
            "main": "src/entry.py",
            "compatibility_date": "2026-11-01",
            "compatibility_flags": ["python_workers"],
            "kv_namespaces": [{"binding": "KV", "id": f"kv_{name}"}],
        }
        if first:
            config["services"] = [{"binding": other.upper(), "service": other} for other in NAMES[1:workers]]
        (source.parent / "wrangler.jsonc").write_text(json.dumps(config, indent=1), encoding="utf-8")
    text = f'[sandbox]\nport = 0\nstate = "state"\n\n[workers.{NAMES[0]}]\nport = {port}\n'
    (folder / "sandbox.toml").write_text(text, encoding="utf-8")
    return folder
