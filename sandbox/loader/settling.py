"""Changes gathered until a save is over: one reload for a checkout of many files, none for the middle of a save."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.loader.notices import Changes

QUIET_S = 0.03  # after several files changed: so long nothing more
LONGEST_S = 2.0  # but no reload waits longer for it
STEP_S = 0.005
LOCK_S = 10.0  # a lock of git that is older was left behind by one that died


class Settling:
    """Takes changes as they come and gives them out when they have come to rest.

    One file alone is given out at once. `unfinished(path, seconds)` tells that a save of it does not seem to be over,
    `seconds` after its last change was seen. `moved` is set when other folders are to be watched.
    """

    def __init__(self, unfinished: Callable[[str, float], bool]) -> None:
        self._unfinished = unfinished
        self._pending: Changes = set()
        self._seen: dict[str, float] = {}
        self._news = asyncio.Event()
        self.moved = asyncio.Event()

    def add(self, changes: Changes) -> None:
        if changes:
            self._pending |= changes
            self._seen.update(dict.fromkeys((path for _, path in changes), time.monotonic()))
            self._news.set()

    async def next(self, concerned: Callable[[Changes], set[str]]) -> Changes:
        """The next changes. `concerned` gives the paths among some changes that matter: only these are waited for."""
        await self._news.wait()
        began = time.monotonic()
        while (wait := self._wait(concerned, time.monotonic() - began)) > 0:
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), wait)
            except TimeoutError:
                if wait == QUIET_S:
                    break
        changes, self._pending = self._pending, set()
        self._seen.clear()
        self._news.clear()
        return changes

    def _wait(self, concerned: Callable[[Changes], set[str]], waited: float) -> float:
        """How many seconds to wait for more; 0: none."""
        if waited > LONGEST_S:
            return 0.0
        paths = concerned(self._pending)
        if not paths:
            return 0.0
        if any(_git_at_work(path) for path in paths):
            return STEP_S
        now = time.monotonic()
        if any(self._unfinished(path, now - self._seen[path]) for path in paths):
            return STEP_S
        return QUIET_S if len(paths) > 1 else 0.0


def _git_at_work(path: str) -> bool:
    """Whether git is writing the working tree a file lies in: it holds the index's lock until the last file is there."""
    for folder in Path(path).parents:
        git = folder / ".git"
        try:
            if git.is_file():  # a further working tree, or a submodule
                git = folder / git.read_text(encoding="utf-8").removeprefix("gitdir:").strip()
            elif not git.is_dir():
                continue
            return time.time() - (git / "index.lock").stat().st_mtime < LOCK_S
        except (OSError, ValueError):
            return False
    return False
