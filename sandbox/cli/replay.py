"""`sandbox replay`: do it again, through the code that is there now."""

from __future__ import annotations

import click

from sandbox.cli import replay_request, replay_stages, session
from sandbox.cli.tables import as_json
from sandbox.errors import UsageError


@click.command("replay")
@click.argument("what", metavar="REQUEST|EXECUTION")
@click.option("--from", "from_stage", metavar="STAGE", help="Only this stage, and those that follow from it.")
@click.option("--pdb", is_flag=True, help="Open pdb, here, at the first exception that no worker handles.")
@click.option(
    "-H", "--header", "headers", multiple=True, metavar="'NAME: VALUE'", help="Of a request: in place of its own."
)
@as_json
@session.common
def command(
    options: session.Options,
    what: str,
    from_stage: str | None,
    pdb: bool,
    headers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Send a request again (r42, or `last`), or run the stages of an execution again, through the code as it is now; the
    difference is printed.

    A request does what it does: it writes to KV and calls out. Credentials are not recorded: give them with -H. The stages
    of an execution run on the input, the outbound answers, the KV reads, the time and the chance that
    were recorded; nothing is written then and nothing goes out.

    Exit 0: the same as before, or a stage that failed gives a result now. Exit 1: it differs, or (still) fails.

    \b
    Example: sandbox replay r42
             sandbox replay last -H "Authorization: Bearer abc"
             sandbox replay exec_2cbdbc423926f8ad2cbdbc423926f8ad
             sandbox replay exec_2cbdbc423926f8ad2cbdbc423926f8ad --from classify --pdb
    """
    if not what.startswith("exec_"):
        if from_stage is not None:
            raise UsageError(f"--from is for an execution, and {what} is a request")
        if not replay_request.replay(options, what, headers, quiet=as_json, pdb=pdb):
            raise click.exceptions.Exit(1)
        return
    if headers:
        raise UsageError("-H is for a request; the stages of an execution run on what was recorded")
    if not replay_stages.replay(options, what, from_stage, quiet=as_json, pdb=pdb):
        raise click.exceptions.Exit(1)
