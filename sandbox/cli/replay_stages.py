"""The stages of an execution run again, and what came of it as lines for people."""

from __future__ import annotations

import dataclasses
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.progress import Watch
from sandbox.cli.replayed_in import api_of
from sandbox.cli.tables import duration, print_json, size
from sandbox.client import Client, over_http

COLOURS = {"same": "green", "mended": "green", "different": "yellow", "failed": "red", "skipped": "cyan"}


def replay(
    options: session.Options, execution_id: str, from_stage: str | None, *, quiet: bool, pdb: bool = False
) -> bool:
    """Replay and print. Returns whether all is as it was (or better), and nothing fails."""
    if pdb:
        session.need_terminal("--pdb")
    report = session.run(_replay(options, execution_id, from_stage, quiet, pdb))
    if quiet:
        print_json(report)
    else:
        print_report(report)
    return bool(report["ok"])


async def _replay(
    options: session.Options, execution_id: str, from_stage: str | None, quiet: bool, pdb: bool
) -> dict[str, Any]:
    """In the sandbox that is up, else in one of our own, whose workers' words come out here. A debugger's prompt must be
    here, too: then the execution is fetched from the one that is up, and run again in a folder for the time being."""
    async with AsyncExitStack() as stack:
        holder, watch, brought = session.running(options), Watch(quiet), None
        if holder is not None and pdb:
            brought = await _exported(holder, execution_id)
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-replay-"))
            options = dataclasses.replace(options, persist_to=Path(folder))
            holder = None
        api = await api_of(stack, options, holder, watch, pdb=pdb)
        if brought is not None:
            await api.call("POST", "/api/executions/import", body=brought)
        path = f"/api/executions/{quote(execution_id, safe='')}/replay"
        return dict((await api.call("POST", path, json_body={"from": from_stage}))["replay"])


async def _exported(holder: dict[str, Any], execution_id: str) -> bytes:
    async with over_http(holder["address"]) as send:
        api = Client(send, holder.get("admin_token"))
        return (await api.fetch("GET", f"/api/executions/{quote(execution_id, safe='')}/export"))[1]


def print_report(report: dict[str, Any]) -> None:
    """For people; the JSON has everything."""
    for stage in report["stages"]:
        _print_stage(stage)
    ran = [stage for stage in report["stages"] if stage["verdict"] != "skipped"]
    bad = [stage["stage"] for stage in ran if stage["verdict"] in ("different", "failed")]
    if bad:
        click.echo(f"not as recorded: {', '.join(bad)}")
    elif not ran:
        click.echo("nothing was run again")
    elif not report["ok"]:
        failing = [stage["stage"] for stage in ran if stage["now"]["error"] is not None]
        click.echo(f"as recorded: {', '.join(failing)} still fails")
    elif any(stage["verdict"] == "mended" for stage in ran):
        click.echo("it works now")
    else:
        click.echo("all as recorded")


def _print_stage(stage: dict[str, Any]) -> None:
    verdict = stage["verdict"]
    word = click.style(f"{verdict:<9}", fg=COLOURS[verdict], bold=True)
    took = "" if stage["duration_ms"] is None else f"  {duration(stage['duration_ms'])}"
    click.echo(f"  {stage['stage']:<12} {word}{took}  {_outcome(stage)}")
    if stage["other_code"]:
        click.echo(f"    {stage['worker']} has other code than was recorded")
    if stage["new_input"]:
        click.echo("    its input is new: an earlier stage gives another output now")
    for difference in stage["differences"]:
        was, now = (("nothing" if value is None else value) for value in (difference["was"], difference["now"]))
        click.echo(f"    {difference['path']}: {was} -> {now}")
    if stage["more_differences"]:
        click.echo("    ... and more")
    for at, divergence in enumerate(stage["divergences"]):
        click.echo(f"    {'diverges first' if at == 0 else 'then'}: {divergence['what']}")
        if divergence["nearest"]:
            click.echo(f"      nearest: {divergence['nearest']}")
    for note in stage["notes"]:
        click.echo(f"    note: {note}")


def _outcome(stage: dict[str, Any]) -> str:
    was, now = stage["was"], stage["now"]
    if now is None:
        return str(stage["why"])
    text = _result(now)
    if stage["verdict"] == "same":
        return text
    return f"{_result(was)} -> {text}" if was is not None else text


def _result(outcome: dict[str, Any]) -> str:
    if outcome["error"] is not None:
        return f"{outcome['error']['message']} [{outcome['error']['code']}]"
    if outcome["sha256"] is None:
        return "no result"
    return f"{size(outcome['size_bytes'])}, sha256 {outcome['sha256'][:12]}"
