"""`sandbox types`: what editors and type checkers read, in the project."""

from __future__ import annotations

import os
from pathlib import Path

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json
from sandbox.config.models import fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound, UserError
from sandbox.typings.project import Stub, env_stubs, module_stubs


@click.command("types")
@click.argument("workers", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a file is missing or out of date.")
@click.option("--print", "to_print", is_flag=True, help="Write nothing; print what would be in each worker's file.")
@as_json
@session.common
def command(options: session.Options, workers: tuple[str, ...], check: bool, to_print: bool, as_json: bool) -> None:
    """Write type stubs: worker_configuration.pyi beside each worker's main module (the class Env), and js, pyodide and
    workers into the project's folder typings/, where pyright and Pylance look for stubs without any setting.

    WORKERS are names; none means all. Values of vars and secrets are not written, and no path of this machine. Where
    pyrightconfig.json, pyproject.toml or .vscode/settings.json name another stubPath in the project, that is the folder.
    For mypy set mypy_path = "typings".

    Example: sandbox types my_worker
    """
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
    _report(stubs, late, "written", as_json)


def _report(stubs: list[Stub], late: list[Stub], word: str, as_json: bool) -> None:
    if as_json:
        print_json(
            {"files": [_shown(stub.path) for stub in stubs], word.replace(" ", "_"): [_shown(s.path) for s in late]}
        )
        return
    for stub in late:
        click.echo(f"{word}: {_shown(stub.path)}")
    if not late:
        click.echo(f"{len(stubs)} files are up to date")


def _shown(path: Path) -> str:
    return os.path.relpath(path)
