"""One table of a configuration file, read key by key: wrong types become problems, unknown keys become warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.config.problems import Problems, nearest

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", list: "a list", dict: "a table"}


def shown(value: Any) -> str:
    """The value as a person would write it, cut to a line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "..."


class Table:
    """Typed access to one table. Every getter returns its default where the key is absent or wrong."""

    def __init__(self, data: Mapping[str, Any], file: Path, prefix: str, problems: Problems) -> None:
        self.data = data
        self.file = file
        self.prefix = prefix
        self.problems = problems
        self._asked: dict[str, None] = {}

    def key(self, name: str) -> str:
        """The dotted path of a key of this table; of the table itself for an empty name."""
        return ".".join(part for part in (self.prefix, name) if part)

    def error(self, name: str, message: str, hint: str | None = None) -> None:
        self.problems.error(self.file, self.key(name), message, hint)

    def warning(self, name: str, message: str, hint: str | None = None) -> None:
        self.problems.warning(self.file, self.key(name), message, hint)

    def raw(self, name: str) -> Any:
        """The value as it stands, None when absent."""
        self._asked[name] = None
        return self.data.get(name)

    def __contains__(self, name: str) -> bool:
        self._asked[name] = None
        return name in self.data

    def _typed(self, name: str, kind: type, required: bool = False) -> Any:
        value = self.raw(name)
        if value is None:
            if required:
                self.error(name, "is missing", f"it must be {_KINDS[kind]}")
            return None
        if isinstance(value, kind) and not (kind is int and isinstance(value, bool)):
            return value
        self.error(name, f"must be {_KINDS[kind]}, not {shown(value)}")
        return None

    def text(self, name: str, *, required: bool = False) -> str | None:
        value: str | None = self._typed(name, str, required)
        if value is not None and not value.strip():
            self.error(name, "is empty")
            return None
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        value = self._typed(name, bool)
        return default if value is None else bool(value)

    def integer(self, name: str, *, least: int, most: int | None = None) -> int | None:
        """A whole number from `least` to `most`, both included."""
        value: int | None = self._typed(name, int)
        if value is None:
            return None
        if value < least or (most is not None and value > most):
            bounds = f"at least {least}" if most is None else f"from {least} to {most}"
            self.error(name, f"must be {bounds}, not {value}")
            return None
        return value

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A number from `least` to `most`, both included."""
        value = self.raw(name)
        if value is None:
            return None
        if not isinstance(value, int | float) or isinstance(value, bool) or value != value:
            self.error(name, f"must be a number, not {shown(value)}")
            return None
        if not least <= value <= most:
            self.error(name, f"must be from {least:g} to {most:g}, not {shown(value)}")
            return None
        return float(value)

    def choice(self, name: str, options: Sequence[str]) -> str | None:
        value: str | None = self._typed(name, str)
        if value is None or value in options:
            return value
        self.error(name, f"must be one of {', '.join(options)}, not {shown(value)}", nearest(value, options))
        return None

    def strings(self, name: str) -> tuple[str, ...] | None:
        """A list of texts; None when absent or wrong."""
        value = self._typed(name, list)
        if value is None:
            return None
        for index, item in enumerate(value):
            if not isinstance(item, str):
                self.problems.error(self.file, f"{self.key(name)}[{index}]", f"must be text, not {shown(item)}")
                return None
        return tuple(value)

    def table(self, name: str) -> Table | None:
        value = self._typed(name, dict)
        return None if value is None else Table(value, self.file, self.key(name), self.problems)

    def tables(self, name: str) -> list[Table]:
        """A list of tables; entries that are none become problems and are left out."""
        out = []
        for index, item in enumerate(self._typed(name, list) or []):
            key = f"{self.key(name)}[{index}]"
            if isinstance(item, dict):
                out.append(Table(item, self.file, key, self.problems))
            else:
                self.problems.error(self.file, key, f"must be a table, not {shown(item)}")
        return out

    def named_tables(self, name: str) -> dict[str, Table]:
        """A table of tables, as `[pipelines.NAME]` makes one."""
        parent = self.table(name)
        if parent is None:
            return {}
        named = {entry: parent.table(entry) for entry in parent.data}
        return {entry: table for entry, table in named.items() if table is not None}

    def warn_unknown(self, also: Iterable[str] = (), hint: str | None = None) -> None:
        """A warning for each key that nobody asked for, with the nearest of those that somebody did."""
        known = [*self._asked, *also]
        for name in self.data:
            if name not in known:
                self.warning(name, "is not a known key and is ignored", nearest(name, known) or hint)
