"""Everything `sandbox up` needs to know, from all files at once: every problem is found before any is reported."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox.config import crosscheck, discover, sandbox_toml, wrangler
from sandbox.config.discover import find_root, find_sandbox_toml, find_state
from sandbox.config.documents import read_document
from sandbox.config.faults import read_faults
from sandbox.config.models import Problem, SandboxConfig, WorkerConfig, fold
from sandbox.config.names import WorkerNames
from sandbox.config.pipelines import read_pipelines
from sandbox.config.problems import ConfigError, Problems
from sandbox.config.tables import Table
from sandbox.config.workers import chosen_environment, load_worker, read_worker

__all__ = [
    "ConfigError",
    "Loaded",
    "find_root",
    "find_sandbox_toml",
    "find_state",
    "load_sandbox",
    "load_worker",
]

_OVERRIDES = frozenset({"port", "ip", "egress", "state", "allow_hosts", "on_error", "var", "env_files"})


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that can be used, and what is odd about it."""

    config: SandboxConfig
    warnings: tuple[Problem, ...] = ()


def load_sandbox(
    start: Path,
    *,
    config_file: Path | None = None,
    env: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Loaded:
    """Read sandbox.toml (`config_file`, else the nearest from `start` upwards, else none) and every worker it includes.

    `env` chooses the wrangler environment of all workers. `overrides` are the command line's, None meaning not given:
    `port`, `ip`, `egress` (the mode), `state` (relative to `start`), `allow_hosts` (added), `on_error`,
    `var` (name -> text), `env_files`. Raises ConfigError with all problems of all files.
    """
    given = {key: value for key, value in (overrides or {}).items() if value is not None}
    if given.keys() - _OVERRIDES:
        raise TypeError(f"unknown overrides: {sorted(given.keys() - _OVERRIDES)}")
    start, environ = start.absolute(), os.environ if environ is None else environ
    env = chosen_environment(env, environ)
    problems = Problems()
    path = start / config_file if config_file is not None else find_sandbox_toml(start)
    data = None
    if path is not None:
        path = discover.normal(path)
        if not path.is_file():
            problems.error(path, "", "does not exist", "give the right file with -c, or run where sandbox.toml is")
        data = read_document(path, problems)
        if data is None:
            raise ConfigError(problems.found)
    root = path.parent if path is not None else find_root(start)
    document = Table(data or {}, path or root, "", problems)
    basics = sandbox_toml.read_basics(document)
    options = {"env": env, "var": given.get("var"), "env_files": given.get("env_files", ()), "environ": environ}
    workers, broken = _workers(root, basics.get("include"), document, options)
    settings = sandbox_toml.read_worker_settings(document)
    external = [name for name, setting in settings.items() if setting.url is not None]
    names = WorkerNames([*workers, *broken, *external])
    settings = crosscheck.canonical_settings(settings, names, document)
    egress = sandbox_toml.read_egress(document, root, names)
    events = sandbox_toml.read_events(document)
    pipelines = read_pipelines(document, names)
    faults = read_faults(document, names, None if broken else workers)
    document.warn_unknown()
    basics |= {key: given[key] for key in ("port", "ip", "on_error") if key in given}
    port = basics.get("port", sandbox_toml.DEFAULT_PORT)
    workers = crosscheck.check_services(workers, names, problems)
    workers = crosscheck.check_ports(port, workers, settings, document)
    if problems.errors:
        raise ConfigError(problems.found)
    config = SandboxConfig(
        root=root,
        path=path,
        state=find_state(start, persist_to=given.get("state"), config_file=path, environ=environ),
        port=port,
        env=env,
        allow_hosts=tuple(dict.fromkeys((*basics.get("allow_hosts", ()), *given.get("allow_hosts", ())))),
        egress=dataclasses.replace(egress, mode=given.get("egress", egress.mode)),
        events=events,
        search=discover.search_folders(root, basics.get("include") or discover.default_include(root)),
        workers=workers,
        settings=settings,
        pipelines=pipelines,
        faults=faults,
        **{key: basics[key] for key in ("ip", "on_error", "isolates") if key in basics},
    )
    return Loaded(config, problems.warnings)


def _workers(
    root: Path, include: Sequence[str] | None, document: Table, options: Mapping[str, Any]
) -> tuple[dict[str, WorkerConfig], list[str]]:
    """The hosted workers by name, and what those are called that have errors (so that they are not also unknown)."""
    problems = document.problems
    workers: dict[str, WorkerConfig] = {}
    broken: list[str] = []
    for folder in _folders(root, include, document):
        worker = read_worker(folder, problems, **options)
        if worker is None:
            broken += crosscheck.names_in(folder)
            continue
        other = next((known for known in workers.values() if fold(known.name) == fold(worker.name)), None)
        if other is None:
            workers[worker.name] = worker
        else:
            message = f'the name "{worker.name}" is taken by {other.config_path} ("{other.name}")'
            hint = "case, - and _ do not tell names apart: they share an address"
            problems.error(worker.config_path, "name", message, hint)
    return workers, broken


def _folders(root: Path, include: Sequence[str] | None, document: Table) -> list[Path]:
    """The worker folders. Without any `include` the folder itself may be the one worker, and where nothing says that
    the others are meant for us, those in other languages are left out."""
    patterns = discover.default_include(root) if include is None else include
    for index, pattern in enumerate(patterns):
        if not discover.is_pattern(pattern) and wrangler.wrangler_file(root / pattern) is None:
            key = f"sandbox.include[{index}]"
            what = "holds no wrangler file" if (root / pattern).is_dir() else "is no folder"
            document.error(key, f'"{pattern}" {what}', f"it is taken from {root}")
    folders = discover.worker_folders(root, patterns)
    if not folders and include is None and wrangler.wrangler_file(root) is not None:
        folders = [root]
    if include is None and patterns != sandbox_toml.DEFAULT_INCLUDE:
        folders = [folder for folder in folders if crosscheck.is_for_us(folder, document.problems)]
    if not folders and not document.problems.errors and not _has_external(document):
        hint = "add a folder with a wrangler file under workers/, or name yours in [sandbox] include"
        document.error("", f"no worker found in {', '.join(str(root / pattern) for pattern in patterns)}", hint)
    return folders


def _has_external(document: Table) -> bool:
    entries = document.raw("workers")
    return isinstance(entries, dict) and any(isinstance(entry, dict) and "url" in entry for entry in entries.values())
