"""The methods another worker may call over RPC, as a stub's lines, from a main module's text."""

from __future__ import annotations

import ast
from pathlib import Path

_HANDLERS = frozenset("fetch test scheduled queue tail trace alarm connect pubsub dup constructor".split())
_BASES = frozenset({"WorkerEntrypoint", "object"})
# What arrives as it was sent (see `workers.rpc`); what else an annotation says is Any.
_PLAIN = frozenset("str int float bool bytes list dict set Any None".split())


def methods_of(main: Path, entrypoint: str) -> list[str] | None:
    """`async def total(self, prices: list[float], /) -> float: ...` for each public method of a class of the module.

    None where they cannot be told from its text: no such class there, a base class from elsewhere, or a file that does
    not parse.
    """
    try:
        tree = ast.parse(main.read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError):
        return None
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    found: dict[str, str] = {}
    if entrypoint not in classes or not _collect(classes, entrypoint, found):
        return None
    return list(found.values())


def _collect(classes: dict[str, ast.ClassDef], name: str, found: dict[str, str]) -> bool:
    """Add the methods of a class and of its bases; False where a base is not of this module."""
    node = classes[name]
    for item in node.body:
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) or item.name in found:
            continue
        if not item.name.startswith("_") and item.name not in _HANDLERS:
            found[item.name] = _line(item)
    for base in node.bases:
        text = base.id if isinstance(base, ast.Name) else base.attr if isinstance(base, ast.Attribute) else ""
        if text in _BASES:
            continue
        if text not in classes or text == name or not _collect(classes, text, found):
            return False
    return True


def _line(function: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    decorators = {node.id if isinstance(node, ast.Name) else "" for node in function.decorator_list}
    if decorators - {"staticmethod", "classmethod"}:
        return f"async def {function.name}(self, *args: Any) -> Any: ..."
    # Keyword arguments do not cross: JavaScript takes them for one object of options.
    positional = [*function.args.posonlyargs, *function.args.args]
    if "staticmethod" not in decorators:
        positional = positional[1:]
    required = len(positional) - len(function.args.defaults)
    given = [
        f"{argument.arg}: {_plain(argument.annotation)}" + (" = ..." if index >= required else "")
        for index, argument in enumerate(positional)
    ]
    rest = function.args.vararg
    arguments = ["self", *given, "/", *([f"*{rest.arg}: {_plain(rest.annotation)}"] if rest else [])]
    returned = _plain(function.returns).replace("bytes", "memoryview")
    return f"async def {function.name}({', '.join(arguments)}) -> {returned}: ..."


def _plain(annotation: ast.expr | None) -> str:
    """The annotation's text, or Any where it names more than plain types."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            annotation = ast.parse(annotation.value, mode="eval").body
        except SyntaxError:
            return "Any"
    if annotation is None or not all(_is_plain(node) for node in ast.walk(annotation)):
        return "Any"
    return ast.unparse(annotation)


def _is_plain(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return node.id in _PLAIN
    if isinstance(node, ast.Constant):
        return node.value is None
    return isinstance(node, ast.Subscript | ast.BinOp | ast.BitOr | ast.Tuple | ast.Load)
