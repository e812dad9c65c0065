"""The example project's tests, run as its people would: pytest in its folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1] / "example_project"


def pytest_there(*arguments: str) -> str:
    """pytest's output in the example project; it must pass."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=PROJECT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments", [("-o", "asyncio_mode=auto"), ("-p", "no:asyncio", "-p", "no:aiohttp")], ids=" ".join
)
def test_it_passes(arguments: tuple[str, ...]) -> None:
    assert "5 passed" in pytest_there(*arguments)
