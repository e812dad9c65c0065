"""Which changes on disk concern a worker. Nothing here reads more than a name or one file."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from fnmatch import fnmatch
from hashlib import blake2b
from pathlib import Path

from watchfiles import Change

from sandbox.config.models import WorkerConfig

# Never code of a worker; hidden folders and virtual environments (by their pyvenv.cfg) are left out too.
IGNORED_FOLDERS = frozenset({"node_modules", "__pycache__", "python_modules"})
# wrangler's default rules for what is uploaded beside the code.
DEFAULT_DATA = ("**/*.txt", "**/*.html", "**/*.sql", "**/*.bin")
# What editors write beside the file they save: vim's swap files and its 4913 (a test whether it may write there), Emacs'
# locks and #copies#, JetBrains' safe write, Kate, GNOME, and the ~ of half of them.
_TEMPORARY = re.compile(
    r".*~|\.?#.*|\d{4,}|.*___jb_(?:tmp|old|bak)___|.*\.(?:sw[a-z]|tmp|temp|crswap|kate-swp)|\.goutputstream-.*",
    re.DOTALL,
)


def is_temporary(name: str) -> bool:
    """Whether a file of this name is an editor's own, and goes away by itself."""
    return _TEMPORARY.fullmatch(name) is not None


def concerns(
    config: WorkerConfig,
    files: Collection[str],
    opened: Collection[str],
    broken: bool,
    change: Change,
    path: Path,
) -> bool:
    """Whether a change of `path` may change what the worker does.

    That is: its configuration, a module its generation imported (`files`, real paths) or a file it read (`opened`, real
    paths), a folder that held one and is gone, a module that came or went (it may be what an import looks for), any
    module while its newest code does not load, and data files that are uploaded.
    """
    if path in config.watched:
        return True
    if is_temporary(path.name):
        return False
    real = os.path.realpath(path)
    if real in files or real in opened:
        return True
    if change is Change.deleted and any(file.startswith(real + os.sep) for file in (*files, *opened)):
        return True
    try:
        inside = path.relative_to(config.module_root)
    except ValueError:
        return False
    if any(part in IGNORED_FOLDERS or part.startswith(".") for part in inside.parts):
        return False
    if path.suffix == ".py":
        return path.stem.isidentifier() and (broken or change is not Change.modified)
    data = (glob for rule in config.rules for glob in rule.globs if rule.type != "PythonModule")
    return any(_matches(inside, glob) for glob in (*DEFAULT_DATA, *data))


def content(path: str | Path) -> bytes | None:
    """A digest of a file's content, as `Generation.files` has it; None where there is no such file."""
    try:
        return blake2b(Path(path).read_bytes(), digest_size=16).digest()
    except OSError:
        return None


EMPTY = blake2b(b"", digest_size=16).digest()
SAVE_S = 0.15  # so long an empty file may still be in the middle of its save


def saved_meanwhile(read: Mapping[str, bytes], before: Mapping[str, bytes]) -> bool:
    """Whether some file of `read` was in the middle of a save: it holds something else now, or it was empty a moment ago
    and had content `before`. Both are digests by path."""
    for path, digest in read.items():
        if content(path) != digest:
            return True
        if digest == EMPTY and before.get(path, EMPTY) != EMPTY:
            with suppress(OSError):
                if time.time() - Path(path).stat().st_mtime < SAVE_S:
                    return True
    return False


def folders_under(root: Path, ignore: Collection[str]) -> Iterator[Path]:
    """A folder and all below it, without those that hold no code of a worker. `ignore` are real paths."""
    yield root
    for folder, names, _ in os.walk(root):
        here = Path(folder)
        names[:] = [name for name in names if not is_ignored(here / name, ignore)]
        yield from (here / name for name in names)


def is_ignored(folder: Path, ignore: Collection[str]) -> bool:
    """Whether a folder holds no code of a worker: hidden, installed packages, byte code, one of `ignore` (real paths)."""
    if folder.name in IGNORED_FOLDERS or folder.name.startswith("."):
        return True
    return os.path.realpath(folder) in ignore or (folder / "pyvenv.cfg").exists()


def _matches(path: Path, glob: str) -> bool:
    return fnmatch(path.as_posix(), glob) or fnmatch(path.as_posix(), glob.removeprefix("**/"))
