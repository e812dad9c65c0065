"""The example project's tests, run as its people would: pytest in its folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
PROJECT = REPOSITORY / "tests" / "example_project"
WITHOUT_PLUGINS = ("-p", "no:asyncio", "-p", "no:aiohttp", "-p", "no:anyio")


def pytest_there(python: str | Path, folder: Path, *arguments: str) -> str:
    """pytest's output in a folder; it must pass."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [str(python), "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("-o", "asyncio_mode=auto"), pytest.param(WITHOUT_PLUGINS, marks=pytest.mark.nightly)],
    ids=["auto", "none"],
)
def test_it_passes(arguments: tuple[str, ...]) -> None:
    assert "5 passed" in pytest_there(sys.executable, PROJECT, *arguments)


@pytest.mark.nightly
@pytest.mark.timeout(600)
@pytest.mark.parametrize("plugin", ["pytest-aiohttp", "pytest-asyncio", "anyio", None])
def test_it_passes_in_a_fresh_environment(tmp_path: Path, plugin: str | None) -> None:
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    wanted = [str(REPOSITORY), "pytest", "pytest-xdist", *([plugin] if plugin else [])]
    subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True, timeout=300)
    project = tmp_path / "project"
    shutil.copytree(PROJECT, project)
    modes: list[tuple[str, ...]] = [(), ("-n", "2"), ("--import-mode=importlib",)]
    if plugin in ("pytest-aiohttp", "pytest-asyncio"):
        modes += [
            ("-o", "asyncio_mode=auto"),
            ("-o", "asyncio_mode=auto", "-o", "asyncio_default_test_loop_scope=session"),
        ]
    for arguments in modes:
        assert "5 passed" in pytest_there(python, project, *arguments)
