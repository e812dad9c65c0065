"""Which local values a worker gets on top of `vars`: wrangler's precedence of `.dev.vars` and the `.env` family.

`.dev.vars.<env>` replaces `.dev.vars`; only where neither exists (or `--env-file` is given) the `.env` files are read:
`.env` < `.env.local` < `.env.<env>` < `.env.<env>.local`, with `${}` expansion. With `secrets` in the wrangler file,
names that are neither in `vars` nor required are dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.config import dotenv
from sandbox.config.documents import read_text
from sandbox.config.problems import Problems


@dataclass(frozen=True, slots=True)
class LocalValues:
    """`values` by name; `looked_at` are all files that decide them, present or not."""

    values: Mapping[str, str]
    looked_at: tuple[Path, ...]


def read_local_values(
    folder: Path,
    *,
    env: str | None,
    env_files: Sequence[Path],
    environ: Mapping[str, str],
    secrets_declared: bool,
    problems: Problems,
) -> LocalValues:
    """Read what applies to a worker folder. An `--env-file` path is taken from the worker's folder, else from the
    current one; one that is in neither place is a warning."""
    dev_vars = [folder / ".dev.vars"] if env is None else [folder / f".dev.vars.{env}", folder / ".dev.vars"]
    family = [folder / name for name in _family(env)]
    looked_at = [*dev_vars, *family]
    if env_files:
        family = [_locate(folder, path) for path in env_files]
        looked_at = list(family)
        for path in family:
            if not path.exists():
                problems.warning(path, "", "does not exist", "it was named by --env-file")
    else:
        for path in dev_vars:
            text = read_text(path, problems)
            if text is not None:
                return LocalValues(dotenv.parse(text), tuple(looked_at))
    if environ.get("CLOUDFLARE_LOAD_DEV_VARS_FROM_DOT_ENV", "true").lower() == "false":
        return LocalValues({}, tuple(looked_at))
    merged: dict[str, str] = {}
    for path in family:
        merged |= dotenv.parse(read_text(path, problems) or "")
    include = secrets_declared or environ.get("CLOUDFLARE_INCLUDE_PROCESS_ENV", "false").lower() == "true"
    outside = dict(environ) if include else {}
    return LocalValues({**outside, **dotenv.expand(merged, outside)}, tuple(looked_at))


def _family(env: str | None) -> list[str]:
    return [".env", ".env.local", *([f".env.{env}", f".env.{env}.local"] if env is not None else [])]


def _locate(folder: Path, path: Path) -> Path:
    inside = folder / path
    return inside if inside.exists() or path.is_absolute() else path.absolute()
