"""Where a project of workers lies. Imported for every test suite, so it imports nothing of ours."""

from __future__ import annotations

import functools
import os
from pathlib import Path

import pytest

_WRANGLER = ("wrangler.toml", "wrangler.json", "wrangler.jsonc")


def chosen_config(config: pytest.Config) -> Path | None:
    """What the ini option `sandbox_config` names, relative to the ini file."""
    ini = config.getini("sandbox_config")
    base = config.inipath.parent if config.inipath is not None else config.rootpath
    return base / ini if ini else None


@functools.cache
def find_project(folder: Path) -> Path | None:
    """The folder of the nearest sandbox.toml from `folder` upwards; without one the nearest that holds workers in
    `workers/*`, or a wrangler file. A worker that lies in `workers/` belongs to the project around that."""
    folders = (folder, *folder.parents)
    for each in folders:
        if os.path.isfile(each / "sandbox.toml"):  # noqa: PTH113 - pathlib's is slower, and this runs for every suite
            return each
    for each in folders:
        if _holds_workers(each):
            return each
        if _is_worker(each):
            outer = each.parent.parent
            return outer if each.parent.name == "workers" else each
    return None


def _is_worker(folder: Path) -> bool:
    return any(os.path.isfile(folder / name) for name in _WRANGLER)  # noqa: PTH113


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
