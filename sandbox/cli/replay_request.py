"""A request again, through the code that is there now, and the difference as lines for people."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.progress import Watch
from sandbox.cli.replayed_in import api_of
from sandbox.cli.tables import count, print_json
from sandbox.errors import UsageError, UserError


def replay(options: session.Options, request_id: str, headers: tuple[str, ...], *, quiet: bool, pdb: bool) -> bool:
    """Replay and print. Returns whether the answer is the same."""
    if pdb:
        session.need_terminal("--pdb")
    given = [_header(text) for text in headers]
    report = session.run(_replay(options, request_id, given, quiet, pdb))
    if quiet:
        print_json(report)
    else:
        print_report(report)
    return bool(report["equal"])


async def _replay(
    options: session.Options, request_id: str, headers: list[list[str]], quiet: bool, pdb: bool
) -> dict[str, Any]:
    """In the sandbox that is up, else in one of our own, whose workers' words come out here."""
    async with AsyncExitStack() as stack:
        holder, watch = session.running(options), Watch(quiet)
        if holder is not None and pdb and not holder.get("pdb"):
            raise UserError(
                f"the workers run in the sandbox that is up (pid {holder.get('pid')}), started without --pdb",
                hint="start that one with: sandbox up --pdb",
            )
        api = await api_of(stack, options, holder, watch, pdb=pdb)
        path = f"/api/requests/{quote(request_id, safe='')}/replay"
        answer = await api.call("POST", path, json_body={"headers": headers})
        return {key: value for key, value in answer.items() if key != "success"}


def print_report(report: dict[str, Any]) -> None:
    before, after = report["before"], report["after"]
    click.echo(f"{report['replay_of']} {report['method']} {report['url']}")
    click.echo(f"  before: {_told(before)}")
    click.echo(f"  now:    {_told(after)}, recorded as {report['request']}")
    for name in report["scrubbed"]:
        click.echo(f"  {name} was not sent: its value is not recorded; give it with -H '{name}: ...'")
    if report["equal"]:
        click.secho("the same answer", fg="green")
        return
    differences = report["differences"]
    if "status" in differences:
        _changed("status", differences["status"])
    for header in differences.get("headers", ()):
        _changed(header["name"], header)
    body = differences.get("body")
    if body is None:
        return
    match body["kind"]:
        case "json":
            for change in body["changes"]:
                _changed(change["path"], change)
            if body["count"] > len(body["changes"]):
                click.echo(f"... {count(body['count'] - len(body['changes']), 'change')} more")
        case "text":
            for line in body["diff"][2:]:
                click.secho(line, fg={"-": "red", "+": "green", "@": "cyan"}.get(line[:1]))
        case _:
            click.echo(f"the body: {_fact(body['before'])} before, {_fact(body['after'])} now")


def _changed(what: str, change: dict[str, Any]) -> None:
    click.echo(f"{click.style(what, bold=True)}")
    if "before" in change:
        click.secho(f"  - {_value(change['before'])}", fg="red")
    if "after" in change:
        click.secho(f"  + {_value(change['after'])}", fg="green")


def _value(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}... ({len(text)} characters)"


def _told(answer: dict[str, Any]) -> str:
    return f"{answer['status']} in {answer['ms']:.1f} ms, generation {answer['generation']}"


def _fact(fact: dict[str, Any]) -> str:
    return f"{fact['size']} bytes, sha256 {(fact['sha256'] or 'unknown')[:16]}"


def _header(text: str) -> list[str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise UsageError(f"-H {text!r} is no header", hint="as in -H 'Authorization: Bearer abc'")
    return [name.strip().lower(), value.strip()]
