"""`sandbox export`: a folder that `pywrangler deploy` takes, and the commands that remain."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json
from sandbox.config.models import WorkerConfig, fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound, SandboxError, UsageError
from sandbox.portability.export import Exported, export

_URL = re.compile(r"https?://[^\s'\"]+")


@click.command("export")
@click.argument("worker")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--force",
    is_flag=True,
    help="Write into a DIR that is not empty: files of the same names and its wrangler file are replaced.",
)
@click.option("--url", help="Where it will answer, for the registry. [default: its workers.dev address]")
@as_json
@session.common
def command(options: session.Options, worker: str, folder: Path, force: bool, url: str | None, as_json: bool) -> None:
    """Write WORKER into DIR as `pywrangler deploy` takes it, and print the commands that remain.

    The files of the worker, a wrangler.jsonc without local settings, its pyproject.toml, and sandbox.handshake beside
    its code where it is used. Never secrets (.dev.vars, .env). Ids that are local stand as <id of NAME>.

    Example: sandbox export my_worker dist/my_worker
    """
    if url is not None and not _URL.fullmatch(url):
        raise UsageError(f"--url {url!r} is no http or https URL")
    sandbox_config = options.read().config
    workers = sandbox_config.workers
    config = next((c for c in workers.values() if fold(c.name) == fold(worker)), None)
    if config is None:
        raise NotFound(f"no worker {worker}", hint=choices(worker, workers=[c.name for c in workers.values()]))
    done = export(config, folder, env=sandbox_config.env, workers=workers.values(), force=force)
    said = _handshake(options, config) if done.handshake else None
    # What the sandbox gives every worker, and `sandbox.handshake` fetches references and keeps checkpoints with.
    given = {"ORCHESTRATOR_URL", "WORKER_TOKEN"} - config.vars.keys() if done.handshake else set()
    environment = [] if done.env is None else ["--env", done.env]
    remaining = {
        "namespaces": [
            shlex.join(["npx", "wrangler", *kind.split(), "create", name])
            for kind, names in (("kv namespace", done.namespaces), ("d1", done.databases), ("r2 bucket", done.buckets))
            for name in names
        ],
        "secrets": [
            f"npx wrangler secret put {shlex.quote(name)} --name {done.name}"
            for name in sorted({*done.secrets, *given})
        ],
        "sql": None if said is None else _sql(config, said, url or f"https://{done.name}.<SUBDOMAIN>.workers.dev"),
        "deploy": f"cd {shlex.quote(str(folder))} && "
        + shlex.join(["uvx", "--from", "workers-py", "pywrangler", "deploy", *environment]),
    }
    if as_json:
        print_json(
            {
                "worker": config.name,
                "name": done.name,
                "environment": done.env,
                "folder": str(folder),
                "files": list(done.files),
                "handshake": done.handshake,
                "placeholders": dict(done.placeholders),
                "remaining": remaining,
                "notes": list(done.notes),
            }
        )
        return
    _print(config, done, remaining)


def _handshake(options: session.Options, config: WorkerConfig) -> Mapping[str, Any] | None:
    """What the worker answers to a handshake here; None, said why, where it cannot be asked or answers something else."""
    try:
        answer = session.run(_ask(options, config))
        if isinstance(answer, dict) and isinstance(answer.get("capabilities"), dict):
            return answer
        why = f"it answers {_short(answer)}"
    except (SandboxError, ValueError) as error:
        why = str(error)
    click.echo(f"note: there is no SQL, for the handshake with {config.name} failed: {why}", err=True)
    return None


def _short(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    text = error.get("message") if isinstance(error, dict) else error
    return str(text or json.dumps(answer))[:200]


async def _ask(options: session.Options, config: WorkerConfig) -> Any:
    """Ask in the sandbox that is up and serves this environment, else in one of our own that leaves nothing."""
    async with AsyncExitStack() as stack:
        try:
            is_up = session.running(options) is not None
        except UsageError:  # it serves another environment
            is_up = False
        if is_up:
            api = await stack.enter_async_context(session.client(options))

            async def ask(method: str, path: str, body: Any = None) -> Any:
                return json.loads((await api.fetch(method, f"/workers/{config.host_label}{path}", json_body=body))[1])
        else:
            state = Path(stack.enter_context(TemporaryDirectory()))
            own = await stack.enter_async_context(session.own_sandbox(replace(options, persist_to=state), load=True))
            from sandbox.runtime import exchange  # loaded with the sandbox anyway

            async def ask(method: str, path: str, body: Any = None) -> Any:
                given = {} if body is None else {"json": body}
                request = exchange.new_request(f"{own.url_of(config.name)}{path}", method=method, **given)
                return await exchange.read_json(await own.fetch(config.name, request))

        health = await ask("GET", "/health")
        input_ref = {"storage_type": "inline", "inline_data": health.get("example_input", {})}
        ids = {"packet_id": "export", "execution_id": "export", "stage_id": "export"}
        return await ask("POST", "/api/handshake", {**ids, "input_ref": input_ref})


def _sql(config: WorkerConfig, said: Mapping[str, Any], url: str) -> str:
    """The guide's statement with this worker's values."""
    capabilities = said["capabilities"]
    types = {key: capabilities.get(key) for key in ("input_types", "output_types")}
    values = [
        _quoted(str(said.get("worker_name") or config.name)),
        _quoted(url),
        "'active'",
        _quoted(json.dumps(types, separators=(",", ":"))),
        "'2.0'",
        "true",
        "true" if capabilities.get("supports_streaming") else "false",
        "10",
        str(int(capabilities.get("max_processing_time_ms") or 60_000)),
    ]
    return (
        "INSERT INTO worker_registry (worker_name, worker_url, status, capabilities, protocol_version,\n"
        "  supports_handshake, supports_streaming, max_concurrent_executions, avg_execution_time_ms)\n"
        f"VALUES ({', '.join(values)});"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _print(config: WorkerConfig, done: Exported, remaining: Mapping[str, Any]) -> None:
    beside = " with sandbox.handshake" if done.handshake else ""
    click.echo(f"wrote {config.name} to {done.folder}: {len(done.files)} files{beside}")
    for note in done.notes:
        click.echo(f"note: {note}")
    steps: list[tuple[str, list[str]]] = []
    if remaining["namespaces"]:
        steps.append(
            (
                "Create what it stores in (once for all workers), and put the ids into wrangler.jsonc:",
                remaining["namespaces"],
            )
        )
    if remaining["sql"]:
        steps.append(("Register it, in the orchestrator's database:", remaining["sql"].splitlines()))
    steps.append(("Deploy:", [remaining["deploy"]]))
    if remaining["secrets"]:
        where = ", and where its orchestrator is" if done.handshake else ""
        steps.append((f"Set its secrets, none of which was exported{where}:", remaining["secrets"]))
    for number, (what, lines) in enumerate(steps, 1):
        click.echo(f"\n{number}. {what}")
        for line in lines:
            click.echo(f"   {line}")
