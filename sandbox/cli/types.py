"""`sandbox types`: a typed stub of `env` beside each worker's code."""

from __future__ import annotations

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json
from sandbox.config.env_stub import FILE, env_stub
from sandbox.config.models import fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound


@click.command("types")
@click.argument("workers", nargs=-1)
@as_json
@session.common
def command(options: session.Options, workers: tuple[str, ...], as_json: bool) -> None:
    """Write worker_configuration.pyi beside each worker's main module: the class Env, for mypy and pyright.

    WORKERS are names; none means all. Values of vars and secrets are not written.

    Example: sandbox types my_worker
    """
    hosted = {fold(config.name): config for config in options.read().config.workers.values() if config.has_main}
    for name in workers:
        if fold(name) not in hosted:
            hint = choices(name, workers=[config.name for config in hosted.values()])
            raise NotFound(f"no worker {name} with code", hint=hint)
    wanted = [fold(name) for name in workers] or list(hosted)
    written = []
    for name in wanted:
        path = hosted[name].module_root / FILE
        path.write_text(env_stub(hosted[name]), encoding="utf-8")
        written.append(str(path))
    if as_json:
        print_json({"files": written})
        return
    for text in written:
        click.echo(f"wrote {text}")
