"""`sandbox new worker`: a folder that runs, passes `sandbox probe` and deploys, to be filled in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json
from sandbox.clock import SystemClock, iso
from sandbox.config.discover import new_workers_folder
from sandbox.config.models import WorkerConfig, fold
from sandbox.config.problems import ConfigError
from sandbox.errors import Conflict, UsageError

WRANGLER = """\
name = "{name}"
main = "src/entry.py"
compatibility_date = "{date}"
compatibility_flags = ["python_workers"]

[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "{label}-progress"

[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "{label}-result"
"""
PYPROJECT = """\
[project]
name = "{label}"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = []               # what `pywrangler deploy` vendors; install it here, too
"""
ENTRY = '''\
"""{name}: what it makes of what."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.handshake import HandshakeWorker, Job


@dataclass
class Input:
    """Checked before `process` sees it."""

    text: str


@dataclass
class Output:
    words: int


class Default(HandshakeWorker):
    name = "{name}"
    Input = Input
    Output = Output
    example_input = {{"text": "one two three"}}  # what `sandbox probe` sends

    async def process(self, job: Job) -> Output:
        await job.progress(50, "counting")
        return Output(words=len(job.input.text.split()))
'''
LAUNCH = """\
{
    "version": "0.2.0",
    "configurations": [
        {
            "name": "sandbox up --debugpy 5678",
            "type": "debugpy",
            "request": "attach",
            "connect": { "host": "127.0.0.1", "port": 5678 },
            "justMyCode": true
        }
    ]
}
"""
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", re.ASCII)


def _known(options: session.Options) -> Iterable[WorkerConfig]:
    """The workers of the sandbox; none where its configuration is broken, which is not ours to mend."""
    try:
        return options.read().config.workers.values()
    except ConfigError:
        return ()


@click.group("new")
def command() -> None:
    """Write something new.

    Example: sandbox new worker my_worker
    """


@command.command()
@click.argument("name")
@as_json
@session.common
def worker(options: session.Options, name: str, as_json: bool) -> None:
    """Write the worker NAME: a folder that speaks the handshake protocol and passes `sandbox probe` at once.

    It goes beside the workers that are there (apps/, workers/), or where sandbox.toml looks for them. A .vscode/launch.json to attach an editor is written beside
    where there is none. Nothing is overwritten. A sandbox that is up takes the worker in.

    Example: sandbox new worker my_worker
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be a worker's name",
            hint="letters, digits, - and _, 63 at most, none of - and _ at its ends",
        )
    root, home = new_workers_folder(Path.cwd(), config_file=options.config_file)
    folder = home / name
    taken = [other.name for other in home.iterdir() if fold(other.name) == fold(name)] if home.is_dir() else []
    if taken:
        raise Conflict(f"{home / taken[0]} is there already", hint="choose another name, or remove it")
    other = next((o for o in _known(options) if fold(o.name) == fold(name)), None)
    if other is not None:
        raise Conflict(
            f"there is a worker {other.name} already, in {other.root}",
            hint="choose another name: case, - and _ do not tell names apart",
        )
    label = name.lower().replace("_", "-")
    about = {"name": name, "label": label, "date": iso(SystemClock().now())[:10]}
    # The wrangler file comes last: with it the folder is a worker, which a sandbox that is up loads at once.
    files = {
        folder / "src" / "entry.py": ENTRY.format(**about),
        folder / "pyproject.toml": PYPROJECT.format(**about),
        folder / "wrangler.toml": WRANGLER.format(**about),
    }
    launch = root / ".vscode" / "launch.json"
    if not launch.exists():
        files = {launch: LAUNCH, **files}
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    written = [str(path.relative_to(root)) for path in files]
    if as_json:
        print_json({"worker": name, "folder": str(folder), "files": written})
        return
    for shown in written:
        click.echo(f"wrote {shown}")
    click.echo(f"try it: sandbox probe {name}")
