"""One Python file of a worker, read for what runs at import and for the dotted names it calls."""

from __future__ import annotations

import ast
import operator
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from sandbox.portability.scopes import COMPREHENSIONS, FUNCTIONS, Scope, bindings

_SKIPPED = ("__pycache__", "venv", "python_modules", "node_modules", "tests", "test")
_IMPORTING = ("importlib.import_module", "builtins.__import__")
_ABSENT = ("ImportError", "ModuleNotFoundError")
_SIGNS = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)
"""Nodes that say how another is meant, and are nothing by themselves."""
_COMPARED = {ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Eq: operator.eq}


@dataclass(frozen=True, slots=True)
class Imported:
    """A module that a file imports. `optional` where its absence is caught or it is for types only; `instead_of` are the
    modules whose absence it stands in for."""

    name: str
    line: int
    optional: bool
    instead_of: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A node that runs on Cloudflare, with the functions around it (none: it runs at import) and all nodes around it,
    innermost last. `optional` where an ImportError is caught around it."""

    node: ast.AST
    scope: Scope
    functions: tuple[ast.AST, ...]
    around: tuple[ast.AST, ...]
    optional: bool


@dataclass(frozen=True, slots=True)
class _Where:
    """How the walk came to a node. `dead` where it never runs on Cloudflare."""

    scope: Scope
    functions: tuple[ast.AST, ...] = ()
    dead: bool = False
    optional: bool = False
    instead_of: tuple[str, ...] = ()


@dataclass(slots=True)
class Source:
    """`minor` is the Python 3 that runs it on Cloudflare, `plain` the names of `env` that are text and no binding that
    does I/O."""

    path: Path
    tree: ast.Module
    minor: int = sys.version_info.minor
    plain: frozenset[str] = frozenset()
    places: list[Place] = field(default_factory=list)
    imports: list[Imported] = field(default_factory=list)

    def __post_init__(self) -> None:
        later: list[Callable[[], None]] = []
        self._walk(self.tree, _Where(Scope()), (), later)
        for bind in later:
            bind()
        for call, name, place in self.calls():
            match call.args:
                case [ast.Constant(value=str(module)), *_] if name in _IMPORTING and not module.startswith("."):
                    self.imports.append(Imported(module, call.lineno, place.optional))

    def calls(self) -> Iterator[tuple[ast.Call, str, Place]]:
        """Every call with its dotted name, empty where it has none."""
        for place in self.places:
            if isinstance(place.node, ast.Call):
                yield place.node, place.scope.dotted(place.node.func) or "", place

    def _walk(self, node: ast.AST, at: _Where, around: tuple[ast.AST, ...], later: list[Callable[[], None]]) -> None:
        if isinstance(node, _SIGNS):
            return
        if not at.dead:
            self.places.append(Place(node, at.scope, at.functions, around, at.optional))
        later += bindings(node, at.scope)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            self.imports += [Imported(name, node.lineno, at.optional or at.dead, at.instead_of) for name in names]
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            self.imports.append(Imported(node.module, node.lineno, at.optional or at.dead, at.instead_of))
        inside = (*around, node)
        for child, where in self._children(node, at):
            self._walk(child, where, inside, later)

    def _children(self, node: ast.AST, at: _Where) -> Iterator[tuple[ast.AST, _Where]]:
        """What lies in a node, and how it stands there."""
        children = ast.iter_child_nodes(node)
        if isinstance(node, FUNCTIONS):
            # Decorators, defaults and annotations run when the function is made, its body when it is called.
            inner = replace(at, scope=Scope(_seen_by(at.scope)), functions=(*at.functions, node))
            body = node.body if isinstance(node.body, list) else [node.body]
            for child in children:
                if isinstance(child, ast.arguments):
                    yield from ((one, at) for one in (*child.defaults, *filter(None, child.kw_defaults)))
                    yield from ((one, inner) for one in ast.iter_child_nodes(child) if isinstance(one, ast.arg))
                else:
                    yield child, inner if child in body else at
        elif isinstance(node, ast.ClassDef):
            inner = replace(at, scope=Scope(_seen_by(at.scope), is_class=True))
            yield from ((child, inner if child in node.body else at) for child in children)
        elif isinstance(node, COMPREHENSIONS):
            inner = replace(at, scope=Scope(at.scope))
            yield from ((child, inner) for child in children)
        elif isinstance(node, ast.If):
            holds = self._holds(node.test)
            yield node.test, at
            yield from ((child, replace(at, dead=at.dead or holds is False)) for child in node.body)
            yield from ((child, replace(at, dead=at.dead or holds is True)) for child in node.orelse)
        elif isinstance(node, (ast.Try, ast.TryStar)):
            yield from self._of_try(node, at)
        elif isinstance(node, ast.With) and any(_suppresses(item.context_expr) for item in node.items):
            yield from ((child, replace(at, optional=True)) for child in children)
        else:
            yield from ((child, at) for child in children)

    def _of_try(self, node: ast.Try | ast.TryStar, at: _Where) -> Iterator[tuple[ast.AST, _Where]]:
        body, handlers = node.body, node.handlers
        caught = any(_catches_absence(handler, body) for handler in handlers)
        tried = tuple(name for child in body for name in _imported(child)) if caught else ()
        for child in ast.iter_child_nodes(node):
            if child in body:
                yield child, replace(at, optional=at.optional or caught)
            else:
                yield child, replace(at, instead_of=tried) if child in handlers else at

    def _holds(self, test: ast.expr) -> bool | None:
        """Whether a condition is true on Cloudflare; None where that depends."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                holds = self._holds(operand)
                return None if holds is None else not holds
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                return False
            case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=str(text))]):
                known = {"__name__": "", "sys.platform": "emscripten", "os.name": "posix"}.get(ast.unparse(left))
                equal = None if known is None else known == text
                return equal if isinstance(op, ast.Eq) else not equal if equal is not None else None
            case ast.Compare(left=left, ops=[op], comparators=[ast.Tuple(elts=elements)]):
                compare = _COMPARED.get(type(op))
                if compare is not None and ast.unparse(left) == "sys.version_info" and len(elements) > 1:
                    wanted = tuple(e.value for e in elements if isinstance(e, ast.Constant))
                    return bool(compare((3, self.minor, 99), wanted))
        return None


def own_files(root: Path) -> list[Path]:
    """The files of a module root, without environments, caches, vendored packages and tests."""
    found: list[Path] = []
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        found += [Path(folder, name) for name in files if not name.startswith(".")]
    return sorted(found)


def is_optional(file: Path, line: int) -> bool:
    """Whether a line of a file stands where an ImportError is caught."""
    try:
        places = Source(file, ast.parse(file.read_bytes())).places
    except (OSError, SyntaxError, ValueError, RecursionError):
        return False
    return any(place.optional for place in places if getattr(place.node, "lineno", None) == line)


def read_sources(root: Path, minor: int, plain: Iterable[str] = ()) -> tuple[list[Source], list[tuple[Path, int, str]]]:
    """The worker's own files under `root`, and those that cannot be read as Python 3.`minor`, or as the Python that runs
    here where that is an older one: file, line, text."""
    sources, unread = [], []
    for path in own_files(root):
        if path.suffix != ".py":
            continue
        try:
            tree = ast.parse(path.read_bytes(), str(path), feature_version=(3, minor))
            sources.append(Source(path, tree, minor, frozenset(plain)))
        except SyntaxError as error:
            unread.append((path, error.lineno or 1, error.msg))
        except (ValueError, RecursionError) as error:
            unread.append((path, 1, str(error)))
    return sources, unread


def _seen_by(scope: Scope) -> Scope:
    """What a function or class written here sees around it: not the names of a class."""
    while scope.is_class and scope.outer is not None:
        scope = scope.outer
    return scope


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
        yield node.module


def _catches_absence(handler: ast.ExceptHandler, body: list[ast.stmt]) -> bool:
    """Whether a handler is for the absence of what the body imports. One for every Exception is where there are imports
    alone: around what uses the import it hides that it fails."""
    if handler.type is not None and any(name in ast.unparse(handler.type) for name in _ABSENT):
        return True
    every = handler.type is None or "Exception" in ast.unparse(handler.type)
    return every and not any(isinstance(node, ast.Call) for child in body for node in ast.walk(child))


def _suppresses(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("suppress")
        and any(name in ast.unparse(argument) for argument in node.args for name in _ABSENT)
    )
