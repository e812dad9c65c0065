"""A project folder in the making, and what loading it says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from sandbox.config.load import ConfigError, Loaded, load_sandbox, load_worker
from sandbox.config.models import Problem, WorkerConfig

BASE = {
    "name": "hello",
    "main": "src/entry.py",
    "compatibility_date": "2026-01-01",
    "compatibility_flags": ["python_workers"],
}


class Project:
    """Writes files under a folder and loads them, with an empty process environment unless told."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ: dict[str, str] = {}

    def write(self, name: str, text: str = "") -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
        return path

    def worker(self, folder: str = "workers/hello", /, **changes: Any) -> Path:
        """A good worker, changed: a value of None takes the key out."""
        settings = {**BASE, "name": Path(folder).name, **changes}
        self.write(f"{folder}/src/entry.py")
        document = json.dumps({key: value for key, value in settings.items() if value is not None})
        self.write(f"{folder}/wrangler.json", document)
        return self.root / folder

    def load(self, **arguments: Any) -> Loaded:
        return load_sandbox(self.root, environ=self.environ, **arguments)

    def problems(self, **arguments: Any) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            self.load(**arguments)
        return list(caught.value.problems)

    def load_worker(self, folder: Path, **arguments: Any) -> tuple[WorkerConfig, list[Problem]]:
        config, warnings = load_worker(folder, **{"environ": self.environ, **arguments})
        return config, list(warnings)

    def worker_errors(self, folder: Path, **arguments: Any) -> list[Problem]:
        with pytest.raises(ConfigError) as caught:
            self.load_worker(folder, **arguments)
        return [problem for problem in caught.value.problems if problem.severity == "error"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture
def said() -> Callable[[list[Problem]], list[tuple[str, str]]]:
    """(file name, key) of each problem: where they point."""
    return lambda problems: [(problem.file.name, problem.key) for problem in problems]
