"""A worker's own `pyproject.toml`: the packages `pywrangler` vendors when the worker is deployed."""

from __future__ import annotations

from pathlib import Path

from sandbox.config.documents import read_document
from sandbox.config.problems import Problems
from sandbox.config.tables import Table

_IGNORED = ("requirements.txt", "cf-requirements.txt")


def read_dependencies(folder: Path, problems: Problems) -> tuple[str, ...]:
    """`[project].dependencies` as written; nothing where there is no pyproject.toml."""
    path = folder / "pyproject.toml"
    for name in _IGNORED:
        if (folder / name).exists():
            problems.warning(
                folder / name,
                "",
                "is ignored by pywrangler, so its packages are missing on Cloudflare",
                f"list them under [project] dependencies in {path.name}",
            )
    data = read_document(path, problems)
    project = Table(data, path, "", problems).table("project") if data is not None else None
    return (project.strings("dependencies") or ()) if project is not None else ()
