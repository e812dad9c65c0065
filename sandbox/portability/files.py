"""Files that the code names and no module rule uploads: readable here, absent on Cloudflare."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sandbox.config.models import WorkerConfig
from sandbox.portability.source import Source, own_files


def not_uploaded(config: WorkerConfig) -> dict[str, Path]:
    """Every file beside the code that no rule matches, by its path and by its bare name."""
    patterns = [_pattern(glob) for rule in config.rules for glob in rule.globs]
    found: dict[str, Path] = {}
    for path in own_files(config.module_root):
        relative = path.relative_to(config.module_root)
        if path.suffix in (".py", ".pyc", ".pyi"):
            continue
        if not any(pattern.fullmatch(relative.as_posix()) for pattern in patterns):
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
