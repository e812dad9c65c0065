"""The architecture's table, held: imports point down, siblings stay apart, each third-party library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sandbox"
RUNGS = {
    "errors": 0,
    "clock": 0,
    "ids": 0,
    "credentials": 0,
    "config": 1,
    "storage": 1,
    "runtime": 1,
    "events": 2,
    "portability": 2,
    "typings": 2,
    "bindings": 3,
    "handshake": 3,
    "loader": 4,
    "orchestrator": 4,
    "egress": 4,
    "host": 5,
    "intercept": 5,
    "dashboard": 5,
    "client": 6,
    "app": 7,
    "cli": 8,
    "testing": 8,
    "__main__": 9,
}
HOMES = {
    "aiosqlite": {"storage"},
    "sqlite3": {"storage"},
    "debugpy": {"loader"},
    "watchfiles": {"loader"},
    "click": {"cli"},
    "rich": {"cli"},
    "yaml": {"egress"},
    "httpx": {"egress"},
    "aiohttp": {"host", "dashboard", "egress", "client"},
}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every absolute module name a file imports, wherever in the file, with its line."""
    package = ["sandbox", *path.relative_to(PACKAGE).with_suffix("").parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            if name == "sandbox":
                for alias in node.names:
                    yield f"sandbox.{alias.name}", node.lineno
            else:
                yield name, node.lineno


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    part = part_of(path)
    wrong = []
    for name, line in imports(path):
        top, _, rest = name.partition(".")
        if top == "sandbox":
            other = rest.partition(".")[0]
            if other in ("", part) or other not in RUNGS:
                continue
            # events sits under its own rung's users; the three names of rung 0 may use each other
            if RUNGS[other] >= RUNGS[part] and not (RUNGS[other] == RUNGS[part] == 0):
                wrong.append(f"line {line}: {part} (rung {RUNGS[part]}) imports {name} (rung {RUNGS[other]})")
        elif top in HOMES and part not in HOMES[top]:
            wrong.append(f"line {line}: {top} belongs to {sorted(HOMES[top])}, not to {part}")
    assert not wrong, "\n".join(wrong)


def test_every_part_has_a_rung() -> None:
    assert {part_of(path) for path in MODULES} <= set(RUNGS)


def module_name(path: Path) -> str:
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_cycle_between_modules() -> None:
    names = {module_name(path) for path in MODULES}
    graph = {module_name(path): imported_modules(path, names) - {module_name(path)} for path in MODULES}
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if state.get(name) == 2:
            return
        assert state.get(name) != 1, "import cycle: " + " -> ".join((*trail[trail.index(name) :], name))
        state[name] = 1
        for target in sorted(graph[name]):
            visit(target, (*trail, name))
        state[name] = 2

    for name in sorted(graph):
        visit(name, ())


def imported_modules(path: Path, known: set[str]) -> set[str]:
    """What a file imports when it is imported itself: at module level, not under TYPE_CHECKING and not in functions.

    `from package import module` needs that module, not what else the package's front offers.
    """
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports hide which layer is meant"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in known else str(node.module))
    return found & known


FORBIDDEN_CALLS = {"eval", "pickle.loads", "pickle.load", "yaml.load", "marshal.loads", "CookieJar.load"}
FORBIDDEN_MODULES = {"pickle", "shelve", "marshal"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_that_runs_data_as_code(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in FORBIDDEN_CALLS or called.endswith("CookieJar.load"):
                wrong.append(f"line {node.lineno}: {called}()")
            for keyword in node.keywords:
                if keyword.arg == "shell" and getattr(keyword.value, "value", None) is True:
                    wrong.append(f"line {node.lineno}: shell=True")
    wrong += [f"line {line}: import {name}" for name, line in imports(path) if name in FORBIDDEN_MODULES]
    assert not wrong, "\n".join(wrong)


def test_importing_the_package_is_light() -> None:
    import subprocess
    import sys

    heavy = "yaml httpx aiohttp aiosqlite watchfiles click rich workers asyncio sqlite3"
    code = f"import sys, sandbox; print([m for m in {heavy!r}.split() if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert shown.stdout.strip() == "[]"


def test_no_package_shadows_the_sdk() -> None:
    assert not (PACKAGE.parent / "workers" / "__init__.py").exists()
