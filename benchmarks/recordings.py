"""What recording costs an execution: `feed_report` of this repository and a stage that does nothing, with and without.

python benchmarks/recordings.py
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox
from sandbox.orchestrator import recordings

NOTHING = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "nothing"

    async def process(self, job):
        return {}
"""
WRANGLER = """name = "nothing"
main = "src/entry.py"
compatibility_date = "2026-11-01"
compatibility_flags = ["python_workers"]
kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "p" }, { binding = "RESULT_CACHE", id = "r" }]
"""
ROOT = Path(__file__).parents[1]
real_keep = recordings.keep


async def measure(root: Path, name: str, times: int) -> tuple[float, float, float]:
    """Milliseconds of an execution (median), of writing its recordings, and kB of the journal per execution."""
    spent: list[float] = []

    def keep(*args: object) -> None:
        began = time.perf_counter()
        real_keep(*args)  # type: ignore[arg-type]
        spent.append(time.perf_counter() - began)

    with tempfile.TemporaryDirectory() as state:
        loaded = load_sandbox(root, overrides={"state": state})
        async with Sandbox(loaded, serve=False, watch=False) as sandbox:
            await sandbox.run(name)
            recordings.keep = keep
            took = [(await sandbox.run(name))["duration_ms"] for _ in range(times)]
            recordings.keep = real_keep
            journal = sandbox.orchestrator._journal.database
            (size,) = journal.query("SELECT sum(length(data)) FROM recording")[0]
            (bodies,) = journal.query(
                "SELECT sum(size_bytes) FROM content WHERE sha256 IN (SELECT sha256 FROM recorded_body)"
            )[0]
    return statistics.median(took), 1000 * sum(spent) / times, (size + bodies) / 1000 / (times + 1)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "workers", "nothing", "src")
        source.mkdir(parents=True)
        (source / "entry.py").write_text(NOTHING)
        (source.parent / "wrangler.toml").write_text(WRANGLER)
        for root, name, times in ((Path(folder), "nothing", 100), (ROOT, "feed_report", 10)):
            took, keeping, size = await measure(root, name, times)
            print(
                f"{name}: {took:.1f} ms an execution; its recordings {keeping:.2f} ms on the writer's thread, {size:.1f} kB"
            )


asyncio.run(main())
