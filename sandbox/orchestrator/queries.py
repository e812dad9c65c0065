"""The named statements of `queries.sql`: `Q.claim_stage` is the text below the line `-- name: claim_stage`."""

from __future__ import annotations

import re
from pathlib import Path


class Queries:
    """Statements by name, as attributes."""

    def __init__(self, text: str) -> None:
        parts = re.split(r"^-- name: (\w+)[^\n]*\n", text, flags=re.MULTILINE)
        self._statements = {name: sql.strip() for name, sql in zip(parts[1::2], parts[2::2], strict=True)}

    def __getattr__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            raise AttributeError(f"no statement {name!r} in queries.sql") from None

    def names(self) -> list[str]:
        return list(self._statements)


Q = Queries(Path(__file__).with_name("queries.sql").read_text(encoding="utf-8"))
