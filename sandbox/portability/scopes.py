"""What a name means where it is written: the module or the thing of a module that an import brought, or nothing known.

Python's own rules: a function sees its own names, those of the functions around it, the module's and the built-in ones;
the names of a class are seen in its body alone.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from dataclasses import dataclass, field

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
UNKNOWN = "?"
"""Stands before a name that nothing is known of."""
# What a call gives whose result has methods that matter.
_GIVEN = {
    f"asyncio.{name}": "asyncio.AbstractEventLoop"
    for name in ("get_event_loop", "get_running_loop", "new_event_loop", "events.get_event_loop")
}


@dataclass(slots=True)
class Scope:
    """The names of a module, class or function. `bound` gives for each what an import (or another name of it) makes of it,
    None where it is something of the worker's own."""

    outer: Scope | None = None
    is_class: bool = False
    bound: dict[str, str | None] = field(default_factory=dict)
    elsewhere: set[str] = field(default_factory=set)
    """Names declared `global` or `nonlocal`."""

    def bind(self, name: str, meaning: str | None = None) -> None:
        """An import keeps its meaning beside what stands in for it (`except ImportError: yaml = None`)."""
        if name in self.elsewhere and self.outer is not None:
            self.outer.bind(name, meaning)
        elif self.bound.get(name) is None:
            self.bound[name] = meaning

    def meaning(self, name: str) -> str:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.bound and (scope is self or not scope.is_class):
                return scope.bound[name] or UNKNOWN + name
            scope = scope.outer
        return f"builtins.{name}" if hasattr(builtins, name) else UNKNOWN + name

    def dotted(self, node: ast.AST | None) -> str | None:
        """`random.choice` of a name or attribute, `?loop.close` where nothing is known of its first part; None for
        what is neither."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            first: str | None = self.meaning(node.id)
        elif isinstance(node, ast.Call):
            first = _GIVEN.get(self.dotted(node.func) or "")
        else:
            first = None
        return None if first is None else ".".join([first, *reversed(parts)])


def bindings(node: ast.AST, scope: Scope) -> list[Callable[[], None]]:
    """Bind what this node itself binds. Returns what has to wait until all names are bound: other names of a thing."""
    later: list[Callable[[], None]] = []
    match node:
        case ast.Import():
            for alias in node.names:
                top = alias.name.partition(".")[0]
                scope.bind(alias.asname or top, alias.name if alias.asname else top)
        case ast.ImportFrom():
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                scope.bind(alias.asname or alias.name, f"{module}.{alias.name}")
        case ast.Global() | ast.Nonlocal():
            scope.elsewhere.update(node.names)
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            scope.bind(name)
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            scope.bind(name)
        case ast.MatchMapping(rest=str(name)):
            scope.bind(name)
        case ast.Name(ctx=ast.Store() | ast.Del()):
            scope.bind(node.id)
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            later.append(lambda: _same_thing(scope, name, value))
            if isinstance(node, ast.AnnAssign):
                later.append(lambda: _of_type(scope, name, node.annotation))
        case ast.arg():
            scope.bind(node.arg)
            later.append(lambda: _of_type(scope, node.arg, node.annotation))
    return later


def _same_thing(scope: Scope, name: str, value: ast.AST | None) -> None:
    """`spawn = threading.Thread`, `loop = asyncio.get_running_loop()`, `cache = self.env.CACHE`."""
    meaning = scope.dotted(value)
    if meaning is not None and meaning != UNKNOWN + name:
        scope.bind(name, meaning)


def _of_type(scope: Scope, name: str, annotation: ast.expr | None) -> None:
    if scope.dotted(annotation) in _GIVEN.values():
        scope.bind(name, scope.dotted(annotation))
