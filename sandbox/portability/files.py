"""Files that the code names and no module rule uploads: readable here, absent on Cloudflare."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from sandbox.config.models import ModuleRule, WorkerConfig
from sandbox.portability.source import Place, Source, own_files

_PATHS = frozenset(
    {"builtins.open", "io.open", "os.open", "os.path.join", "pkgutil.get_data", "sqlite3.connect"}
    | {f"pathlib.{name}" for name in ("Path", "PurePath", "PosixPath", "PurePosixPath")}
)
_JOINING = ("joinpath", "with_name")


def uploads(rules: Iterable[ModuleRule]) -> Callable[[str], bool]:
    """Whether a file is uploaded beside the code, by its path from the module root, as posix writes it."""
    patterns = [_pattern(glob) for rule in rules for glob in rule.globs]
    return lambda path: any(pattern.fullmatch(path) for pattern in patterns)


def not_uploaded(config: WorkerConfig, rules: Iterable[ModuleRule] | None = None) -> dict[str, Path]:
    """Every file beside the code that no rule matches (by default those of the worker), by its path and by its bare name."""
    uploaded = uploads(config.rules if rules is None else rules)
    found: dict[str, Path] = {}
    for path in own_files(config.module_root):
        relative = path.relative_to(config.module_root)
        if path.suffix in (".py", ".pyc", ".pyi"):
            continue
        if not uploaded(relative.as_posix()):
            found[relative.as_posix()] = found[relative.name] = path
    return found


def named(source: Source, absent: dict[str, Path]) -> Iterator[tuple[str, int, str, str]]:
    """The strings of the code that name such a file where one is opened: in a path, or as what a name in a path stands for."""
    if not absent:
        return
    used = {p.node.id for p in source.places if isinstance(p.node, ast.Name) and _in_a_path(p)}
    for place in source.places:
        node = place.node
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        path = absent.get(node.value.removeprefix("./"))
        if path is not None and (_in_a_path(place) or used & _targets(place.around[-1])):
            text = f"{node.value} is uploaded by no module rule"
            remedy = (
                f'Add a rule to the wrangler file: type "Text" (or "Data"), globs ["**/*{path.suffix}"], fallthrough = true; '
                "one of that type before it needs fallthrough = true, too."
            )
            yield "file-not-uploaded", node.lineno, text, remedy


def _in_a_path(place: Place) -> bool:
    """Whether it goes into a call that opens a file or makes a path, or is joined to one with `/`."""
    for outer in reversed(place.around):
        if isinstance(outer, ast.BinOp) and isinstance(outer.op, ast.Div):
            return True
        if isinstance(outer, ast.Call):
            name = place.scope.dotted(outer.func) or ""
            if name in _PATHS or name.startswith("importlib.resources."):
                return True
            if isinstance(outer.func, ast.Attribute) and outer.func.attr in _JOINING:
                return True
        if isinstance(outer, ast.stmt):
            return False
    return False


def _targets(node: ast.AST) -> set[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _pattern(glob: str) -> re.Pattern[str]:
    """wrangler's globs: `**/` is any number of folders, `*` stays inside one."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    shown = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(shown.get(part, re.escape(part)) for part in parts))
