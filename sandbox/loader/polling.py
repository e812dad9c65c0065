"""Looks at folders again and again, where nothing tells of changes.

Not watchfiles' own polling: that compares whole seconds of the modification time, and misses the second save of a second.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable
from pathlib import Path

from watchfiles import Change

_Signature = tuple[int, int, int]


async def polled(folders: Iterable[Path], every: float) -> AsyncGenerator[set[tuple[Change, str]], None]:
    """The changes of what lies directly in the folders, looked for `every` so many seconds."""
    known = _look(folders)
    while True:
        await asyncio.sleep(every)
        # In a thread: a network mount may take its time.
        now = await asyncio.to_thread(_look, folders)
        changes = {(Change.added, path) for path in now.keys() - known.keys()}
        changes |= {(Change.deleted, path) for path in known.keys() - now.keys()}
        changes |= {(Change.modified, path) for path in now.keys() & known.keys() if now[path] != known[path]}
        known = now
        if changes:
            yield changes


def _look(folders: Iterable[Path]) -> dict[str, _Signature | None]:
    found: dict[str, _Signature | None] = {}
    for folder in folders:
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    found[entry.path] = _signature(entry)
        except OSError:
            continue  # it is gone: so is all that was in it
    return found


def _signature(entry: os.DirEntry[str]) -> _Signature | None:
    """None for a folder: what changes in it is seen where it is looked at itself."""
    try:
        if entry.is_dir():
            return None
        stat = entry.stat()
    except OSError:
        return (0, 0, 0)
    return (stat.st_mtime_ns, stat.st_size, stat.st_ino)
