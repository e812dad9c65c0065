"""What changes on disk while a sandbox is up: sandbox.toml, a worker's configuration, worker folders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.config.load import Loaded
from sandbox.config.models import SandboxConfig, WorkerConfig
from sandbox.config.problems import ConfigError
from sandbox.errors import UserError

if TYPE_CHECKING:
    from sandbox.app.sandbox import Sandbox

NEEDS_RESTART = ("ip", "port", "state", "on_error")


class Changes:
    """Reads the configuration again by `reread` (None: it stays as it was at the start) and has it taken up."""

    def __init__(self, sandbox: Sandbox, reread: Callable[[], Loaded] | None) -> None:
        self._sandbox = sandbox
        self._reread = reread
        self._told: list[str] = []

    @property
    def wanted(self) -> bool:
        """Whether configuration is read again at all."""
        return self._reread is not None

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
        await self._sandbox.take_up(new)
        warnings = [str(warning) for warning in loaded.warnings]
        self._sandbox.events.emit("config", warnings=warnings, restart=restart)

    async def folders(self) -> None:
        """A folder came or went where workers are looked for. One that is being copied may not be whole yet: its
        problems are said once, and it is looked at again with each of its changes."""
        loaded = self._read(again=False)
        if loaded is not None and loaded.config.workers.keys() != self._sandbox.config.workers.keys():
            await self._sandbox.take_up(loaded.config)

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


def _in_folder(config: SandboxConfig, folder: Path) -> WorkerConfig:
    found = next((worker for worker in config.workers.values() if worker.root == folder), None)
    if found is None:
        raise UserError(f"{folder} holds no worker of this sandbox any more", code="worker_gone")
    return found
