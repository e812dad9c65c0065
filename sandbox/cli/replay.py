"""`sandbox replay`: do it again, through the code that is there now."""

from __future__ import annotations

import click

from sandbox.cli import replay_stages, session
from sandbox.cli.tables import as_json
from sandbox.errors import UsageError


@click.command("replay")
@click.argument("what", metavar="EXECUTION")
@click.option("--from", "from_stage", metavar="STAGE", help="Only this stage, and those that follow from it.")
@click.option("--pdb", is_flag=True, help="Open pdb, here, at the first exception that no worker handles.")
@as_json
@session.common
def command(options: session.Options, what: str, from_stage: str | None, pdb: bool, as_json: bool) -> None:
    """Run the stages of an execution again: on the input, the outbound answers, the KV reads, the time and the chance that
    were recorded, through the code as it is now. Nothing is written and nothing goes out; the difference is printed.

    Exit 0: the same as before, or a stage that failed gives a result now. Exit 1: it differs, or (still) fails.

    \b
    Example: sandbox replay exec_2cbdbc423926f8ad2cbdbc423926f8ad
             sandbox replay exec_2cbdbc423926f8ad2cbdbc423926f8ad --from classify --pdb
    """
    if not what.startswith("exec_"):
        raise UsageError(f"{what} is no execution's id", hint="`sandbox executions list` shows them")
    if not replay_stages.replay(options, what, from_stage, quiet=as_json, pdb=pdb):
        raise click.exceptions.Exit(1)
