"""Where a project of workers lies. Imported for every test suite, so it imports next to nothing of ours."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

from sandbox.config.survey import WRANGLER_FILES, workers_below

_REPOSITORY = (".git", "pyproject.toml", "uv.lock", "package.json")


def chosen_config(config: pytest.Config) -> Path | None:
    """What the ini option `sandbox_config` names, relative to the ini file."""
    ini = config.getini("sandbox_config")
    base = config.inipath.parent if config.inipath is not None else config.rootpath
    return base / ini if ini else None


@functools.cache
def find_project(folder: Path) -> Path | None:
    """The folder of the nearest sandbox.toml from `folder` upwards; without one the nearest that holds workers in
    `workers/*`, or a wrangler file, or is a repository with workers in it. A worker that lies in `workers/`, or in a
    repository with others, belongs to the project around that."""
    folders = (folder, *folder.parents)
    for each in folders:
        if os.path.isfile(each / "sandbox.toml"):  # noqa: PTH113 - pathlib's is slower, and this runs for every suite
            return each
    for each in folders:
        if _holds_workers(each):
            return each
        if _is_worker(each):
            return each.parent.parent if each.parent.name == "workers" else _with_others(each)
    return next((each for each in folders if _is_repository(each) and workers_below(each)), None)


def _with_others(worker: Path) -> Path:
    """The repository that holds this worker and others; the worker's own folder where there is none."""
    for each in worker.parents:
        if _is_repository(each):
            below = workers_below(each)
            if worker in below and len(below) > 1:
                return each
    return worker


def _is_repository(folder: Path) -> bool:
    return any(os.path.exists(folder / name) for name in _REPOSITORY)  # noqa: PTH110


def _is_worker(folder: Path) -> bool:
    return any(os.path.isfile(folder / name) for name in WRANGLER_FILES)  # noqa: PTH113


def _holds_workers(folder: Path) -> bool:
    workers = folder / "workers"
    return workers.is_dir() and any(_is_worker(each) for each in workers.iterdir())


def tests_among_workers(root: Path) -> bool:
    """Whether test files lie below `workers/` in a test suite's root folder."""
    folder = root / "workers"
    return folder.is_dir() and any(
        (each / "tests").is_dir() or any(each.glob("test_*.py")) or (each / "conftest.py").is_file()
        for each in folder.iterdir()
    )
