"""One Python file of a worker, read for what runs at import and for the dotted names it calls."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_SKIPPED = ("__pycache__", "venv", "python_modules", "node_modules", "tests", "test")


@dataclass(frozen=True, slots=True)
class Imported:
    """A module that a file imports; `optional` where its absence is caught or it is for types only."""

    name: str
    line: int
    optional: bool


@dataclass(slots=True)
class Source:
    """`nodes` holds each node with the functions around it (empty: it runs at import) and its parent."""

    path: Path
    tree: ast.Module
    nodes: list[tuple[ast.AST, tuple[ast.AST, ...], tuple[ast.AST, ...]]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    imports: list[Imported] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._walk(self.tree, (), (), False)

    def dotted(self, node: ast.AST) -> str | None:
        """`random.choice` for a name or attribute, with what the file's imports make of its first part."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        return ".".join([self.names.get(node.id, f"?{node.id}"), *reversed(parts)])

    def calls(self) -> Iterator[tuple[ast.Call, str, bool, tuple[ast.AST, ...]]]:
        """Every call with its dotted name, whether it runs at import, and the nodes around it (innermost last)."""
        for node, functions, around in self.nodes:
            if isinstance(node, ast.Call):
                yield node, self.dotted(node.func) or "", not functions, around

    def _walk(self, node: ast.AST, functions: tuple[ast.AST, ...], around: tuple[ast.AST, ...], optional: bool) -> None:
        self.nodes.append((node, functions, around))
        if isinstance(node, ast.Import):
            for alias in node.names:
                self.names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                self.imports.append(Imported(alias.name, node.lineno, optional))
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                self.names[alias.asname or alias.name] = f"{module}.{alias.name}"
            if not node.level and node.module:
                self.imports.append(Imported(node.module, node.lineno, optional))
        inside = (*around, node)
        if isinstance(node, _FUNCTIONS):
            # decorators and defaults run when the function is made, its body when it is called
            body = node.body if isinstance(node.body, list) else [node.body]
            for child in ast.iter_child_nodes(node):
                self._walk(child, (*functions, node) if child in body else functions, inside, optional)
            return
        if isinstance(node, ast.If) and _never_there(node.test):
            for child in (*node.body, *node.orelse):
                if child in node.orelse or "TYPE_CHECKING" in ast.unparse(node.test):
                    self._walk(child, functions, inside, optional or child in node.body)
            return
        if isinstance(node, ast.Try) and any(_catches_import_error(handler) for handler in node.handlers):
            optional = True
        for child in ast.iter_child_nodes(node):
            self._walk(child, functions, inside, optional)


def own_files(root: Path) -> list[Path]:
    """The files of a module root, without environments, caches, vendored packages and tests."""
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".")]
    return sorted(found)


def read_sources(root: Path, minor: int) -> tuple[list[Source], list[tuple[Path, int, str]]]:
    """The worker's own files under `root`, and those that Python 3.`minor` does not read: file, line, text."""
    sources, unread = [], []
    for path in own_files(root):
        if path.suffix != ".py":
            continue
        try:
            sources.append(Source(path, ast.parse(path.read_bytes(), str(path), feature_version=(3, minor))))
        except SyntaxError as error:
            unread.append((path, error.lineno or 1, error.msg))
        except (ValueError, RecursionError) as error:
            unread.append((path, 1, str(error)))
    return sources, unread


def _never_there(test: ast.expr) -> bool:
    text = ast.unparse(test)
    return text in ("TYPE_CHECKING", "typing.TYPE_CHECKING") or text.startswith("__name__ ==")


def _catches_import_error(handler: ast.ExceptHandler) -> bool:
    return handler.type is None or any(
        name in ast.unparse(handler.type) for name in ("ImportError", "ModuleNotFoundError", "Exception")
    )
