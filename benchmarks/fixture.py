"""What the pytest fixture costs a test: the same hundred tests without it, with it, and doing something with it.

    python benchmarks/fixture.py [rounds]

Each suite is a process of its own over the example project of the tests. A test's cost is what pytest takes for its
setup, call and teardown, beyond what it takes for an empty test; the first test of a process, which imports, is left
out. The processor's time is taken the same way: it says more where other programs run.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

PROJECT = Path(__file__).parents[1] / "tests" / "example_project"
TESTS = 100
PREAMBLE = """
import json, time, pathlib, pytest
took = []

@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item):
    began, worked = time.perf_counter(), time.process_time()
    result = yield
    took.append((time.perf_counter() - began, time.process_time() - worked))
    return result

def pytest_unconfigure():
    pathlib.Path("took.json").write_text(json.dumps(took))
"""
BODIES = {
    "an empty test": ("n", "pass"),
    "the fixture alone": ("sandbox, n", "pass"),
    "one fetch": ("sandbox, n", 'assert (await sandbox.worker("exchange_rates").fetch("/health")).ok'),
    "a KV put and a fetch that reads it": (
        "sandbox, n",
        'await sandbox.kv("RATES").put("USD", "1.25"); '
        'assert (await sandbox.worker("exchange_rates").fetch("/convert?amount=1&to=USD")).ok',
    ),
    "a pipeline of two stages": (
        "sandbox, n",
        'sandbox.egress.route("https://rates.test/*", json={"rates": {"USD": 1.25}}); '
        'assert (await sandbox.run("invoice", currency="USD", lines=[{"price": 1.0}])).ok',
    ),
}


def suite(folder: Path, arguments: str, body: str) -> list[tuple[float, float]]:
    """Seconds, and the processor's, of each test of a suite."""
    code = f"import pytest\n\n@pytest.mark.parametrize('n', range({TESTS + 1}))\nasync def test_it({arguments}):\n    {body}\n"
    (folder / "tests" / "test_it.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", "asyncio_mode=auto", "tests"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    took: list[tuple[float, float]] = json.loads((folder / "took.json").read_text(encoding="utf-8"))
    return took[1:]


def main(rounds: int) -> None:
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in BODIES}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "project"
        shutil.copytree(PROJECT, folder)
        shutil.rmtree(folder / "workers" / "exchange_rates" / "tests")
        (folder / "tests" / "test_invoice.py").unlink()
        (folder / "conftest.py").write_text(PREAMBLE, encoding="utf-8")
        for _ in range(rounds):
            for name, (arguments, body) in BODIES.items():
                took = suite(folder, arguments, body)
                found[name].append((median(t[0] for t in took) * 1000, sum(t[1] for t in took) / len(took) * 1000))
    empty = min(wall for wall, _ in found["an empty test"]), min(cpu for _, cpu in found["an empty test"])
    print(f"{'':36}{'best ms':>10}{'worst ms':>10}{'processor ms':>14}   (an empty test takes {empty[0]:.1f} ms)")
    for name, values in found.items():
        walls = sorted(wall - empty[0] for wall, _ in values)
        work = min(cpu for _, cpu in values) - empty[1]
        print(f"{name:36}{walls[0]:10.1f}{walls[-1]:10.1f}{work:14.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
