"""`sandbox check`: what will fail on Cloudflare, with file, line and one sentence of remedy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json
from sandbox.config.models import WorkerConfig, fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound
from sandbox.portability.check import check
from sandbox.portability.findings import shown


@click.command("check")
@click.argument("workers", nargs=-1)
@click.option("--strict", is_flag=True, help="Findings and warnings are errors, shown with what Cloudflare says.")
@as_json
@session.common
def command(options: session.Options, workers: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Read the workers' files and say what works here and fails on Cloudflare. No code of a worker is run.

    WORKERS are names; none means all. Findings are warnings (exit 0); with --strict they are errors (exit 1).

    Example: sandbox check my_worker --strict
    """
    loaded = options.read()
    chosen = [_worker(loaded.config.workers, name) for name in workers] or list(loaded.config.workers.values())
    report = check(chosen)
    warnings = [w for w in loaded.warnings if not workers or any(w.file.is_relative_to(c.root) for c in chosen)]
    if as_json:
        print_json(
            {
                "workers": [config.name for config in chosen],
                "findings": [finding.as_json() for finding in report.findings],
                "configuration": [str(warning) for warning in warnings],
                "notes": list(report.notes),
                "install": report.install,
            }
        )
    else:
        for warning in warnings:
            click.echo(f"{'error' if strict else 'warning'}: {warning}")
        for finding in report.findings:
            click.echo(shown(finding, Path.cwd(), strict=strict))
        for note in report.notes:
            click.echo(f"note: {note}")
        if report.install:
            click.echo(f"install what is missing: {report.install}")
        total = len(report.findings) + len(warnings)
        found = "1 finding" if total == 1 else f"{total or 'no'} findings"
        click.echo(f"checked {len(chosen)} worker{'' if len(chosen) == 1 else 's'}: {found}")
    if strict and (report.findings or warnings):
        raise click.exceptions.Exit(1)


def _worker(workers: Mapping[str, WorkerConfig], name: str) -> WorkerConfig:
    for config in workers.values():
        if fold(config.name) == fold(name):
            return config
    raise NotFound(f"no worker {name}", hint=choices(name, workers=[config.name for config in workers.values()]))
