"""How a command gets at a sandbox: the one that is up for this folder, else one of its own over the state folder."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sandbox.cli import stopped
from sandbox.client import Answer, Client, over_http
from sandbox.config.load import Loaded, find_state, load_sandbox
from sandbox.config.models import SandboxConfig
from sandbox.config.problems import ConfigError
from sandbox.config.workers import chosen_environment
from sandbox.errors import UsageError, UserError
from sandbox.loader.loop import WorkersLoop
from sandbox.storage import StateFolder

if TYPE_CHECKING:
    from sandbox.app import Sandbox

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Options:
    """What every command that reaches a sandbox takes."""

    config_file: Path | None = None
    env: str | None = None
    persist_to: Path | None = None
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def read(self) -> Loaded:
        """The configuration, read now. Raises ConfigError with every problem."""
        given = dict(self.overrides)
        if self.persist_to is not None:
            given["state"] = str(self.persist_to)
        return load_sandbox(Path.cwd(), config_file=self.config_file, env=self.env, overrides=given)

    def state(self) -> Path:
        """The state folder alone, which needs no worker to be right."""
        from sandbox.config.load import find_sandbox_toml  # beside the loader that `read` uses

        path = self.config_file or find_sandbox_toml(Path.cwd())
        return find_state(Path.cwd(), persist_to=self.persist_to, config_file=path)


def common(command: F) -> F:
    """The options `-c`, `-e` and `--persist-to`, given to the command as one `options` argument."""

    def gather(config: Path | None, env: str | None, persist_to: Path | None, **rest: Any) -> Any:
        return command(options=Options(config, env, persist_to), **rest)

    gather.__name__, gather.__doc__ = command.__name__, command.__doc__
    gather.__click_params__ = list(getattr(command, "__click_params__", []))  # type: ignore[attr-defined]
    for option in (
        click.option("--persist-to", type=click.Path(path_type=Path, file_okay=False), help="The state folder."),
        click.option("-e", "--env", help="Environment of the wrangler files (env.NAME)."),
        click.option("-c", "--config", type=click.Path(path_type=Path, dir_okay=False), help="sandbox.toml to use."),
    ):
        gather = option(gather)
    return gather  # type: ignore[return-value]


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine to its end, in a loop that workers cannot end."""
    with asyncio.Runner(loop_factory=WorkersLoop) as runner:
        return runner.run(work)


def need_terminal(option: str) -> None:
    """Raises UsageError where no debugger's prompt can be opened."""
    if not (sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()):
        raise UsageError(
            f"{option} needs a terminal, and standard input is none",
            hint="run it in a terminal, or attach an editor with --debugpy PORT",
        )


def running(options: Options) -> dict[str, Any] | None:
    """What the sandbox that is up for this folder left in its lock: `pid`, `address`, `admin_token`, `env`; None: none is.

    Raises UsageError where it serves another environment than `-e` (or `$CLOUDFLARE_ENV`) asks for: its workers have
    other bindings under the same names, so the command would read or change what was not meant.
    """
    path = options.state()
    if not path.is_dir():
        return None
    holder = StateFolder.open(path).holder()
    if not holder or not holder.get("address"):
        return None
    wanted, served = chosen_environment(options.env), holder.get("env")
    if wanted is not None and wanted != served:
        shown = f"environment {served}" if served else "the top level of the wrangler files"
        raise UsageError(
            f"the sandbox that is up for this folder serves {shown}, and not environment {wanted}",
            hint=f"ask it without -e and CLOUDFLARE_ENV, or stop it and start: sandbox up -e {wanted}",
        )
    return holder


@asynccontextmanager
async def client(options: Options, *, load: bool = False) -> AsyncIterator[Client]:
    """The API: of the sandbox that is up, else of one of our own over the state folder, without a port.

    `load` loads the workers' code in one of our own; without it only state is at hand.
    """
    holder = running(options)
    if holder is not None:
        async with over_http(holder["address"]) as send, stopped.told(options.state()):
            yield Client(send, holder.get("admin_token"))
        return
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(own_sandbox(options, load=load))
        yield local_client(sandbox)


@asynccontextmanager
async def up_client(options: Options) -> AsyncIterator[Client]:
    """The API of the sandbox that is up. Raises UserError where none is: what it keeps in memory is nowhere else."""
    holder = running(options)
    if holder is None:
        raise UserError("no sandbox is up for this folder", hint="start one with: sandbox up", code="not_up")
    async with over_http(holder["address"]) as send, stopped.told(options.state()):
        yield Client(send, holder.get("admin_token"))


@asynccontextmanager
async def own_sandbox(options: Options, *, load: bool, post_mortem: bool = False) -> AsyncIterator[Sandbox]:
    """A sandbox of our own, without a port and without watching files. `post_mortem`: see `Hosting`."""
    from sandbox.app import Sandbox  # heavy: only when nothing is up
    from sandbox.app.hosting import OWN_PROCESS, STANDALONE

    gc.enable()  # off while importing, see `main`
    try:
        loaded = options.read()
    except ConfigError:
        if load or options.env is not None or not options.state().is_dir():
            raise
        # State can be looked at although the configuration is broken.
        loaded = Loaded(SandboxConfig(root=Path.cwd(), path=None, state=options.state()))
    hosting = OWN_PROCESS if load else STANDALONE
    async with Sandbox(
        loaded, serve=False, watch=False, load=load, hosting=replace(hosting, post_mortem=post_mortem)
    ) as sandbox:
        yield sandbox


def local_client(sandbox: Sandbox) -> Client:
    """The API of a sandbox in this process."""
    from sandbox.runtime import exchange  # loaded with the sandbox anyway

    @asynccontextmanager
    async def send(method: str, path: str, headers: Mapping[str, str], body: bytes | None) -> AsyncIterator[Answer]:
        pairs = [(name.lower(), value) for name, value in headers.items()]
        request = exchange.incoming_request(method, f"{sandbox.address}{path}", pairs, body)
        response = await sandbox.handle(request)
        content = exchange.take_body(response)
        shown = dict(exchange.header_pairs(response))
        if content is None or isinstance(content, bytes):
            yield Answer(response.status, shown, _once(content or b""))
            return
        try:
            yield Answer(response.status, shown, content)
        finally:
            close = getattr(content, "aclose", None)
            if close is not None:
                await close()

    return Client(send, sandbox.admin_token)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
