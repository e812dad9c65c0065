"""The files that `sandbox types` keeps in a project, and how they stand to what is there."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from sandbox.config.jsonc import loads
from sandbox.config.models import WorkerConfig
from sandbox.typings.env import FILE, env_stub

DEFAULT_FOLDER = "typings"
"""Where pyright and Pylance look for stubs unless they are told otherwise."""
MARK = "# Written by `sandbox types`"
_HEAD = f"""\
{MARK} for the modules that only the runtime has; it is overwritten.
# pyright: reportPrivateUsage=false, reportIncompatibleMethodOverride=false
"""


@dataclass(frozen=True, slots=True)
class Stub:
    """A file and what is to be in it; without `text` it is one of ours that is no longer needed."""

    path: Path
    text: str | None

    @property
    def current(self) -> bool:
        """Whether the file is as it should be."""
        return _read(self.path) == self.text

    @property
    def foreign(self) -> bool:
        """Whether somebody else's file is in the way."""
        found = _read(self.path)
        return found is not None and not found.startswith(MARK)

    def write(self) -> None:
        """Write the file, or remove it. Raises OSError."""
        if self.text is None:
            self.path.unlink()
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text, encoding="utf-8")


def env_stubs(wanted: Mapping[str, WorkerConfig], workers: Mapping[str, WorkerConfig]) -> list[Stub]:
    """`worker_configuration.pyi` beside the main module of each wanted worker."""
    return [Stub(config.module_root / FILE, env_stub(config, workers)) for config in wanted.values()]


def module_stubs(root: Path) -> list[Stub]:
    """The stubs of `js`, `pyodide` and `workers` in the folder of a project where its editor looks for them."""
    folder = root / stub_folder(root)
    found = dict(_shipped(files("sandbox.typings") / "stubs"))
    stubs = [Stub(folder / name, _HEAD + text) for name, text in sorted(found.items())]
    for module in sorted({name.partition("/")[0] for name in found if "/" in name}):
        for path in sorted((folder / module).rglob("*.pyi")):
            old = Stub(path, None)
            if path.relative_to(folder).as_posix() not in found and not old.foreign:
                stubs.append(old)
    return stubs


def _shipped(folder: Traversable, prefix: str = "") -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for item in folder.iterdir():
        if item.is_dir():
            found += _shipped(item, f"{prefix}{item.name}/")
        elif item.name.endswith(".pyi"):
            found.append((prefix + item.name, item.read_text(encoding="utf-8")))
    return found


def stub_folder(root: Path) -> str:
    """The `stubPath` that the project's own settings name, where it lies in the project; else `typings`.

    In pyright's order: pyrightconfig.json, `[tool.pyright]` of pyproject.toml, then VS Code's settings.
    """
    for named in (
        json_file(root / "pyrightconfig.json").get("stubPath"),
        (tool_table(root, "pyright") or {}).get("stubPath"),
        json_file(root / ".vscode" / "settings.json").get("python.analysis.stubPath"),
    ):
        if isinstance(named, str) and named:
            path = Path(named.removeprefix("${workspaceFolder}/"))
            if (
                not path.is_absolute()
                and ".." not in path.parts
                and "$" not in named.removeprefix("${workspaceFolder}")
            ):
                return path.as_posix()
            break
    return DEFAULT_FOLDER


def json_file(path: Path) -> dict[str, Any]:
    """What is in a JSON file with comments; nothing where there is none, or it is not right."""
    try:
        value = loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def tool_table(root: Path, tool: str) -> dict[str, Any] | None:
    """`[tool.NAME]` of the project's pyproject.toml, if it has one."""
    try:
        value = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    table = value.get("tool", {}).get(tool)
    return table if isinstance(table, dict) else None


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
