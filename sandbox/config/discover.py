"""Where things are: sandbox.toml, the worker folders, the state folder."""

from __future__ import annotations

import glob
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.config import sandbox_toml, survey, wrangler
from sandbox.config.documents import read_document
from sandbox.config.problems import ConfigError, Problems
from sandbox.config.tables import Table


def find_sandbox_toml(start: Path) -> Path | None:
    """The nearest sandbox.toml from `start` upwards."""
    start = start.absolute()
    return next((path for folder in (start, *start.parents) if (path := folder / sandbox_toml.FILE).is_file()), None)


def find_root(start: Path) -> Path:
    """The folder everything is relative to where there is no sandbox.toml: `start` when it or a folder below holds a
    worker, else the nearest folder upwards with a wrangler file (as wrangler looks), else `start`."""
    start = start.absolute()
    if worker_folders(start, default_include(start)):
        return start
    return next((folder for folder in (start, *start.parents) if wrangler.wrangler_file(folder)), start)


def default_include(root: Path) -> tuple[str, ...]:
    """Where workers are looked for that no sandbox.toml includes: `workers/*`; where that and `root` itself hold none,
    beside those that are found below (`apps/*`)."""
    default = sandbox_toml.DEFAULT_INCLUDE
    if wrangler.wrangler_file(root) is not None or worker_folders(root, default):
        return default
    return survey.patterns_for(root, survey.workers_below(root)) or default


def find_state(
    start: Path,
    *,
    persist_to: Path | None = None,
    config_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Path:
    """The state folder: `persist_to`, else `$SANDBOX_STATE` (both relative to `start`), else `state` of the nearest
    sandbox.toml upwards (relative to it), else `kv_data` beside it or, without one, in the root folder. A worker's folder
    without state of its own has that of the repository around it, where its workers were served together.

    Reads nothing but that key, so that commands find a sandbox whose workers are broken. Raises ConfigError where
    sandbox.toml is absent, cannot be parsed or has a wrong `state`. The folder need not exist.
    """
    start = start.absolute()
    chosen = persist_to or (os.environ if environ is None else environ).get("SANDBOX_STATE")
    if chosen:
        return normal(start / chosen)
    path = start / config_file if config_file is not None else find_sandbox_toml(start)
    if path is None:
        return _state_without_file(find_root(start))
    problems = Problems()
    if not path.is_file():
        problems.error(path, "", "does not exist")
    table = Table(read_document(path, problems) or {}, path, "", problems).table("sandbox")
    state = table.text("state") if table is not None else None
    if problems.errors:
        raise ConfigError(problems.found)
    return normal(path.parent / (state or sandbox_toml.DEFAULT_STATE))


def _state_without_file(root: Path) -> Path:
    own = root / sandbox_toml.DEFAULT_STATE
    if not own.exists() and wrangler.wrangler_file(root) is not None:
        for folder in root.parents:
            shared = folder / sandbox_toml.DEFAULT_STATE
            if shared.is_dir() and root in worker_folders(folder, default_include(folder)):
                return shared
    return own


def new_workers_folder(start: Path, *, config_file: Path | None = None) -> tuple[Path, Path]:
    """The root folder, and the one in it where a new worker goes: the first that `include` looks in. Neither needs to
    exist. Raises ConfigError where sandbox.toml is absent, cannot be parsed or has a wrong `include`."""
    path = start / config_file if config_file is not None else find_sandbox_toml(start)
    if path is None:
        root = find_root(start)
        return root, search_folders(root, default_include(root))[0]
    problems = Problems()
    if not path.is_file():
        problems.error(path, "", "does not exist")
    table = Table(read_document(path, problems) or {}, path, "", problems).table("sandbox")
    include = table.strings("include") if table is not None else None
    if problems.errors:
        raise ConfigError(problems.found)
    root = normal(path.parent)
    found = search_folders(root, include or default_include(root)) or search_folders(root, sandbox_toml.DEFAULT_INCLUDE)
    return root, found[0]


def worker_folders(root: Path, include: Sequence[str]) -> list[Path]:
    """The folders that match one of the patterns and hold a wrangler file, sorted within each pattern, each once."""
    found: dict[Path, None] = {}
    for pattern in include:  # Path.glob takes neither absolute patterns nor sorts
        for name in sorted(glob.glob(pattern, root_dir=root, recursive=True)):  # noqa: PTH207
            folder = normal(root / name)
            if folder.is_dir() and wrangler.wrangler_file(folder) is not None:
                found[folder] = None
    return list(found)


def search_folders(root: Path, include: Sequence[str]) -> tuple[Path, ...]:
    """The folders in which the patterns look for worker folders: what stands before each pattern's first wildcard."""
    found: dict[Path, None] = {}
    for pattern in filter(is_pattern, include):
        parts = Path(pattern).parts
        plain = next(number for number, part in enumerate(parts) if glob.has_magic(part))
        found[normal(root.joinpath(*parts[:plain]))] = None
    return tuple(found)


def is_pattern(text: str) -> bool:
    """Whether an `include` entry has wildcards (then it may match nothing) or names one folder (then it must exist)."""
    return glob.has_magic(text)


def normal(path: Path) -> Path:
    """Absolute, without `.` and `..`, links left as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links
