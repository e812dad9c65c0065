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
from sandbox.portability.findings import Finding, once
from sandbox.portability.interpreter import gone, minor_of
from sandbox.portability.source import Source, read_sources


@dataclass(frozen=True, slots=True)
class Report:
    """`notes` say what is worth knowing and is no finding; `install` is a shell line, None when nothing is missing."""

    findings: tuple[Finding, ...]
    notes: tuple[str, ...] = ()
    install: str | None = None


def check(configs: Sequence[WorkerConfig]) -> Report:
    """Read the workers' files and say what will fail on Cloudflare. No code of a worker runs."""
    found: list[Finding] = []
    for config in configs:
        if config.has_main:
            found += _of_worker(config)
    for config, requirement, others in packages.conflicts(configs):
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
    return Report(once(found), _far_from(configs), missing.install)


def _far_from(configs: Iterable[WorkerConfig]) -> tuple[str, ...]:
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


def _of_worker(config: WorkerConfig) -> Iterator[Finding]:
    minor = minor_of(config)
    sources, unread = read_sources(config.module_root, minor)
    for path, line, text in unread:
        message = f"Python 3.{minor} does not read this: {text}"
        yield Finding(config.name, "interpreter", path, line, message, f"Write it so that Python 3.{minor} reads it.")
    requirements = packages.parsed(config.dependencies)
    brought = packages.closure(requirements)
    for name in packages.unloadable(brought):
        text = f"{name} has compiled code and no wheel for Pyodide {packages.PYODIDE}"
        yield _at_dependency(config, "no-wheel", name, text, "Use a package in pure Python instead.")
    own = {path.stem if path.is_file() else path.name for path in config.module_root.iterdir()}
    absent = not_uploaded(config)
    for source in sources:
        for row, line, message, remedy in _of_source(source, own, brought, minor, absent):
            yield Finding(config.name, row, source.path, line, message, remedy)


def _of_source(
    source: Source, own: Iterable[str], brought: frozenset[str], minor: int, absent: dict[str, Path]
) -> Iterator[tuple[str, int, str, str]]:
    for imported in source.imports:
        top = imported.name.partition(".")[0]
        if imported.optional or top in own:
            continue
        if top in gone(minor):
            text = f"{top} is not in Python 3.{minor}, which the compatibility date chooses"
            yield "interpreter", imported.line, text, "Use what replaced it."
        elif top == "sandbox" and imported.name.startswith("sandbox.handshake"):
            continue  # `sandbox export` puts it beside the worker
        elif not packages.declared(top, brought):
            text = f"{top} is imported, and no declared dependency brings it"
            yield "undeclared-import", imported.line, text, "Add it to [project] dependencies in pyproject.toml."
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
