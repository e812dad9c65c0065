"""The worker's own catalogue: a file of feeds that public lists name, read when it is first asked for."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from finder.addresses import key
from finder.feeds import Feed

FILE = Path(__file__).with_name("catalogue.json")


@cache
def public() -> tuple[Feed, ...]:
    """The feeds of the file, in its order."""
    return tuple(
        Feed(
            row["url"],
            row["title"],
            row["site"],
            row.get("description", ""),
            tuple(row["topics"]),
            row["language"],
            row["list"],
            key(row["url"]),
        )
        for row in document()["feeds"]
    )


def document() -> dict[str, Any]:
    """{lists: {name: {where, licence, ...}}, feeds: [...]} as the file has it."""
    whole: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return whole
