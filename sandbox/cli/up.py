"""`sandbox up`: everything in one process, until Ctrl-C."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import os
import platform
import signal
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sandbox.cli import certificates, session
from sandbox.cli.console import LEVELS, Console
from sandbox.cli.tables import count, were
from sandbox.config.load import Loaded
from sandbox.config.models import EGRESS_MODES
from sandbox.errors import UsageError, UserError

if TYPE_CHECKING:
    from sandbox.app import Sandbox
    from sandbox.config.dependencies import MissingDependencies
    from sandbox.config.models import PipelineConfig, SandboxConfig, WorkerConfig


@click.command("up")
@click.option("--port", type=click.IntRange(0, 65535), help="The one port of everything [8787].")
@click.option("--ip", help="The address to listen on [127.0.0.1 and ::1].")
@click.option("--token", help="What every request from another machine must carry; needed with --ip.")
@click.option("--var", "variables", multiple=True, metavar="KEY:VALUE", help="A var for every worker.")
@click.option(
    "--env-file",
    "env_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Read instead of .dev.vars and .env.",
)
@click.option("--no-reload", is_flag=True, help="Do not watch files.")
@click.option("--egress", type=click.Choice(EGRESS_MODES), help="What outbound calls may do.")
@click.option("--allow-host", "allow_hosts", multiple=True, help="A further Host to answer to (containers, tunnels).")
@click.option(
    "--log-level", type=click.Choice(list(LEVELS)), default="info", show_default=True, help="The least that is shown."
)
@click.option(
    "--log-format",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="json: a line an event.",
)
@click.option(
    "--break", "breaks", multiple=True, metavar="POINT", help="Hold messages here: process:WORKER, kv.put:KEY*, ..."
)
@click.option("--strict", is_flag=True, help="Warnings about the configuration are errors.")
@click.option("--test-scheduled", is_flag=True, help="GET <worker>/__scheduled?cron=... calls its scheduled handler.")
@click.option("--pdb", is_flag=True, help="Open pdb at each unhandled exception of a worker.")
@click.option(
    "--debugpy",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    help="Let an editor attach on 127.0.0.1:PORT (needs the extra `debug`).",
)
@session.common
def command(
    options: session.Options,
    port: int | None,
    ip: str | None,
    token: str | None,
    variables: tuple[str, ...],
    env_files: tuple[Path, ...],
    no_reload: bool,
    egress: str | None,
    allow_hosts: tuple[str, ...],
    log_level: str,
    log_format: str,
    strict: bool,
    test_scheduled: bool,
    pdb: bool,
    debugpy: int | None,
    breaks: tuple[str, ...],
) -> None:
    """Start every worker, the orchestrator and KV in one process, and reload what is saved.

    Without a sandbox.toml it serves the workers in workers/*, or the one in the current folder.

    Example: sandbox up --port 8787
    """
    if pdb:
        session.need_terminal("--pdb")
    overrides: dict[str, Any] = {"port": port, "ip": ip, "egress": egress, "allow_hosts": allow_hosts or None}
    overrides["var"] = dict(map(_variable, variables)) or None
    overrides["env_files"] = env_files or None
    chosen = dataclasses.replace(options, overrides=overrides)
    loaded = chosen.read()
    if strict and loaded.warnings:
        for warning in loaded.warnings:
            click.echo(f"warning: {warning}", err=True)
        raise UsageError("the configuration has warnings, and --strict makes them errors")
    if strict:
        _refuse_unportable(list(loaded.config.workers.values()))
    console = Console(log_level, as_json=log_format == "json")
    served = _serve(
        chosen,
        loaded,
        console,
        reload=not no_reload,
        token=token,
        breaks=breaks,
        hosting={"post_mortem": pdb, "debugpy": debugpy, "strict": strict, "test_scheduled": test_scheduled},
    )
    raise click.exceptions.Exit(session.run(served))


async def _serve(
    options: session.Options,
    loaded: Loaded,
    console: Console,
    *,
    reload: bool,
    token: str | None,
    breaks: tuple[str, ...],
    hosting: dict[str, Any],
) -> int:
    with certificates.read_later() as read_certificates:
        from sandbox.app import Sandbox  # heavy: not for --help
        from sandbox.app.hosting import OWN_PROCESS
        from sandbox.loader.debugger import when_paused  # loaded with it

    # What is imported now stays until the end. Workers come after this: theirs must be collected when they are replaced.
    gc.freeze()
    gc.enable()
    started = time.perf_counter()
    living = dataclasses.replace(OWN_PROCESS, **hosting)
    sandbox = Sandbox(loaded, watch=reload, hosting=living, reread=options.read, token=token)
    for point in breaks:
        try:
            sandbox.breakpoints.add(point)
        except UserError as error:
            raise UsageError(f"--break {error.message}", hint=error.hint) from None
    console.redact, console.describe = sandbox.redact, sandbox.failures.describe_unhandled
    sandbox.events.subscribe(console.event)
    sandbox.events.subscribe_at_once(console.event)
    when_paused(console.hold)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    _stop_on_signals(loop, stop)
    loop.set_exception_handler(console.loop_error)
    try:
        await sandbox.start()
        _greet(sandbox, console, (time.perf_counter() - started) * 1000)
        # What no request needs comes after the first of them can be answered.
        await asyncio.to_thread(read_certificates)
        _tell_missing(console, await asyncio.to_thread(_missing, list(sandbox.config.workers.values())))
        await sandbox.portability.look()
        await stop.wait()
    except BaseException:
        await sandbox.stop(0)
        raise
    flying = sandbox.requests_in_flight
    console.line(f"stopping; {count(flying, 'request')} in flight: 5 s to finish" if flying else "stopping")
    stopped = await sandbox.stop()
    told = [f"{count(stopped.finished, 'request')} {were(stopped.finished)} finished"] if stopped.finished else []
    if stopped.cut:
        told.append(f"{stopped.cut if told else count(stopped.cut, 'request')} {were(stopped.cut)} cut")
    console.line("stopped" + (f"; {', '.join(told)}" if told else ""), level="warning" if stopped.cut else "info")
    return 0


def _refuse_unportable(workers: list[WorkerConfig]) -> None:
    """Raises UsageError, with each finding printed, where something would fail on Cloudflare."""
    from sandbox.portability.check import check  # with `packaging` and all distributions: not for every start
    from sandbox.portability.findings import shown

    findings = check(workers).findings
    for finding in findings:
        click.echo(shown(finding, Path.cwd(), strict=True), err=True)
    if findings:
        raise UsageError("what is said above fails on Cloudflare, and --strict makes it an error")


def _stop_on_signals(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """Ctrl-C (and SIGTERM) sets `stop`; a second one ends the process on the spot.

    Python's own handlers, not the loop's: those would never run while a worker keeps the loop busy. Nothing is lost by
    so abrupt an end: what was acknowledged is in the databases' logs, and the lock on the state folder goes with us.
    """
    asked = False

    def handle(number: int, frame: object) -> None:
        nonlocal asked
        if asked:
            os.write(2, b"stopped at once\n")
            os._exit(128 + number)
        asked = True
        loop.call_soon_threadsafe(stop.set)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)


def _greet(sandbox: Sandbox, console: Console, milliseconds: float) -> None:
    """What is up, where, and what is odd."""
    from sandbox.app.entrypoints import wrong_entrypoints  # with the loader, which is there by now

    config = sandbox.config
    for warning in sandbox.warnings:
        console.line(f"warning: {warning}", level="warning")
    for line in wrong_entrypoints(config.workers.values(), sandbox.workers):
        console.line(f"warning: {line}", level="warning")
    for worker in config.workers.values():
        missing = [f"{b.binding} ({b.kind})" if b.binding else b.kind for b in worker.unsupported]
        if missing:
            console.line(f"{worker.name} asks for what is not supported yet: {', '.join(missing)}", level="warning")
    interrupted = sandbox.orchestrator.interrupted
    if interrupted:
        console.line(
            f"{count(len(interrupted), 'execution')} {were(len(interrupted))} cut short when the sandbox last ended: "
            "see `sandbox executions list`",
            level="warning",
        )
    if console.as_json:
        console.emit_json(
            "up",
            address=sandbox.address,
            environment=config.env,
            workers={n: sandbox.url_of(n) for n in config.workers},
            ms=round(milliseconds),
            clock_offset_s=sandbox.moved_clock.offset,
            faults=len(sandbox.faults),
            breakpoints=[known.text for known in sandbox.breakpoints],
        )
        return
    python = f"Python {platform.python_version()}, workers-runtime-sdk {version('workers-runtime-sdk')}"
    console.line(
        f"{click.style('sandbox', bold=True)} is up at {click.style(sandbox.address, fg='cyan')} after {milliseconds:.0f} ms ({python})"
    )
    width = max((len(name) for name in config.workers), default=0)
    for name in config.workers:
        status = sandbox.workers.status(name)
        url = sandbox.url_of(name)
        note = "" if status.error is None else click.style("  does not load", fg="red")
        own = sandbox.describe_worker(name)["port"]
        console.line(f"  {name:{width}}  {url}" + (f"  http://localhost:{own}" if own else "") + note)
    for name, external in config.external().items():
        console.line(f"  {name:{width}}  {external.url} (external)")
    for pipeline in config.pipelines.values():
        console.line(f"  pipeline {pipeline.name}: {_course(pipeline)}")
    if sandbox.moved_clock.offset:
        console.line(
            f"  the clock is moved: {sandbox.moved_clock.told()}; back with: sandbox clock reset", level="warning"
        )
    if config.env is not None:
        console.line(f"  environment {config.env} of the wrangler files")
    console.line(f"  state {_short(config.state)}, egress {_egress(config)}, page {sandbox.address}/")
    if len(sandbox.faults):
        verb = "is" if len(sandbox.faults) == 1 else "are"
        told = f"  {count(len(sandbox.faults), 'fault')} {verb} in force: sandbox fault list"
        console.line(told, level="warning")
    if sandbox.debugging.port is not None:
        console.line(f"  an editor may attach on 127.0.0.1:{sandbox.debugging.port} (debugpy)")
    if len(sandbox.breakpoints):
        held_at = ", ".join(known.text for known in sandbox.breakpoints)
        console.line(f"  messages are held at {held_at}", level="warning")
    if sys.stdin.isatty():
        console.line("  Ctrl-C stops it")


def _missing(workers: list[WorkerConfig]) -> MissingDependencies:
    from sandbox.config.dependencies import missing_dependencies  # reads what is installed: not while starting

    return missing_dependencies(workers)


def _tell_missing(console: Console, absent: MissingDependencies) -> None:
    """Packages that workers declare and this environment lacks, with one line that installs them all."""
    if absent:
        for entry in absent.missing:
            console.line(f"{entry.worker}: {entry.requirement}: {entry.reason}", level="warning")
        console.line(f"install what is missing: {absent.install}", level="warning")


def _egress(config: SandboxConfig) -> str:
    """The mode, and where its recordings are."""
    mode, folder = config.egress.mode, config.root / config.egress.cassettes
    if mode == "record":
        return f"record to {_short(folder)}"
    if mode == "replay":
        return f"replay from {_short(folder)}" + ("" if folder.is_dir() else ", where nothing is yet")
    return mode


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _variable(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name:
        raise UsageError(f"--var {text}: expected KEY:VALUE")
    return name, value


def _course(pipeline: PipelineConfig) -> str:
    """`a + b -> c`: what can run at the same time stands together."""
    depths: dict[str, int] = {}
    for stage in pipeline.stages:
        depths[stage.name] = 1 + max((depths[need] for need in stage.needs), default=-1)
    levels = ([name for name, each in depths.items() if each == depth] for depth in range(max(depths.values()) + 1))
    return " -> ".join(" + ".join(level) for level in levels)
