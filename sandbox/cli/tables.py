"""How the command line shows data: tables for people, JSON for programs."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from typing import Any

import click

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> None:
    """A plain table; nothing is cut where the output is not a terminal."""
    from rich.console import Console  # heavy, and `sandbox up` shows no table
    from rich.table import Table

    console = Console(highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=400, file=io.StringIO())
    table = Table(box=None, pad_edge=False, header_style="bold")
    aligned = set(right)
    for at, column in enumerate(columns):
        table.add_column(
            column,
            justify="right" if at in aligned else "left",
            overflow="fold",
            no_wrap=isinstance(console.file, io.StringIO),
        )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    if isinstance(console.file, io.StringIO):
        for line in console.file.getvalue().splitlines():
            click.echo(line.rstrip())


def count(number: int, what: str) -> str:
    """`1 request`, `2 requests`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def were(number: int) -> str:
    """The verb that goes with a number."""
    return "was" if number == 1 else "were"


def size(count: float) -> str:
    """`1.2 MB`, `640 B`."""
    value = float(count)
    for unit in ("B", "kB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"


def duration(milliseconds: float | None) -> str:
    """`85 ms`, `2.4 s`, `3 min 5 s`."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    return f"{seconds:.1f} s" if seconds < 90 else f"{int(seconds // 60)} min {int(seconds % 60)} s"
