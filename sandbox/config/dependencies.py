"""What the workers' `pyproject.toml` files ask for against what this environment has: one list, one install line.

Kept out of `load` because `packaging` takes its time to import and not every command needs the answer.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
import shlex
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from sandbox.config.models import WorkerConfig

SYNC = "greenlet>=3.1"
"""What the extra `sync` brings, which `run_sync` waits by."""
_WAITS = re.compile(rb"\bimport\b[^\n]*\b(run_sync|wsgi)\b|\brun_sync\(")


@dataclass(frozen=True, slots=True)
class MissingDependency:
    """A declared package that is absent (`installed` is None) or here in a version that does not do.

    `requirement` is the text of the worker's pyproject.toml; `reason` says in words what is wrong with it.
    """

    worker: str
    requirement: str
    installed: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class MissingDependencies:
    """`missing` in the order of the workers; `install` is one shell line that gets all of them, None when there are
    none that can be installed. False when nothing is missing."""

    missing: tuple[MissingDependency, ...] = ()
    install: str | None = None

    def __bool__(self) -> bool:
        return bool(self.missing)


def installed_version(name: str) -> str | None:
    """The version of a distribution in this environment, None where it is absent."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def missing_dependencies(
    configs: Iterable[WorkerConfig], *, version_of: Callable[[str], str | None] = installed_version
) -> MissingDependencies:
    """Compare every worker's declared dependencies, and what its waiting in synchronous code needs here, with what is
    installed.

    A requirement whose marker does not hold on this Python is left out. Requirements of several workers for the same
    package are joined in the install line, so that a conflict between them is the installer's to explain.
    """
    missing = []
    wanted: dict[str, Requirement] = {}
    for config in configs:
        for text in config.dependencies:
            try:
                requirement = Requirement(text)
            except InvalidRequirement:
                missing.append(MissingDependency(config.name, text, None, "is no requirement that an installer reads"))
                continue
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            _join(wanted, requirement)
            version = version_of(requirement.name)
            if version is None:
                missing.append(MissingDependency(config.name, text, None, "is not installed"))
            elif not requirement.specifier.contains(version, prereleases=True):
                missing.append(MissingDependency(config.name, text, version, f"does not allow the installed {version}"))
        sync = Requirement(SYNC)
        if version_of(sync.name) is None and _may_wait(config):
            _join(wanted, sync)
            missing.append(MissingDependency(config.name, SYNC, None, "is not installed, and run_sync waits by it"))
    lacking = {_name_of(entry.requirement) for entry in missing} - {None}
    needed = [shlex.quote(str(requirement)) for name, requirement in wanted.items() if name in lacking]
    return MissingDependencies(tuple(missing), f"{_installer()} {' '.join(needed)}" if needed else None)


def _may_wait(config: WorkerConfig) -> bool:
    """Whether code of the worker waits in synchronous functions: it imports `run_sync`, or the SDK's adapter for WSGI."""
    files = config.module_root.rglob("*.py") if config.main.is_file() else ()
    return any(_WAITS.search(path.read_bytes()) for path in files if "python_modules" not in path.parts)


def _join(wanted: dict[str, Requirement], requirement: Requirement) -> None:
    requirement.marker = None
    name = canonicalize_name(requirement.name)
    known = wanted.setdefault(name, requirement)
    if known is not requirement:
        known.extras |= requirement.extras
        known.specifier &= requirement.specifier
        known.url = known.url or requirement.url


def _name_of(text: str) -> str | None:
    try:
        return canonicalize_name(Requirement(text).name)
    except InvalidRequirement:
        return None


def _installer() -> str:
    """pip where this environment has it, else uv (whose environments come without pip)."""
    python = shlex.quote(sys.executable)
    if importlib.util.find_spec("pip") is not None:
        return f"{python} -m pip install"
    return f"uv pip install --python {python}"
