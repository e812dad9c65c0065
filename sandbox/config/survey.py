"""Where the workers of a repository lie that was laid out without us: every folder below that holds a wrangler file.

Imported by the pytest plugin for every test suite, so it imports nothing of ours.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

WRANGLER_FILES = ("wrangler.json", "wrangler.jsonc", "wrangler.toml")
"""In the order in which wrangler looks for them."""
DEPTH = 3
"""`packages/workers/api` is found, what lies deeper is not."""
MOST_FOLDERS = 2000
"""Folders looked into at most: a home directory is no project."""
_SKIPPED = frozenset({"node_modules", "python_modules", "site-packages", "__pycache__", "venv", "env", "dist", "build", "target",
                      "out", "vendor", "kv_data", "fixtures"})  # fmt: skip


def workers_below(root: Path) -> list[Path]:
    """The nearest folders below `root`, up to three deep, that hold a wrangler file; sorted.

    Hidden folders, links, installed packages, build results and what lies inside a worker's folder are passed over.
    """
    found: list[Path] = []
    level = [str(root)]
    looked = 0
    for _ in range(DEPTH):
        deeper: list[str] = []
        for folder in level:
            for path in _folders(folder):
                looked += 1
                if looked > MOST_FOLDERS:
                    return sorted(found)
                if any(os.path.isfile(os.path.join(path, name)) for name in WRANGLER_FILES):  # noqa: PTH113, PTH118
                    found.append(Path(path))
                else:
                    deeper.append(path)
        level = deeper
    return sorted(found)


def patterns_for(root: Path, folders: list[Path]) -> tuple[str, ...]:
    """The `include` that finds these folders and their future neighbours: `apps/*`."""
    return tuple(dict.fromkeys((folder.parent.relative_to(root) / "*").as_posix() for folder in folders))


def _folders(path: str) -> Iterator[str]:
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                name = entry.name
                if name not in _SKIPPED and not name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    yield entry.path
    except OSError:  # gone meanwhile, or not ours to read
        return
