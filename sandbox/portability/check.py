"""All rows over all workers: the findings, and the one line that installs what is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sandbox.config.dependencies import missing_dependencies
from sandbox.config.models import WorkerConfig
from sandbox.portability import packages
from sandbox.portability.code import ROWS
from sandbox.portability.files import named, not_uploaded
from sandbox.portability.findings import REMEDIES, Finding, once
from sandbox.portability.interpreter import gone, minor_of, not_in_pyodide
from sandbox.portability.source import Source, read_sources


@dataclass(frozen=True, slots=True)
class Report:
    """`notes` say what is worth knowing and is no finding; `install` is a shell line, None when nothing is missing or
    no line could install it all."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    install: str | None = None


def check(configs: Sequence[WorkerConfig]) -> Report:
    """Read the workers' files and say what will fail on Cloudflare. No code of a worker runs."""
    found: list[Finding] = []
    for config in configs:
        if config.has_main:
            found += _of_worker(config)
    conflicts = packages.conflicts(configs)
    for config, requirement, others in conflicts:
        found.append(
            _at_dependency(
                config,
                "dependency",
                requirement,
                f"{requirement} and {others} cannot be installed together",
                "Make the workers agree, for all of them share this environment.",
            )
        )
    missing = missing_dependencies(configs)
    by_name = {config.name: config for config in configs}
    for entry in missing.missing:
        config, text = by_name[entry.worker], f"{entry.requirement} {entry.reason}"
        found.append(_at_dependency(config, "dependency", entry.requirement, text, "Install it here."))
    notes = (*far_from(configs), *_without_pyproject(configs))
    # One line that asks for both sides of a conflict would be refused by the installer.
    apart = {packages.name_in(requirement) for _, requirement, _ in conflicts}
    together = not any(packages.name_in(entry.requirement) in apart for entry in missing.missing)
    return Report(once(found), notes, missing.install if together else None)


def far_from(configs: Iterable[WorkerConfig]) -> tuple[str, ...]:
    """One line for each Python version that is three minors or more from the one here."""
    far: dict[int, list[str]] = {}
    for config in configs:
        if config.has_main and abs(minor_of(config) - sys.version_info.minor) >= 3:
            far.setdefault(minor_of(config), []).append(config.name)
    here = f"Python 3.{sys.version_info.minor} here"
    return tuple(
        f"{here}, 3.{minor} on Cloudflare by the compatibility date of "
        + (f"{len(names)} workers" if len(names) > 3 else ", ".join(names))
        for minor, names in far.items()
    )


def _without_pyproject(configs: Iterable[WorkerConfig]) -> Iterator[str]:
    names = [c.name for c in configs if c.has_main and not (c.root / "pyproject.toml").is_file()]
    if names:
        verb = "has" if len(names) == 1 else "have"
        yield f"{', '.join(names)} {verb} no pyproject.toml: pywrangler would deploy the nearest folder above that has one"


def _of_worker(config: WorkerConfig) -> Iterator[Finding]:
    minor, here = minor_of(config), sys.version_info.minor
    plain = {*config.vars, *config.secrets, *(one.binding for one in config.unsupported if one.binding)}
    sources, unread = read_sources(config.module_root, minor, plain)
    for path, line, text in unread:
        if here < minor:
            message = f"Python 3.{here}, which runs here, does not read this: {text}"
            remedy = f"Run the sandbox with Python 3.{minor}, which Cloudflare has, or write it so that both read it."
        else:
            message = f"Python 3.{minor} does not read this: {text}"
            remedy = f"Write it so that Python 3.{minor} reads it."
        yield Finding(config.name, "interpreter", path, line, message, remedy)
    brought = packages.closure(packages.parsed(config.dependencies), minor)
    for name in packages.unloadable(brought):
        text = f"{name} has compiled code and no wheel for Pyodide {packages.PYODIDE}"
        yield _at_dependency(config, "no-wheel", name, text, "Use a package in pure Python instead.")
    own, absent = _own_modules(config.module_root), not_uploaded(config)
    for source in sources:
        for row, line, message, remedy in (*_of_imports(source, own, brought), *_of_code(source, absent)):
            yield Finding(config.name, row, source.path, line, message, remedy)


def _own_modules(root: Path) -> frozenset[str]:
    """The names that an import finds in the worker's own folder."""
    found = {path.stem for path in root.glob("*.py")}
    return frozenset(found | {path.name for path in root.iterdir() if path.is_dir() and any(path.rglob("*.py"))})


def _of_imports(source: Source, own: frozenset[str], brought: frozenset[str]) -> Iterator[tuple[str, int, str, str]]:
    minor = source.minor

    def absent(module: str) -> tuple[str, str, str] | None:
        """Row, text and remedy where Cloudflare does not have it."""
        top = module.partition(".")[0]
        # `sandbox export` puts the package of the protocol beside the worker.
        if top in own or module.startswith("sandbox.handshake"):
            return None
        if top in gone(minor):
            text = f"{top} is not in Python 3.{minor}, which the compatibility date chooses"
            return "interpreter", text, "Use what replaced it."
        if top in not_in_pyodide():
            text = f"{top} is not in Cloudflare's Python, which is Pyodide"
            return "interpreter", text, "Do without it, or catch the ImportError."
        if not packages.declared(top, brought, minor):
            return "undeclared-import", packages.UNDECLARED.format(top), REMEDIES["undeclared-import"]
        return None

    for imported in source.imports:
        # What an except clause imports is needed only where what was tried is absent.
        if imported.optional or (imported.instead_of and not all(map(absent, imported.instead_of))):
            continue
        found = absent(imported.name)
        if found is not None:
            yield found[0], imported.line, *found[1:]


def _of_code(source: Source, absent: dict[str, Path]) -> Iterator[tuple[str, int, str, str]]:
    for row in ROWS:
        yield from row(source)
    yield from named(source, absent)


def _at_dependency(config: WorkerConfig, row: str, requirement: str, message: str, remedy: str) -> Finding:
    """A finding at the line of pyproject.toml that asks for it; at its first line for what comes with another."""
    path = config.root / "pyproject.toml"
    name = packages.name_in(requirement)
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    line = next((number for number, text in enumerate(lines, 1) if name in text.lower() and "name" not in text), 1)
    return Finding(config.name, row, path, line, message, remedy)
