"""The settings with which pyright, Pylance and mypy read the stubs, in the project's own configuration files.

pyright and Pylance find `typings/` by themselves, but warn of a stub without a module behind it; mypy has to be told.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path

from sandbox.typings.project import json_file, stub_folder, tool_table

PYRIGHT = "reportMissingModuleSource"
MYPY = "mypy_path"
_UNTYPED = "check_untyped_defs = true"
"""Without it mypy skips `async def fetch(self, request):`. Only where mypy has no settings yet."""
_WHY = "# js and pyodide are stubs alone: the modules exist only inside the runtime"


@dataclass(frozen=True, slots=True)
class Setting:
    """A line that a checker needs: where it belongs and, where we may write it, the whole text of that file."""

    path: Path
    line: str
    text: str | None

    def write(self) -> None:
        """Write the file. Raises OSError; `text` is not None."""
        self.path.write_text(self.text or "", encoding="utf-8")


def write_settings(root: Path) -> tuple[list[Setting], list[Setting]]:
    """What was written, and what the user has to add by hand: a table that is already there is left as it is."""
    written: list[Setting] = []
    by_hand: list[Setting] = []
    for missing in (_pyright, _mypy):  # one after the other: both may add to the same file
        for setting in missing(root):
            if setting.text is None:
                by_hand.append(setting)
            else:
                setting.write()
                written.append(setting)
    return written, by_hand


def _pyright(root: Path) -> Iterator[Setting]:
    path = root / "pyrightconfig.json"
    if path.exists():
        if PYRIGHT not in json_file(path):
            yield Setting(path, f'"{PYRIGHT}": false', None)
        return
    table = tool_table(root, "pyright")
    if table is None:
        own = Setting(path, f'"{PYRIGHT}": false', f'{{\n  "{PYRIGHT}": false\n}}\n')
        yield _new(root, "pyright", f"{PYRIGHT} = false   {_WHY}", own)
    elif PYRIGHT not in table:
        yield Setting(root / "pyproject.toml", f"{PYRIGHT} = false", None)


def _mypy(root: Path) -> Iterator[Setting]:
    folder = stub_folder(root)
    value = f"$MYPY_CONFIG_FILE_DIR/{folder}"
    table = tool_table(root, "mypy")
    # In mypy's order; setup.cfg counts only with a section of its own.
    for name in ("mypy.ini", ".mypy.ini", "pyproject.toml", "setup.cfg"):
        there = table if name == "pyproject.toml" else _section(root / name)
        if there is not None:
            if folder not in str(there.get(MYPY, "")):
                line = f'{MYPY} = "{value}"' if name == "pyproject.toml" else f"{MYPY} = {value}"
                yield Setting(root / name, line, None)
            return
    own = Setting(root / "mypy.ini", f"{MYPY} = {value}", f"[mypy]\n{MYPY} = {value}\n{_UNTYPED}\n")
    yield _new(root, "mypy", f'{MYPY} = "{value}"', own, _UNTYPED)


def _new(root: Path, tool: str, line: str, own: Setting, more: str = "") -> Setting:
    """The table at the end of pyproject.toml where there is one, else a file of the tool's own."""
    project = root / "pyproject.toml"
    if not project.exists():
        return own
    before = project.read_text(encoding="utf-8")
    after = f"{before.rstrip()}\n\n[tool.{tool}]\n{line}\n{more}".rstrip() + "\n"
    try:
        tomllib.loads(after)
    except tomllib.TOMLDecodeError:  # `tool = {...}` in one line, say
        return Setting(project, line, None)
    return Setting(project, line, after)


def _section(path: Path) -> dict[str, str] | None:
    parser = ConfigParser(interpolation=None)
    try:
        parser.read(path, encoding="utf-8")
    except (Error, ValueError):
        return {}
    return dict(parser["mypy"]) if parser.has_section("mypy") else None
