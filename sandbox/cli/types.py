"""`sandbox types`: what editors and type checkers read, in the project."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json
from sandbox.config.models import fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound, UsageError, UserError
from sandbox.typings.project import Stub, env_stubs, module_stubs
from sandbox.typings.settings import Setting, write_settings


@click.command("types")
@click.argument("workers", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is missing or out of date.")
@click.option("--print", "to_print", is_flag=True, help="Write nothing; print what would be in each worker's file.")
@click.option("--settings", is_flag=True, help="Also tell pyright, Pylance and mypy of the stubs.")
@as_json
@session.common
def command(
    options: session.Options, workers: tuple[str, ...], check: bool, to_print: bool, settings: bool, as_json: bool
) -> None:
    """Write type stubs: worker_configuration.pyi beside each worker's main module (the class Env), and js, pyodide and
    workers into the project's folder typings/, where pyright and Pylance look for stubs without any setting.

    WORKERS are names; none means all. Values of vars and secrets are not written, and no path of this machine. Where
    pyrightconfig.json, pyproject.toml or .vscode/settings.json name another stubPath in the project, that is the folder.
    --settings adds what is missing to the project's pyproject.toml (without one, to pyrightconfig.json and mypy.ini): that
    a stub without a module behind it is no warning, mypy_path, and that mypy looks into functions without annotations. What is there already is not changed, but told.

    Example: sandbox types --settings
    """
    if settings and (check or to_print):
        raise UsageError("--settings writes, and --check and --print do not", hint="run sandbox types --settings first")
    config = options.read().config
    hosted = {fold(worker.name): worker for worker in config.workers.values() if worker.has_main}
    wanted = [fold(name) for name in workers] or list(hosted)
    for name in wanted:
        if name not in hosted:
            hint = choices(name, workers=[worker.name for worker in hosted.values()])
            raise NotFound(f"no worker {name} with code", hint=hint)
    stubs = env_stubs({name: hosted[name] for name in wanted}, config.workers)
    if to_print:
        for stub in stubs:
            click.echo(f"# {_shown(stub.path)}\n{stub.text}")
        return
    stubs += module_stubs(config.root)
    late = [stub for stub in stubs if not stub.current]
    if check:
        _report(stubs, late, "out of date", as_json)
        if late:
            raise click.exceptions.Exit(1)
        return
    for stub in late:
        if stub.foreign:
            hint = "move it away, or name another folder: stubPath in pyrightconfig.json"
            raise UserError(f"{_shown(stub.path)} was not written by sandbox types", code="foreign_file", hint=hint)
    for stub in late:
        stub.write()
    added, by_hand = write_settings(config.root) if settings else ([], [])
    _report(stubs, late, "written", as_json, added, by_hand)


def _report(
    stubs: list[Stub],
    late: list[Stub],
    word: str,
    as_json: bool,
    added: Sequence[Setting] = (),
    by_hand: Sequence[Setting] = (),
) -> None:
    if as_json:
        answer: dict[str, Any] = {
            "files": [_shown(stub.path) for stub in stubs],
            word.replace(" ", "_"): [_shown(s.path) for s in late],
        }
        for key, found in (("added", added), ("to_add", by_hand)):
            answer |= {key: [{"file": _shown(item.path), "line": item.line} for item in found]} if found else {}
        print_json(answer)
        return
    for stub in late:
        click.echo(f"{word}: {_shown(stub.path)}")
    if not late:
        click.echo(f"{len(stubs)} files are up to date")
    for said, found in (("added to", added), ("please add to", by_hand)):
        for item in found:
            click.echo(f"{said} {_shown(item.path)}: {item.line}")


def _shown(path: Path) -> str:
    return os.path.relpath(path)
