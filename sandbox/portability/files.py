"""Files that the code names and no module rule uploads: readable here, absent on Cloudflare."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from sandbox.config.models import WorkerConfig
from sandbox.portability.source import Source, own_files


def uploads(config: WorkerConfig) -> Callable[[str], bool]:
    """Whether a file is uploaded beside the code, by its path from the module root, as posix writes it."""
    patterns = [_pattern(glob) for rule in config.rules for glob in rule.globs]
    return lambda path: any(pattern.fullmatch(path) for pattern in patterns)


def not_uploaded(config: WorkerConfig) -> dict[str, Path]:
    """Every file beside the code that no rule matches, by its path and by its bare name."""
    uploaded = uploads(config)
    found: dict[str, Path] = {}
    for path in own_files(config.module_root):
        relative = path.relative_to(config.module_root)
        if path.suffix in (".py", ".pyc", ".pyi"):
            continue
        if not uploaded(relative.as_posix()):
            found[relative.as_posix()] = found[relative.name] = path
    return found


def named(source: Source, absent: dict[str, Path]) -> Iterator[tuple[str, int, str, str]]:
    """The strings of the code that are the name of such a file."""
    for node, _, _ in source.nodes if absent else ():
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            path = absent.get(node.value.removeprefix("./"))
            if path is not None:
                text = f"{node.value} is uploaded by no module rule"
                remedy = f'Add a rule to the wrangler file: type "Text" (or "Data"), globs ["**/*{path.suffix}"].'
                yield "file-not-uploaded", node.lineno, text, remedy


def _pattern(glob: str) -> re.Pattern[str]:
    """wrangler's globs: `**/` is any number of folders, `*` stays inside one."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?)", glob)
    shown = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile("".join(shown.get(part, re.escape(part)) for part in parts))
