"""The module of this name that the official test files import: in place of `pywrangler dev` it starts `sandbox up`."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PATIENCE_S = 60


@dataclass(frozen=True)
class CompatConfig:
    """A compatibility date, and the Python that Cloudflare runs for it (ours is the one this runs under)."""

    compat_date: str
    python_version: str


COMPAT_CONFIGS = [CompatConfig("2026-11-01", "3.14")]


class Server:
    """`sandbox up` on a copy of a worker project; asks it for the outcome of a suite, once."""

    def __init__(self, process: subprocess.Popen[bytes], console: Path) -> None:
        self._process = process
        self._console = console
        self._outcomes: dict[str, Any] = {}
        port = self._said(r"is up at http://localhost:(\d+)")
        with urllib.request.urlopen(f"http://localhost:{port}/api/workers", timeout=PATIENCE_S) as answer:
            [worker] = json.load(answer)["workers"]
        self._base = f"http://localhost:{port}/workers/{worker['name']}"

    def _said(self, pattern: str) -> str:
        assert self._process.stdout is not None
        told = b""
        for line in self._process.stdout:
            told += line
            found = re.search(pattern, line.decode())
            if found is not None:
                return found.group(1)
        pytest.fail(f"sandbox up ended:\n{told.decode()}")

    def outcome(self, suite: str) -> dict[str, dict[str, str]]:
        if suite not in self._outcomes:
            try:
                with urllib.request.urlopen(f"{self._base}/run-tests/{suite}", timeout=PATIENCE_S) as answer:
                    self._outcomes[suite] = json.load(answer)
            except urllib.error.HTTPError as error:
                self._outcomes[suite] = {"request": {"status": "failed", "detail": error.read().decode()}}
        found: dict[str, dict[str, str]] = self._outcomes[suite]
        return found


@pytest.fixture(scope="module")
def dev_server(
    worker_project_dir: Path, compat_config: CompatConfig, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    scratch = tmp_path_factory.mktemp(worker_project_dir.name)
    project = scratch / worker_project_dir.name
    shutil.copytree(worker_project_dir, project)
    wrangler = project / "wrangler.jsonc"
    wrangler.write_text(wrangler.read_text().replace("%COMPAT_DATE", compat_config.compat_date))
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "up", "--port", "0", "--no-reload", "--persist-to", scratch / "state"],
        cwd=project,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        yield Server(process, scratch / "console")
    finally:
        process.kill()  # a suite leaves a stream unread, for which a stop would wait
        process.communicate(timeout=PATIENCE_S)


def register_in_worker_suites(
    namespace: dict[str, Any], src_dir: Path, marks: dict[str, pytest.MarkDecorator] | None = None
) -> None:
    """Give the calling test module one test for each that lies in the worker's folder: `test_SUITE__NAME`."""
    for path in sorted(src_dir.glob("test_*.py")):
        suite = path.stem.removeprefix("test_")
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                test = _test(suite, node.name)
                namespace[f"test_{suite}__{node.name}"] = marks[suite](test) if marks and suite in marks else test


def _test(suite: str, name: str) -> Callable[..., None]:
    def test(dev_server: Server) -> None:
        outcome = dev_server.outcome(suite)
        if name not in outcome:
            told = "\n".join(each["detail"] for each in outcome.values() if each["status"] == "failed")
            pytest.fail(f"{name} was not run\n{told}")
        if outcome[name]["status"] == "skipped":
            pytest.skip(outcome[name]["detail"])
        if outcome[name]["status"] == "failed":
            pytest.fail(outcome[name]["detail"])

    return test
