"""What was acknowledged survives `kill -9`: nothing lost, nothing torn, the TTL kept."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.bindings.kv import KvStores
from sandbox.clock import SystemClock

ROOT = Path(__file__).parents[4]

# Puts without end, many at a time, each acknowledged on standard output only after it was awaited.
WRITER = """
import asyncio, sys
from pathlib import Path
from sandbox.bindings.kv import KvStores
from sandbox.clock import SystemClock

def content(name):
    size = 400_000 if name.endswith("7") else 50
    return (name + "|").encode() * (size // (len(name) + 1) + 1)

async def writer(store, lane, run):
    number = 0
    while True:
        number += 1
        name = f"{run}:{lane}:{number}"
        key = f"{lane}:{number % 50}"
        await store.put(key, content(name), expiration_ttl=100_000, metadata=name)
        print(key, name, flush=True)

async def main(folder, run):
    store = KvStores(Path(folder), SystemClock()).get("crash")
    await asyncio.gather(*(writer(store, lane, run) for lane in range(20)))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


def content(name: str) -> bytes:
    size = 400_000 if name.endswith("7") else 50
    return (name + "|").encode() * (size // (len(name) + 1) + 1)


def kill_one(folder: Path, number: int, rng: random.Random) -> dict[str, str]:
    """Run the writer, kill it after some hundred acknowledgements; the last acknowledged name of each key."""
    acknowledged: dict[str, str] = {}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder), str(number)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout is not None
        stop_after = rng.randrange(50, 1500)
        for count, line in enumerate(process.stdout):
            if count == stop_after:
                process.kill()
            if line.endswith("\n"):
                key, name = line.split()
                acknowledged[key] = name
    return acknowledged


async def check(folder: Path, acknowledged: dict[str, str]) -> int:
    stores = KvStores(folder, SystemClock())
    store = stores.get("crash")
    for key, name in acknowledged.items():
        entry = await store.get(key)
        assert entry is not None, f"{key} is lost"
        found = entry.metadata
        run, lane, number = name.split(":")
        found_run, found_lane, found_number = found.split(":")
        # A later write of the same key may have been committed and not acknowledged; an earlier one is a loss.
        assert (found_run, found_lane) == (run, lane), key
        assert int(found_number) >= int(number), key
        assert entry.value == content(found), f"{key} is torn"
        assert entry.expiration is not None
        assert entry.expiration > SystemClock().now() + 90_000
    assert store._opened().damage is None
    assert await store._opened().read(lambda c: c.execute("PRAGMA integrity_check").fetchall()) == [("ok",)]
    await stores.close()
    return len(acknowledged)


def rounds(folder: Path, count: int) -> int:
    rng = random.Random(count)
    total = 0
    for number in range(count):
        acknowledged = kill_one(folder, number, rng)
        assert acknowledged, "the writer never came up"
        total += asyncio.run(check(folder, acknowledged))
    return total


def test_acknowledged_puts_survive_a_few_kills(tmp_path: Path) -> None:
    assert rounds(tmp_path, 3) > 100


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_acknowledged_puts_survive_fifty_kills(tmp_path: Path) -> None:
    assert rounds(tmp_path, 50) > 5000
