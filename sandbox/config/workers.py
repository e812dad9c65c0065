"""One worker folder -> WorkerConfig, by the same rules at the start and on every reload."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.config import wrangler
from sandbox.config.discover import normal
from sandbox.config.documents import read_document
from sandbox.config.local_values import read_local_values
from sandbox.config.models import Problem, WorkerConfig
from sandbox.config.problems import ConfigError, Problems
from sandbox.config.pyproject import read_dependencies
from sandbox.config.tables import Table


def chosen_environment(env: str | None, environ: Mapping[str, str] | None = None) -> str | None:
    """The wrangler environment in force: the one given, else `$CLOUDFLARE_ENV`; None is the top level."""
    return env or (os.environ if environ is None else environ).get("CLOUDFLARE_ENV") or None


def load_worker(
    folder: Path,
    *,
    env: str | None = None,
    var: Mapping[str, str] | None = None,
    env_files: Sequence[Path] = (),
    environ: Mapping[str, str] | None = None,
) -> tuple[WorkerConfig, tuple[Problem, ...]]:
    """Read a worker's folder: wrangler file, local values, pyproject.toml. The second value holds the warnings.

    `env` is wrangler's environment (default: `$CLOUDFLARE_ENV`), `var` the `--var` values (they win over everything),
    `env_files` those of `--env-file`, `environ` the process's environment. Raises ConfigError with every problem.
    """
    problems = Problems()
    config = read_worker(folder, problems, env=env, var=var, env_files=env_files, environ=environ)
    if config is None or problems.errors:
        raise ConfigError(problems.found)
    return config, problems.warnings


def read_worker(
    folder: Path,
    problems: Problems,
    *,
    env: str | None = None,
    var: Mapping[str, str] | None = None,
    env_files: Sequence[Path] = (),
    environ: Mapping[str, str] | None = None,
) -> WorkerConfig | None:
    """As `load_worker`, with the problems added to a list; None where there is nothing to serve."""
    folder = normal(folder)
    environ = os.environ if environ is None else environ
    env = chosen_environment(env, environ)
    candidates = [folder / name for name in wrangler.FILES]
    path = wrangler.wrangler_file(folder)
    if path is None:
        problems.error(folder, "", "holds no wrangler file", f"add one of {', '.join(wrangler.FILES)}")
        return None
    present = [candidate.name for candidate in candidates if candidate.is_file()]
    if len(present) > 1:
        problems.warning(path, "", f"is used, and {' and '.join(present[1:])} beside it is not", "keep one of them")
    data = read_document(path, problems)
    if data is None:
        return None
    document = Table(data, path, "", problems)
    config = wrangler.read_worker(document, folder, env)
    # read even when the wrangler file is no good, so that one run shows every problem
    dependencies = read_dependencies(folder, problems)
    required = wrangler.required_secrets(document, env)
    local = read_local_values(
        folder,
        env=env,
        env_files=env_files,
        environ=environ,
        secrets_declared=required is not None,
        problems=problems,
    )
    if config is None:
        return None
    given = dict(var or {})
    secrets = dict(local.values)
    if required is not None:
        missing = [name for name in required if name not in secrets and name not in given]
        if missing:
            problems.warning(path, "secrets.required", f"no value for {', '.join(missing)}", "add it to .dev.vars")
        secrets = {name: value for name, value in secrets.items() if name in required or name in config.vars}
    bound = {
        *(binding.binding for binding in config.kv_namespaces),
        *(binding.binding for binding in config.services),
        *(binding.binding for binding in config.ratelimits),
        config.version_metadata,
        *([config.assets.binding] if config.assets is not None else ()),
        *(binding.binding for binding in config.unsupported),
    }
    return dataclasses.replace(
        config,
        vars={**config.vars, **given},
        secrets={name: value for name, value in secrets.items() if name not in given and name not in bound},
        dependencies=dependencies,
        watched=(*candidates, *local.looked_at, folder / "pyproject.toml"),
    )
