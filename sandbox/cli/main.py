"""The `sandbox` command: a group that loads its commands lazily, and the one place where errors become exit codes."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any

import click

from sandbox import __version__
from sandbox.errors import SandboxError

COMMANDS = {
    "up": ("sandbox.cli.up", "Start every worker, the orchestrator and KV in one process."),
    "run": ("sandbox.cli.run", "Run a pipeline, or drive one worker."),
    "new": ("sandbox.cli.new", "Write a new worker."),
    "workers": ("sandbox.cli.workers", "List the workers, or show one."),
    "probe": ("sandbox.cli.probe", "Probe the handshake protocol and print the migration table."),
    "check": ("sandbox.cli.check", "What works here and fails on Cloudflare, with file and line."),
    "types": ("sandbox.cli.types", "Write type stubs: each worker's env, and js, pyodide and workers."),
    "export": ("sandbox.cli.export", "A folder that pywrangler deploy takes, and the commands that remain."),
    "registry": ("sandbox.cli.registry", "List the worker registry, or apply the guide's SQL."),
    "ref": ("sandbox.cli.ref", "Plant and read references by hand."),
    "logs": ("sandbox.cli.logs", "What workers printed and what happened to them, line by line."),
    "requests": ("sandbox.cli.requests", "What was asked and answered: list requests, show one."),
    "replay": ("sandbox.cli.replay", "A request again, or an execution's stages, through the code as it is now."),
    "executions": ("sandbox.cli.executions", "List, show and cancel executions."),
    "break": ("sandbox.cli.break_", "Hold messages on their way, in the sandbox that is up."),
    "continue": ("sandbox.cli.continue_", "Let a held message go on, as it is or edited."),
    "clock": ("sandbox.cli.clock", "Show and move the sandbox's clock."),
    "trigger": ("sandbox.cli.trigger", "Call a worker's scheduled handler, as a cron trigger would."),
    "fault": ("sandbox.cli.fault", "Make things go wrong on purpose, in the sandbox that is up."),
    "kv": ("sandbox.cli.kv", "Read and change KV namespaces."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are needed: `--help` of one does not pay for the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = getattr(importlib.import_module(entry[0]), "command")  # noqa: B009 - typed as Any on purpose
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # only on this path

            near = get_close_matches(args[0], COMMANDS, n=1)
            if near:
                raise click.UsageError(f"{error.message.rstrip('.')}. Did you mean {near[0]!r}?", ctx) from None
            raise


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "SANDBOX", "max_content_width": 110},
    epilog="Example: sandbox up   (then: curl http://localhost:8787/health)",
)
@click.version_option(__version__, prog_name="sandbox")
def group() -> None:
    """A local dev sandbox for Cloudflare Python Workers: many workers, one process, no network.

    Not affiliated with Cloudflare.
    """


def main(args: list[str] | None = None) -> Any:
    """Run the command line and exit: 0 ok, 1 failed, 2 wrong usage. A user's mistake prints no traceback."""
    # Imports make objects that stay: collecting among them would be a sixth of a start. `up` turns it on again.
    gc.disable()
    try:
        code = group.main(args, prog_name="sandbox", standalone_mode=False)
    except click.exceptions.Abort:
        print_error("interrupted")
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except SandboxError as error:
        print_error(error.message, error.hint)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    sys.exit(code if isinstance(code, int) else 0)


def print_error(message: str, hint: str | None = None) -> None:
    """One or two lines on standard error."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {message}", err=True)
    if hint:
        click.echo(f"{click.style(' hint:', fg='cyan')} {hint}", err=True)
