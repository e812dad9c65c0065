"""Saving a file reloads the worker it belongs to."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from watchfiles import Change

from sandbox.config.models import WorkerConfig
from sandbox.loader import shared
from sandbox.loader.concerns import concerns, content, folders_under, is_ignored, is_temporary
from sandbox.loader.finder import SourceLoader
from sandbox.loader.notices import Changes, Notices
from sandbox.loader.registry import WorkerRegistry
from sandbox.loader.settling import Settling
from sandbox.loader.slot import WorkerStatus
from sandbox.runtime.protocols import Emit, silent

logger = logging.getLogger("sandbox")
GONE_S = 0.15  # so long a file that is gone or empty may still be in the middle of its save,
HALF_S = 0.05  # and one that does not compile
AGAIN_S = 0.005
BURST = 1000
ENOUGH = 20  # of many files that changed together; it takes no more to know that they are many


class Watcher:
    """Watches the folders of a registry's workers and reloads what a change concerns.

    `sandbox_toml` is watched too; `on_sandbox_toml()` is called when it changes. `search()` gives the folders in which
    worker folders may come and go; `on_folders()` is called when something changes there. `ignore` are folders to leave
    out (the state folder). In `scratch` a file is written once to see whether this system tells of changes.
    Events: `watch` (see `Notices`).
    """

    def __init__(
        self,
        registry: WorkerRegistry,
        *,
        sandbox_toml: Path | None = None,
        on_sandbox_toml: Callable[[], Awaitable[None]] | None = None,
        search: Callable[[], Iterable[Path]] = tuple,
        on_folders: Callable[[], Awaitable[None]] | None = None,
        ignore: Iterable[Path] = (),
        scratch: Path | None = None,
        emit: Emit = silent,
    ) -> None:
        self._registry = registry
        self._sandbox_toml = sandbox_toml
        self._on_sandbox_toml = on_sandbox_toml
        self._search = search
        self._on_folders = on_folders
        self._ignore = {os.path.realpath(path) for path in ignore}
        self._scratch = scratch
        self._emit = emit
        self._settling = Settling(self._unfinished)
        # What was in files when they were looked at last: saving them unchanged is no change.
        self._contents: dict[Path, bytes | None] = {}
        self._shared_files: dict[str, str] = {}
        self._again: Changes = set()
        self._reals: dict[Path, str] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when changes are seen."""
        notices = Notices(self._emit)
        folders = self.folders()
        for path in self._configuration():
            self._contents[path] = content(path)
        self._tasks = [
            asyncio.create_task(self._run(notices, folders), name="watch"),
            asyncio.create_task(self._handle_all(set(folders)), name="reload"),
        ]
        if self._scratch is not None:
            self._tasks.append(asyncio.create_task(self._test(notices, self._scratch), name="watch test"))
        # The first steps of the tasks register the folders, without waiting for anything.
        for _ in range(3):
            await asyncio.sleep(0)

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task
        self._tasks = []

    # -- what is watched -----------------------------------------------------------------------------------------

    def folders(self) -> list[Path]:
        """Every folder whose entries may concern a worker."""
        found: set[Path] = set()
        for name in self._registry.names():
            config = self._registry.config(name)
            found.update(folders_under(config.root, self._ignore))
            found.update(path.parent for path in config.watched)
            generation = self._registry.generation(name)
            if generation is not None:
                # also where a link leads, and what was read out of a hidden folder
                found.update(Path(file).parent for file in (*generation.files, *generation.opened))
        found.update(Path(file).parent for file in self._shared())
        if self._sandbox_toml is not None:
            found.add(self._sandbox_toml.parent)
        for folder in self._search():
            found.add(folder)
            for candidate in self._candidates(folder):
                found.update(folders_under(candidate, self._ignore))
        return sorted(path for path in found if path.is_dir())

    def _shared(self) -> dict[str, str]:
        """The files of packages that workers import from outside their folders, each with its package; also those that
        do not import any more."""
        generations = [self._registry.generation(name) for name in self._registry.names()]
        packages = {package for each in generations if each is not None for package in each.shared}
        self._shared_files.update(shared.files_of(packages))
        return self._shared_files

    def _candidates(self, folder: Path) -> Iterator[Path]:
        """Subfolders of a search folder that are no worker yet."""
        known = {self._registry.config(name).root for name in self._registry.names()}
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            return
        yield from (e for e in entries if e.is_dir() and e not in known and not is_ignored(e, self._ignore))

    def _configuration(self) -> Iterator[Path]:
        if self._sandbox_toml is not None:
            yield self._sandbox_toml
        for name in self._registry.names():
            yield from self._registry.config(name).watched

    async def _run(self, notices: Notices, folders: list[Path]) -> None:
        """Listen, anew whenever other folders are to be watched or polling takes over."""
        first = True
        while True:
            if folders:
                self._watching = asyncio.create_task(self._listen(notices, folders), name="watch folders")
                await asyncio.sleep(0)
                if not first:
                    # What came between looking at the folders and watching them.
                    self._settling.add(self._missed())
                    if self._on_folders is not None:
                        await self._on_folders()
                try:
                    await asyncio.wait([self._watching])
                finally:
                    self._watching.cancel()
                if not self._watching.cancelled():
                    self._watching.result()
            else:
                await self._settling.moved.wait()
            self._settling.moved.clear()
            first, folders = False, self.folders()

    async def _listen(self, notices: Notices, folders: list[Path]) -> None:
        async for changes in notices.of(folders):
            self._settling.add(changes)

    def _watch_anew(self) -> None:
        self._settling.moved.set()
        if self._watching is not None:
            self._watching.cancel()

    async def _test(self, notices: Notices, scratch: Path) -> None:
        if not await notices.test_events(scratch):
            self._watch_anew()

    # -- what changed --------------------------------------------------------------------------------------------

    async def _handle_all(self, watched: set[Path]) -> None:
        while True:
            changes = _with_contents(await self._settling.next(self._concerned))
            try:
                await self._handle(changes)
            except Exception:
                # a bug, and no reason to take no further saves
                logger.exception("a change on disk could not be taken up")
            if len(changes) > BURST:
                # so many at once that some may have been dropped on their way
                self._settling.add(self._missed())
            if self._moves_folders(changes, watched):
                now = set(self.folders())
                if now != watched:
                    watched = now
                    self._watch_anew()

    def _moves_folders(self, changes: Changes, watched: set[Path]) -> bool:
        """Whether other folders may have to be watched now: looking at all of them takes a while, and most saves move
        none."""
        for _, path in changes:
            if (
                Path(path) in watched
                or Path(path).is_dir()
                or any(Path(path) == file for file in self._configuration())
            ):
                return True
        generations = [self._registry.generation(name) for name in self._registry.names()]
        files = [file for each in generations if each is not None for file in (*each.files, *each.opened)]
        return any(Path(file).parent not in watched for file in files)

    def _missed(self) -> Changes:
        """The files whose content is not what was loaded."""
        missed: Changes = set()
        for name in self._registry.names():
            generation = self._registry.generation(name)
            broken = self._registry.status(name).error is not None
            for file, digest in generation.files.items() if generation is not None else ():
                expected = self._contents.get(Path(file), digest) if broken else digest
                if expected != b"" and content(file) != expected:
                    missed.add((Change.modified if Path(file).exists() else Change.deleted, file))
        for path in self._configuration():
            if content(path) != self._contents.get(path):
                missed.add((Change.modified, str(path)))
        return missed

    def _concerned(self, changes: Changes) -> set[str]:
        """The paths among `changes` (of many, some) that concern a worker or the sandbox, and differ from what was
        loaded."""
        found: set[str] = set()
        for change, path in changes:
            if len(found) == ENOUGH:
                break
            if any(self._matters(name, change, Path(path)) for name in self._registry.names()) or (
                self._sandbox_toml is not None and path == str(self._sandbox_toml)
            ):
                found.add(path)
        return found

    def _matters(self, name: str, change: Change, path: Path) -> bool:
        """Whether a change concerns the worker and is one: a file saved as it was is none, unless it did not load."""
        config = self._registry.config(name)
        if not self._near(config, path):
            return False
        generation = self._registry.generation(name)
        files = generation.files if generation is not None else {}
        opened = self._registry.opened(name)
        broken = self._registry.status(name).error is not None
        if not concerns(config, files, opened, broken, change, path):
            return False
        if broken:
            return True
        known = files.get(os.path.realpath(path)) or self._contents.get(path)
        return known is None or content(path) != known

    def _near(self, config: WorkerConfig, path: Path) -> bool:
        """Whether a path may concern a worker at all: told without asking the disk, as there may be thousands."""
        text = str(path)
        if text.startswith((str(config.root) + os.sep, self._real(config.root) + os.sep)):
            return True
        return path in config.watched or path == config.root

    def _shared_packages(self, changes: Changes) -> set[str]:
        outside = {os.path.realpath(path) for _, path in changes if path.endswith(".py") and not self._inside(path)}
        known = self._shared() if outside else {}
        return {known[path] for path in outside if path in known}

    def _inside(self, path: str) -> bool:
        configs = [self._registry.config(name) for name in self._registry.names()]
        return any(self._near(config, Path(path)) for config in configs)

    def _real(self, folder: Path) -> str:
        if folder not in self._reals:
            self._reals[folder] = os.path.realpath(folder)
        return self._reals[folder]

    def _unfinished(self, path: str, seconds: float) -> bool:
        """Whether a file looks as if its save were not over: gone or empty where there was something before, or not
        whole code."""
        if seconds > GONE_S:
            return False
        real = os.path.realpath(path)
        known = self._contents.get(Path(path)) is not None or any(
            real in generation.files
            for name in self._registry.names()
            if (generation := self._registry.generation(name)) is not None
        )
        try:
            if not known or Path(path).stat().st_size == 0:
                return known
        except OSError:
            return known
        return path.endswith(".py") and seconds <= HALF_S and not SourceLoader("", path).compiles()

    def _concerns_folders(self, path: Path) -> bool:
        """Whether a change may bring or take a worker: in a search folder, and not inside a worker that stays."""
        if is_temporary(path.name) or not any(path.is_relative_to(folder) for folder in self._search()):
            return False
        for name in self._registry.names():
            root = self._registry.config(name).root
            if path != root and path.is_relative_to(root):
                return not root.is_dir()
        return True

    async def _handle(self, changes: Changes) -> None:
        reread, again = [], []
        for name in self._registry.names():
            config = self._registry.config(name)
            mattering = [Path(path) for change, path in changes if self._matters(name, change, Path(path))]
            if any(path in config.watched for path in mattering) or (mattering and not config.config_path.exists()):
                reread.append(name)
            elif mattering:
                again.append(name)
        for change, path in changes:
            if change is Change.modified and path.endswith(".py"):
                self._not_imported(path, {*again, *reread})
        for package in self._shared_packages(changes):
            await self._registry.reload_shared(package)
        # Code first: it is what somebody waits for, and it needs nothing of what follows.
        for name in again:
            self._take(changes, await self._registry.reload(name, reread=False))
        if self._sandbox_toml is not None and self._on_sandbox_toml is not None:
            wanted = str(self._sandbox_toml)
            if any(path == wanted for _, path in changes) and self._is_news(self._sandbox_toml):
                await self._on_sandbox_toml()
        if self._on_folders is not None and any(self._concerns_folders(Path(path)) for _, path in changes):
            await self._on_folders()
        for name in reread:
            if self._registry.has(name):
                self._take(changes, await self._registry.reload(name))
        for _, path in changes - self._again:
            if not is_temporary(Path(path).name):
                self._remember(Path(path))
        if self._again:
            asyncio.get_running_loop().call_later(AGAIN_S, self._settling.add, self._again)
            self._again = set()

    def _take(self, changes: Changes, status: WorkerStatus) -> None:
        """Look at the changes again in a moment where a save was not over when the worker was reloaded."""
        if not status.settled:
            self._again |= changes

    def _not_imported(self, path: str, reloaded: Collection[str]) -> None:
        """Tell those who may import a file later, and are not loaded anew, that it was saved."""
        for name in self._registry.names():
            if name not in reloaded:
                self._registry.edited(name, path)

    def _is_news(self, path: Path) -> bool:
        return path not in self._contents or content(path) != self._contents[path]

    def _remember(self, path: Path) -> None:
        """Keep what a file holds now, for the next time somebody saves it."""
        if path in self._contents or path.is_file():
            self._contents[path] = content(path)


def _with_contents(changes: Changes) -> Changes:
    """A folder that came brought all that is in it."""
    found = set(changes)
    for change, path in changes:
        if change is Change.added and Path(path).is_dir():
            for folder in folders_under(Path(path), ()):
                found.update((Change.added, str(file)) for file in _files(folder))
    return found


def _files(folder: Path) -> list[Path]:
    try:
        return [entry for entry in folder.iterdir() if entry.is_file()]
    except OSError:
        return []  # gone again
