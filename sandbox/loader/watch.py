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

    `sandbox_toml` is watched too; `on_sandbox_toml()` is called when it changes. `ignore` are folders to leave out (the
    state folder). WATCHFILES_FORCE_POLLING=1 polls, for file systems without notifications.
    """

    def __init__(
        self,
        registry: WorkerRegistry,
        *,
        sandbox_toml: Path | None = None,
        on_sandbox_toml: Callable[[], Awaitable[None]] | None = None,
        ignore: Iterable[Path] = (),
    ) -> None:
        self._registry = registry
        self._sandbox_toml = sandbox_toml
        self._on_sandbox_toml = on_sandbox_toml
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
            async with aclosing(changes_seen):
                async for changes in changes_seen:
                    await self._handle(changes)
                    if self.folders() != folders:
                        break  # a folder came or went: watch the new set

    def folders(self) -> list[Path]:
        """Every folder whose entries may concern a worker."""
        found: set[Path] = set()
        for name in self._registry.names():
            config = self._registry.config(name)
            found.update(_folders_under(config.root, self._ignore))
            found.update(path.parent for path in config.watched)
        if self._sandbox_toml is not None:
            found.add(self._sandbox_toml.parent)
        return sorted(path for path in found if path.is_dir())

    async def _handle(self, changes: set[tuple[Change, str]]) -> None:
        if self._sandbox_toml is not None and self._on_sandbox_toml is not None:
            wanted = str(self._sandbox_toml)
            if any(path == wanted for _, path in changes):
                await self._on_sandbox_toml()
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
