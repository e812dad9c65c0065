"""Saving a file reloads the worker it belongs to."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import aclosing, suppress
from fnmatch import fnmatch
from pathlib import Path

from watchfiles import Change, awatch

from sandbox.config.models import WorkerConfig
from sandbox.loader.registry import WorkerRegistry

# Never code of a worker; hidden folders and virtual environments (by their pyvenv.cfg) are left out too.
IGNORED_FOLDERS = frozenset({"node_modules", "__pycache__", "python_modules"})
# wrangler's default rules for what is uploaded beside the code.
DEFAULT_DATA = ("**/*.txt", "**/*.html", "**/*.sql", "**/*.bin")
DEBOUNCE_MS = 20  # a save is often several events; longer than this an editor does not take between them
STEP_MS = 5


class Watcher:
    """Watches the folders of a registry's workers and reloads what a change concerns.

    `sandbox_toml` is watched too; `on_sandbox_toml()` is called when it changes. `search()` gives the folders in which
    worker folders may come and go; `on_folders()` is called when something changes there. `ignore` are folders to leave
    out (the state folder). WATCHFILES_FORCE_POLLING=1 polls, for file systems without notifications.
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
    ) -> None:
        self._registry = registry
        self._sandbox_toml = sandbox_toml
        self._on_sandbox_toml = on_sandbox_toml
        self._search = search
        self._on_folders = on_folders
        self._ignore = {os.path.realpath(path) for path in ignore}
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when changes are seen."""
        self._task = asyncio.create_task(self._run(), name="watch")
        # The first step of the task registers the folders, without waiting for anything.
        await asyncio.sleep(0)
        if self._task.done():
            await self._task

    async def close(self) -> None:
        self._stop.set()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        first = True
        while not self._stop.is_set():
            folders = self.folders()
            if not folders:
                return
            changes_seen = awatch(
                *folders,
                watch_filter=None,
                debounce=DEBOUNCE_MS,
                step=STEP_MS,
                stop_event=self._stop,
                recursive=False,
                ignore_permission_denied=True,
            )
            # What came between looking at the folders and watching them: asked for when the watching has begun, which
            # is at the first step of the loop below.
            late = None if first else asyncio.create_task(self._look_again())
            first = False
            async with aclosing(changes_seen):
                async for changes in changes_seen:
                    await self._handle(changes)
                    if self.folders() != folders:
                        break  # a folder came or went: watch the new set
            if late is not None:
                await late

    async def _look_again(self) -> None:
        if self._on_folders is not None:
            await self._on_folders()

    def folders(self) -> list[Path]:
        """Every folder whose entries may concern a worker."""
        found: set[Path] = set()
        for name in self._registry.names():
            config = self._registry.config(name)
            found.update(_folders_under(config.root, self._ignore))
            found.update(path.parent for path in config.watched)
        if self._sandbox_toml is not None:
            found.add(self._sandbox_toml.parent)
        for folder in self._search():
            found.add(folder)
            for candidate in self._candidates(folder):
                found.update(_folders_under(candidate, self._ignore))
        return sorted(path for path in found if path.is_dir())

    def _candidates(self, folder: Path) -> Iterator[Path]:
        """Subfolders of a search folder that are no worker yet."""
        known = {self._registry.config(name).root for name in self._registry.names()}
        try:
            entries = sorted(folder.iterdir())
        except OSError:
            return
        yield from (e for e in entries if e.is_dir() and e not in known and not _ignored(e, self._ignore))

    def _concerns_folders(self, path: Path) -> bool:
        """Whether a change may bring or take a worker: in a search folder, and not inside a worker that stays."""
        if not any(path.is_relative_to(folder) for folder in self._search()):
            return False
        for name in self._registry.names():
            root = self._registry.config(name).root
            if path != root and path.is_relative_to(root):
                return not root.is_dir()
        return True

    async def _handle(self, changes: set[tuple[Change, str]]) -> None:
        if self._sandbox_toml is not None and self._on_sandbox_toml is not None:
            wanted = str(self._sandbox_toml)
            if any(path == wanted for _, path in changes):
                await self._on_sandbox_toml()
        if self._on_folders is not None and any(self._concerns_folders(Path(path)) for _, path in changes):
            await self._on_folders()
        for name in self._registry.names():
            config = self._registry.config(name)
            generation = self._registry.generation(name)
            files = generation.files if generation is not None else frozenset()
            broken = self._registry.status(name).error is not None
            if any(concerns(config, files, broken, change, Path(path)) for change, path in changes):
                await self._registry.reload(name)


def concerns(config: WorkerConfig, files: Iterable[str], broken: bool, change: Change, path: Path) -> bool:
    """Whether a change of `path` may change what the worker does.

    That is: its configuration, a module its generation imported (`files`, real paths), a module that came or went (it
    may be what an import looks for), any module while its newest code does not load, and data files that are uploaded.
    """
    if path in config.watched:
        return True
    if os.path.realpath(path) in files:
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


def _matches(path: Path, glob: str) -> bool:
    return fnmatch(path.as_posix(), glob) or fnmatch(path.as_posix(), glob.removeprefix("**/"))


def _folders_under(root: Path, ignore: set[str]) -> Iterator[Path]:
    yield root
    for folder, names, _ in os.walk(root):
        here = Path(folder)
        names[:] = [name for name in names if not _ignored(here / name, ignore)]
        yield from (here / name for name in names)


def _ignored(folder: Path, ignore: set[str]) -> bool:
    if folder.name in IGNORED_FOLDERS or folder.name.startswith("."):
        return True
    return os.path.realpath(folder) in ignore or (folder / "pyvenv.cfg").exists()
