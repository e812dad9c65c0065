"""Live progress of an execution in the terminal: one line a stage. Workers' own output comes out above it."""

from __future__ import annotations

import asyncio
import sys
from types import TracebackType
from typing import IO, Any, Self, cast

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from sandbox.cli import blocked
from sandbox.events import Event

WORDS = {
    "succeeded": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "skipped": "skipped",
    "backoff": "waiting to try again",
}


class _RealError:
    """Standard error, also while it is routed in this process: what is drawn is no worker's output."""

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(sys.stderr, "real", sys.stderr), name)


class Watch:
    """Shows stages as they move. Where the output is no terminal nothing live is drawn. `quiet` shows nothing at all
    on standard output; workers' output goes to standard error in any case. Made on a running loop."""

    def __init__(self, quiet: bool) -> None:
        loop = asyncio.get_running_loop()
        self._console = Console(file=cast(IO[str], _RealError()), highlight=False)
        self._live = not quiet and self._console.is_terminal
        self._progress = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[message]}", markup=False),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            get_time=lambda: loop.time(),  # stands still while a debugger holds the process, from its first stop on
        )
        self._held: list[Event] | None = None
        self._tasks: dict[str, TaskID] = {}
        self._shown = False
        self._told: set[str] = set()

    def __enter__(self) -> Self:
        self._shown = True
        if self._live:
            self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._shown = False
        if self._live:
            self._progress.stop()

    def stages(self, execution: dict[str, Any]) -> None:
        """The stages there are, in their order."""
        width = max((len(stage["name"]) for stage in execution["stages"]), default=0)
        for stage in execution["stages"]:
            self._tasks[stage["name"]] = self._progress.add_task(
                stage["name"].ljust(width), total=100, start=False, message=""
            )

    def update(self, kind: str, data: dict[str, Any]) -> None:
        """An event of the execution's stream."""
        if kind == "held":
            self.message_held(data)
        task = self._tasks.get(data.get("stage") or "")
        if task is None:
            return
        if kind == "progress":
            self._progress.update(task, completed=data["progress"], message=data.get("message") or "")
        elif kind == "stage":
            if data["state"] == "running":
                self._progress.start_task(task)
            elif data["state"] in WORDS:
                self._progress.update(task, message=WORDS[data["state"]])
                if data["state"] != "backoff":
                    self._progress.stop_task(task)

    def hold(self, paused: bool) -> None:
        """Draw nothing while a debugger's prompt is open in this process, and show what came meanwhile after it."""
        if paused:
            self._held = []
            if self._live:
                self._progress.stop()
            return
        held, self._held = self._held, None
        if self._live and self._shown:
            self._progress.start()
        for event in held or ():
            self.event(event)

    def say(self, text: str) -> None:
        """A line of our own, above what is drawn."""
        self._console.print(escape(text), style="yellow", soft_wrap=True)

    def message_held(self, held: dict[str, Any]) -> None:
        """A message of the execution that waits at a breakpoint; each is told once."""
        if held["id"] not in self._told:
            self._told.add(held["id"])
            told = f"held {held['id']} {held['point']}:{held['worker']}: sandbox continue {held['id']}"
            self._console.print(escape(told), style="yellow")

    def event(self, event: Event) -> None:
        """A line that a worker printed, its exception, that it keeps the loop, or a call of its that was recorded."""
        if self._held is not None:
            self._held.append(event)
            return
        fields = event.fields
        if event.kind.startswith("loop."):
            level, text = blocked.told(event.kind, fields)
            if level != "debug":
                self._console.print(escape(text), style="yellow")
            return
        if event.kind == "cassette":
            problem = fields["error"]
            text = f"recorded {fields['file']}" if problem is None else f"not recorded: {problem}"
            self._console.print(escape(text), style=None if problem is None else "red", soft_wrap=True)
        elif event.kind == "exception":
            self._console.print(escape(str(fields["text"])), style="red", soft_wrap=True)
        else:
            style = "yellow" if fields["level"] in ("warning", "error", "critical") else None
            self._console.print(
                f"[cyan]{escape(fields['worker'])}[/] {escape(fields['text'])}", style=style, soft_wrap=True
            )
        sys.stderr.flush()
