"""Which project a test file belongs to, and its configuration: read once in a session, and again when a file changed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sandbox.config.load import Loaded, load_sandbox
from sandbox.config.models import SandboxConfig, WorkerConfig, fold
from sandbox.config.problems import ConfigError, choices
from sandbox.testing.errors import Misuse
from sandbox.testing.places import find_project

_MODES = ("offline", "replay", "record", "online")
# What was read, by sandbox.toml or folder and environment, with how its files looked then.
_read: dict[tuple[Path, Path | None], tuple[dict[str, Any], Loaded]] = {}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What `@pytest.mark.sandbox(...)` and the ini option `sandbox_config` ask for.

    `workers` are the only ones hosted, in the first place the worker under test; `vars` are values over those of the
    wrangler files and of `.dev.vars`; `config` is a sandbox.toml (or a project's folder), `egress` a mode.
    """

    workers: tuple[str, ...] = ()
    vars: Mapping[str, Any] = field(default_factory=dict)
    config: Path | None = None
    egress: str | None = None

    @classmethod
    def of(cls, marks: list[Mapping[str, Any]], config: Path | None, root: Path) -> Wishes:
        """Of a test's marks, the nearest last. Paths are relative to `root`. Raises Misuse for what is unknown."""
        given: dict[str, Any] = {}
        for mark in marks:
            unknown = mark.keys() - {"workers", "vars", "config", "egress"}
            if unknown:
                raise Misuse(
                    f"@pytest.mark.sandbox does not take {', '.join(sorted(unknown))}",
                    hint="it takes workers, vars, config and egress",
                )
            merged = {**given.get("vars", {}), **mark.get("vars", {})}
            given |= {**mark, "vars": merged}
        workers = given.get("workers", ())
        workers = (workers,) if isinstance(workers, str) else tuple(workers)
        chosen = root / given["config"] if given.get("config") is not None else config
        egress = given.get("egress")
        if egress is not None and egress not in _MODES:
            raise Misuse(f"egress={egress!r} is no mode", hint=f"one of {', '.join(_MODES)}")
        return cls(workers, given.get("vars", {}), chosen, egress)


def load_project(test_file: Path, root: Path, wishes: Wishes) -> SandboxConfig:
    """The configuration a test runs on; its state folder is the caller's to choose.

    Raises ConfigError where the files have problems, Misuse where there is no project.
    """
    config_file, start = None, wishes.config
    if start is not None:
        if not start.exists():
            raise Misuse(f"{start} does not exist", hint="name a sandbox.toml, or the folder of a project")
        if start.is_file():
            config_file, start = start, start.parent
    else:
        start = find_project(test_file.parent)
        if start is None:
            raise Misuse(
                f"no project of workers for {_shown(test_file, root)}: no sandbox.toml and no wrangler file there or above",
                hint="name one with `sandbox_config = path/to/sandbox.toml` in pytest's configuration",
            )
    config = _load(start, config_file).config
    workers = dict(config.workers)
    if wishes.workers:
        workers = {name: config.workers[name] for name in (named(config, wish) for wish in wishes.workers)}
    if wishes.vars:
        workers = {name: _with_vars(worker, wishes.vars) for name, worker in workers.items()}
    mode: Any = wishes.egress or "offline"
    return replace(config, workers=workers, egress=replace(config.egress, mode=mode))


def read_project(start: Path) -> SandboxConfig | None:
    """The configuration of a project by its folder or its sandbox.toml; None where it has problems, which the first
    test with the fixture tells."""
    file = start if start.is_file() else None
    try:
        return _load(start.parent if file else start, file).config
    except ConfigError:
        return None


def named(config: SandboxConfig, wish: str) -> str:
    """A worker's canonical name by any spelling. Raises Misuse."""
    found = next((name for name in config.workers if fold(name) == fold(wish)), None)
    if found is None:
        raise Misuse(f"there is no worker called {wish!r}", hint=choices(wish, workers=config.workers))
    return found


def _with_vars(worker: WorkerConfig, values: Mapping[str, Any]) -> WorkerConfig:
    secrets = {name: value for name, value in worker.secrets.items() if name not in values}
    return replace(worker, vars={**worker.vars, **values}, secrets=secrets)


def _load(start: Path, config_file: Path | None) -> Loaded:
    key = (start, config_file)
    known = _read.get(key)
    if known is not None and known[0] == _looks(known[1].config):
        return known[1]
    environ = {name: value for name, value in os.environ.items() if name != "SANDBOX_STATE"}
    loaded = load_sandbox(start, config_file=config_file, environ=environ)
    _read[key] = (_looks(loaded.config), loaded)
    return loaded


def _looks(config: SandboxConfig) -> dict[str, Any]:
    """Size and time of every file the configuration was read from, and of the folders workers are looked for in."""
    paths = [str(path) for worker in config.workers.values() for path in worker.watched]
    paths += [str(path) for path in (*config.search, config.path) if path is not None]
    return {path: _look(path) for path in paths}


def _look(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)  # noqa: PTH116 - for each test, so the cheap way
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
