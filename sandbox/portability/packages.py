"""Imports against the closure of what a worker declares, and wheels that Pyodide can load.

Kept out of the start: reading every installed distribution takes its time.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from sandbox.config.models import WorkerConfig
from sandbox.portability.interpreter import PLATFORM, new

SDK = "workers-runtime-sdk"
UNDECLARED = "{} is imported, and no declared dependency brings it"
PYODIDE = "314.0.7"
"""The version whose packages `loadable` knows; the one that Python 3.14 on Cloudflare is built of."""


@cache
def loadable() -> frozenset[str]:
    """The packages that are not pure Python everywhere and can be loaded all the same, by canonical name."""
    text = (Path(__file__).parent / "pyodide_packages.txt").read_text(encoding="utf-8")
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return frozenset(canonicalize_name(name) for line in lines for name in line.split())


@cache
def providers() -> dict[str, frozenset[str]]:
    """Import name -> the installed distributions that bring it."""
    found = importlib.metadata.packages_distributions()
    return {name: frozenset(map(canonicalize_name, given)) for name, given in found.items()}


def parsed(texts: Iterable[str]) -> list[Requirement]:
    """The requirements that can be read; the configuration's own reader reports the others."""
    found = []
    for text in texts:
        try:
            found.append(Requirement(text))
        except InvalidRequirement:
            continue
    return found


def name_in(requirement: str) -> str:
    """The name of a requirement in lower case, as it was written."""
    return re.split(r"[^a-z0-9._-]", requirement.strip().lower(), maxsplit=1)[0]


def on_cloudflare(minor: int) -> dict[str, str]:
    """What environment markers (`sys_platform == "emscripten"`) see there."""
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "wasm32",
        "platform_python_implementation": "CPython",
        "platform_system": "Emscripten",
        "python_full_version": f"3.{minor}.0",
        "python_version": f"3.{minor}",
        "sys_platform": "emscripten",
    }


def closure(requirements: Iterable[Requirement], minor: int) -> frozenset[str]:
    """The canonical names of what the requirements bring to Python 3.`minor` on Cloudflare, as far as it is installed here."""
    there = on_cloudflare(minor)
    seen: set[str] = set()
    left = [Requirement(SDK), *(r for r in requirements if r.marker is None or r.marker.evaluate(there))]
    done: set[tuple[str, frozenset[str]]] = set()
    while left:
        requirement = left.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if (name, extras) in done:
            continue
        done.add((name, extras))
        seen.add(name)
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for one in parsed(needed):
            if one.marker is None or any(one.marker.evaluate({**there, "extra": extra}) for extra in (extras or {""})):
                left.append(one)
    return frozenset(seen)


def declared(module: str, brought: frozenset[str], minor: int) -> bool:
    """Whether a top-level import name is there on Cloudflare, in Python 3.`minor`, by what the worker declares."""
    if module in sys.stdlib_module_names or module in PLATFORM or module in new(minor):
        return True
    given = providers().get(module)
    if given is None:
        return canonicalize_name(module) in brought
    return bool(given & brought)


def unloadable(brought: Iterable[str]) -> list[str]:
    """The installed ones with compiled code and no wheel that Pyodide is known to load."""
    found = []
    for name in sorted(brought):
        try:
            wheel = importlib.metadata.distribution(name).read_text("WHEEL") or ""
        except importlib.metadata.PackageNotFoundError:
            continue
        if "Root-Is-Purelib: false" in wheel and name not in loadable():
            found.append(name)
    return found


def conflicts(configs: Iterable[WorkerConfig]) -> list[tuple[WorkerConfig, str, str]]:
    """Workers whose requirement for a package no version meets together with the others': worker, its text, theirs."""
    wanted: dict[str, list[tuple[WorkerConfig, Requirement]]] = {}
    found = []
    for config in configs:
        for requirement in parsed(config.dependencies):
            if requirement.marker is not None and not requirement.marker.evaluate():
                continue
            known = wanted.setdefault(canonicalize_name(requirement.name), [])
            together = requirement.specifier
            for _, other in known:
                together = together & other.specifier
            if known and not _possible(together):
                others = ", ".join(f"{other} ({one.name})" for one, other in known)
                found.append((config, str(requirement), others))
            known.append((config, requirement))
    return found


def _possible(specifiers: SpecifierSet) -> bool:
    """Whether some version meets them all: those named, and one just above and one just below each."""
    candidates = [Version("0")]
    for one in specifiers:
        if one.operator == "===":
            return True  # compared as text, which need be no version: the installer's to say
        release = Version(one.version.removesuffix(".*")).release
        candidates.append(Version(".".join(map(str, release))))
        candidates.append(Version(".".join(map(str, (*release, 1)))))
        for index in range(len(release)):
            if release[index]:
                below = (*release[:index], release[index] - 1, 99999)
                candidates.append(Version(".".join(map(str, below))))
    return not specifiers or any(specifiers.contains(candidate, prereleases=True) for candidate in candidates)
