"""Reading a TOML, JSON or JSONC file into a dictionary; what cannot be read becomes a problem with its line."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from sandbox.config import jsonc
from sandbox.config.problems import Problems

_BIGGEST = 1 << 20  # bytes; a configuration file beyond this is some other file


def read_text(path: Path, problems: Problems) -> str | None:
    """The file's text (UTF-8), or None where it is absent or, with a problem, unreadable."""
    try:
        if path.stat().st_size > _BIGGEST:
            problems.error(path, "", "is larger than 1 MiB, which no configuration file is")
            return None
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        problems.error(path, "", f"is not UTF-8 text (byte {error.start})", "save it as UTF-8")
    except OSError as error:
        problems.error(path, "", f"cannot be read: {error.strerror or error}")
    return None


def read_document(path: Path, problems: Problems) -> dict[str, Any] | None:
    """The file's top-level table, by its extension; None where it is absent or broken (then with a problem)."""
    text = read_text(path, problems)
    if text is None:
        return None
    try:
        data = tomllib.loads(text) if path.suffix == ".toml" else jsonc.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.error(path, "", f"is not valid TOML: {error}")
        return None
    except jsonc.JsoncError as error:
        problems.error(path, "", f"is not valid JSON: {error}")
        return None
    if not isinstance(data, dict):
        problems.error(path, "", "must hold an object at the top", 'as in {"name": "my_worker", ...}')
        return None
    return data
