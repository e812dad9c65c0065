"""The console of `sandbox up`: events as lines, for people or as JSON. It never takes part in what workers print."""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Any

import click

from sandbox.cli import blocked
from sandbox.cli.held import held_text
from sandbox.clock import iso
from sandbox.errors import SandboxError
from sandbox.events import Event
from sandbox.loader.output import real_stdout
from sandbox.portability.findings import line_of

LEVELS = {"debug": 10, "info": 20, "log": 20, "warning": 30, "warn": 30, "error": 40, "critical": 50, "none": 100}
COLOURS = {"warning": "yellow", "warn": "yellow", "error": "red", "critical": "red", "debug": "bright_black"}
STATES = {"failed": "error", "cancelled": "warning"}


class Console:
    """Writes to the real standard output. `level` is the least that is shown; `as_json` makes each line an object."""

    def __init__(self, level: str, *, as_json: bool = False) -> None:
        self._least = LEVELS[level]
        self.as_json = as_json
        # Set to the sandbox's own as soon as there is one: whatever says it, a secret does not reach the terminal.
        self.redact: Callable[[str], str] = str
        # The sandbox's own as well, which knows a worker's frames from ours.
        self.describe: Callable[[BaseException], str] = _traceback
        self._held: list[str] | None = None

    def line(self, text: str, *, level: str = "info") -> None:
        """One line of our own."""
        if LEVELS.get(level, 20) < self._least:
            return
        if self.as_json:
            self.emit_json("console", level=level, text=click.unstyle(text))
            return
        colour = COLOURS.get(level)
        self._write(click.style(text, fg=colour) if colour else text)

    def emit_json(self, kind: str, at: float | None = None, **fields: Any) -> None:
        about = {"kind": kind} if at is None else {"kind": kind, "at": iso(at)}
        self._write(json.dumps({**about, **fields}, ensure_ascii=False, default=str))

    def event(self, event: Event) -> None:
        """Show an event: requests at `debug` and, when they fail, at `error`; everything else that a person waits for."""
        if event.kind == "request" and self._least > LEVELS["debug"] and event.fields["status"] < 500:
            return  # the most frequent of all: no text is made for nobody
        level, text = told(event)
        if text is None or LEVELS.get(level, 20) < self._least:
            return
        if self.as_json:
            self.emit_json(event.kind, event.at, **{"level": level, **event.fields})
            return
        colour = COLOURS.get(level)
        self._write(click.style(text, fg=colour) if colour else text)

    def loop_error(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """What a task of ours or of a worker left unhandled: a bug shows its traceback, the process lives."""
        error = context.get("exception")
        text = str(context.get("message", "unhandled error"))
        if isinstance(error, SandboxError):
            text += f": {error.message}"
        elif error is not None:
            text += "\n" + self.describe(error)
        self.line(text, level="error")

    def hold(self, paused: bool) -> None:
        """Keep lines back while a debugger's prompt is open, and show them after it."""
        if paused:
            self._held = []
            return
        held, self._held = self._held, None
        for text in held or ():
            self._write(text)

    def _write(self, text: str) -> None:
        if self._held is not None:
            self._held.append(text)
            return
        shown = self.redact(text)
        try:
            click.echo(shown, file=real_stdout())
        except UnicodeEncodeError:  # lone surrogates, or a terminal that is not UTF-8
            click.echo(shown.encode("ascii", "backslashreplace").decode(), file=real_stdout())


def _traceback(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)).rstrip()


def told(event: Event) -> tuple[str, str | None]:
    """Level and text; no text for what is not for the console."""
    fields = event.fields
    match event.kind:
        case "log":
            return fields["level"], f"{click.style(fields['worker'], fg='cyan')} {fields['text']}"
        case "exception":
            return "error", str(fields["text"])
        case "reload" if fields["generation"] > 1:
            return "info", f"{fields['worker']} reloaded in {fields['ms']:.0f} ms (generation {fields['generation']})"
        case "reload.failed":
            after = "the last good code serves on" if fields["stale"] else "it cannot serve until this is mended"
            return "error", f"{fields['worker']} does not load; {after}\n{fields['error']}"
        case "watch":
            hint = f"\n  more of them: {fields['hint']}" if fields["hint"] else ""
            return "info", f"watching by polling, every {fields['every_ms']} ms: {fields['reason']}{hint}"
        case "worker.new":
            return "info", f"{fields['worker']} is new: {fields['url']}"
        case "worker.gone":
            return "info", f"{fields['worker']} is gone: its folder is no longer there"
        case "request.stale":
            return (
                "warning",
                f"{fields['worker']} answered with old code (generation {fields['generation']}): {fields['error']}",
            )
        case "held":
            return "warning", held_text(fields)
        case "continued":
            return "info", f"{fields['id']} {fields['point']}:{fields['worker']} {fields['how']}"
        case "fault":
            return "warning", f"fault {fields['id']}: {fields['text']}: {fields['where']}"
        case "request":
            level = "error" if fields["status"] >= 500 else "debug"
            return level, f"{fields['method']} {fields['url']} {fields['status']} {fields['ms']:.1f} ms"
        case "scheduled":
            missed = f", {fields['skipped']} before it left out" if fields["skipped"] else ""
            level = "info" if fields["outcome"] == "ok" else "error"
            return (
                level,
                f"{fields['worker']} scheduled {fields['cron']} {fields['outcome']} {fields['ms']:.1f} ms{missed}",
            )
        case "clock":
            return "warning" if fields["offset_s"] else "info", f"the clock is moved: {fields['told']}"
        case "outbound":
            level = "warning" if fields["by"] == "refused" else "debug"
            told = "refused" if fields["by"] == "refused" else f"{fields['status']} by {fields['by']}"
            place = f" ({fields['place']})" if fields.get("place") else ""
            did = {"CONNECT": "connected to", "EXEC": "started"}.get(fields["method"], "fetched")
            return level, f"{fields['worker']} {did} {fields['url']}: {told}{place}"
        case "cassette":
            problem = fields["error"]
            return ("info", f"recorded {fields['file']}") if problem is None else ("error", f"not recorded: {problem}")
        case "execution":
            # That it runs is told by what follows; that it waits, fails or ends is news.
            level = "debug" if fields["state"] == "running" else STATES.get(fields["state"], "info")
            error = fields.get("error")
            name = f" {fields['name']}" if fields.get("name") else ""
            return level, f"{fields['execution_id']}{name} {fields['state']}" + (
                f": {error['message']}" if error else ""
            )
        case "stage":
            error = fields.get("error")
            level = STATES.get(fields["state"], "debug")
            return level, f"{fields['execution_id']} {fields['stage']} {fields['state']}" + (
                f": {error['message']}" if error else ""
            )
        case "config":
            text = "configuration read again"
            if fields["restart"]:
                text += f"; restart to change {', '.join(fields['restart'])}"
            return "info", "\n".join([text, *fields["warnings"]])
        case "config.failed":
            return "error", "\n".join(["the configuration has errors; the old one stays in force", *fields["problems"]])
        case "kv.damaged":
            return "error", f"KV namespace {fields['namespace']}: {fields['text']}"
        case "loop.busy" | "loop.ended" | "loop.stuck":
            return blocked.told(event.kind, fields)
        case "portability.note":
            return "info", f"note: {fields['text']}"
        case "portability":
            return "error" if fields["strict"] else "warning", line_of(fields, strict=fields["strict"])
        case "ack_abandoned":
            return (
                "warning",
                f"{fields.get('execution_id', '')}: a worker did not take its acknowledgement; the outcome stands",
            )
    return "debug", None
