"""What changes on disk while a sandbox is up: sandbox.toml, a worker's configuration, worker folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.config.load import Loaded
from sandbox.config.models import SandboxConfig, WorkerConfig
from sandbox.config.problems import ConfigError
from sandbox.errors import UserError
from sandbox.loader.watch import Watcher

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox

NEEDS_RESTART = ("ip", "port", "state", "on_error", "isolates")


class Changes:
    """Reads the configuration again by `reread` (None: it stays as it was at the start) and has it taken up."""

    def __init__(self, sandbox: Sandbox, reread: Callable[[], Loaded] | None) -> None:
        self._sandbox = sandbox
        self._reread = reread
        self._told: list[str] = []
        self._watcher: Watcher | None = None

    async def watch(self, *, saved_since: float) -> None:
        """Reload what is saved from now on, and what was saved after `saved_since` (seconds since the epoch, by files)
        while it was being loaded and nobody watched."""
        sandbox, wanted = self._sandbox, self._reread is not None
        self._watcher = Watcher(
            sandbox.workers,
            sandbox_toml=sandbox.config.path or sandbox.config.root / "sandbox.toml",
            on_sandbox_toml=self.sandbox_toml if wanted else None,
            search=lambda: sandbox.config.search,
            on_folders=self.folders if wanted else None,
            ignore=[sandbox.config.state],
            scratch=sandbox.config.state,
            emit=sandbox.events.emit,
        )
        await self._watcher.start()
        for name in sandbox.workers.names():
            generation = sandbox.workers.generation(name)
            files = [*(generation.files if generation else ()), *map(str, sandbox.workers.config(name).watched)]
            if any(_saved_at(path) > saved_since for path in files):
                await sandbox.workers.reload(name)

    async def close(self) -> None:
        """Watch no more."""
        if self._watcher is not None:
            await self._watcher.close()
            self._watcher = None

    def worker_config(self, folder: Path) -> WorkerConfig:
        """One worker's configuration before its reload, by the same choices as at the start.

        Raises ConfigError, and UserError where the folder holds no worker any more."""
        if self._reread is None:
            return _in_folder(self._sandbox.config, folder)
        found = _in_folder(self._reread().config, folder)
        self._sandbox.take_worker(found)
        return found

    async def sandbox_toml(self) -> None:
        """Take up a changed sandbox.toml: pipelines, routes, settings, workers that came or went. What only a restart
        can change (port, state folder) is said. A file with errors changes nothing and is said too."""
        loaded = self._read()
        if loaded is None:
            return
        old, new = self._sandbox.config, loaded.config
        restart = [key for key in NEEDS_RESTART if getattr(old, key) != getattr(new, key)]
        await self._take_up(new)
        warnings = [str(warning) for warning in loaded.warnings]
        self._sandbox.events.emit("config", warnings=warnings, restart=restart)

    async def folders(self) -> None:
        """A folder came or went where workers are looked for. One that is being copied may not be whole yet: its
        problems are said once, and it is looked at again with each of its changes."""
        loaded = self._read(again=False)
        if loaded is not None and loaded.config.workers.keys() != self._sandbox.config.workers.keys():
            await self._take_up(loaded.config)

    async def _take_up(self, new: SandboxConfig) -> None:
        """Take up a configuration that was read again: routes, pipelines, workers that came or went."""
        sandbox = self._sandbox
        old = sandbox.config.workers
        for name in [name for name in old if name not in new.workers]:
            await sandbox.workers.remove(name)
            sandbox.events.emit("worker.gone", worker=name)
        await sandbox.configure(new)
        for name in [name for name in new.workers if name not in old]:
            await sandbox.workers.add(new.workers[name])
            sandbox.events.emit("worker.new", worker=name, url=sandbox.url_of(name))

    def _read(self, *, again: bool = True) -> Loaded | None:
        """None where it has problems, which are said (those said last only `again`)."""
        assert self._reread is not None
        try:
            loaded = self._reread()
        except ConfigError as error:
            problems = [str(problem) for problem in error.problems]
            if again or problems != self._told:
                self._sandbox.events.emit("config.failed", problems=problems)
            self._told = problems
            return None
        self._told = []
        return loaded


def _saved_at(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0  # it is not there, and was not when the worker was loaded


def _in_folder(config: SandboxConfig, folder: Path) -> WorkerConfig:
    found = next((worker for worker in config.workers.values() if worker.root == folder), None)
    if found is None:
        raise UserError(f"{folder} holds no worker of this sandbox any more", code="worker_gone")
    return found
