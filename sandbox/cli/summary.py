"""An execution in a few lines: its stages, times, bytes by reference and inline, and what went wrong."""

from __future__ import annotations

from typing import Any

import click

from sandbox.cli.tables import duration, print_table, size

MARKS = {
    "succeeded": ("ok", "green"),
    "completed": ("ok", "green"),
    "failed": ("failed", "red"),
    "cancelled": ("cancelled", "yellow"),
}


def print_execution(execution: dict[str, Any]) -> None:
    """For people; the JSON has everything."""
    what = execution["pipeline"] or execution["worker"]
    word, colour = MARKS.get(execution["state"], (execution["state"], "cyan"))
    took = duration(execution.get("duration_ms"))
    click.echo(f"{what}  {click.style(word, fg=colour, bold=True)}  {took}  {execution['execution_id']}")
    if execution.get("imported_at"):
        click.echo(f"  imported {execution['imported_at']}; it ran elsewhere")
    rows = []
    for stage in execution["stages"]:
        sent = stage["bytes"]
        rows.append(
            [
                f"  {stage['name']}",
                stage["worker"],
                stage["state"],
                duration(stage.get("duration_ms")),
                str(stage["attempts"]),
                size(sent["total"]),
                size(sent["inline"]),
            ]
        )
    print_table(["  Stage", "Worker", "State", "Time", "Tries", "Bytes", "Inline"], rows, right=[3, 4, 5, 6])
    total = execution["bytes"]
    if total["inline"]:
        saved = total["saved_percent"]
        click.echo(
            f"  {size(total['total'])} by reference ({size(total['messages'])} messages, {size(total['data'])} fetched); "
            f"{size(total['inline'])} if inline" + (f": {saved:.0f} % saved" if saved and saved > 0 else "")
        )
    for stage in execution["stages"]:
        if stage.get("error"):
            print_failure(stage["name"], stage["error"])
    again = next(
        (stage["name"] for stage in execution["stages"] if stage.get("error") and stage.get("packet_id")), None
    )
    if execution["state"] == "failed" and again is not None:
        click.echo(f"  after an edit, that stage again: sandbox replay {execution['execution_id']} --from {again}")
    if execution.get("error") and not any(stage.get("error") for stage in execution["stages"]):
        print_failure(what, execution["error"])


def print_failure(where: str, error: dict[str, Any]) -> None:
    click.echo(f"  {click.style(where, fg='red')}: {error['message']} [{error['code']}]", err=True)
    if error.get("hint"):
        click.echo(f"    {click.style('hint:', fg='cyan')} {error['hint']}", err=True)
