"""The sources of a worker as they were when it was loaded: what a request imports late is of the same save as the rest."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.loader.concerns import IGNORED_FOLDERS

MANY_ENTRIES = 5000
_KEPT_FILES = 4096
# The content of each source that was read, with what its file looked like then: a reload reads only what changed.
_known: dict[str, tuple[tuple[int, int, int], bytes]] = {}


def sources_under(root: str) -> dict[str, bytes]:
    """Every source in a folder by its path; nothing where there are too many files to look at for each load."""
    if len(_known) > _KEPT_FILES:
        _known.clear()
    found: dict[str, bytes] = {}
    seen, folders = 0, [root]
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    seen += 1
                    if seen > MANY_ENTRIES:
                        return {}
                    if entry.name.startswith("."):
                        continue
                    if entry.name.endswith(".py"):
                        if (source := _read(entry)) is not None:
                            found[entry.path] = source
                    elif (
                        entry.name not in IGNORED_FOLDERS
                        and entry.is_dir(follow_symlinks=False)
                        and not Path(entry.path, "pyvenv.cfg").exists()
                    ):
                        folders.append(entry.path)
        except OSError:
            continue  # gone, or not to be read: an import will say so
    return found


def _read(entry: os.DirEntry[str]) -> bytes | None:
    try:
        stat = entry.stat()
        signature = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = _known.get(entry.path)
        if known is None or known[0] != signature:
            known = _known[entry.path] = (signature, Path(entry.path).read_bytes())
        return known[1]
    except OSError:
        return None
