"""`sandbox kv namespace list`, `kv key put/get/list/delete`: wrangler's words and flags over local state."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json, print_table
from sandbox.client import ApiError, Client
from sandbox.config.models import fold
from sandbox.config.problems import choices, nearest
from sandbox.errors import UsageError

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
F = TypeVar("F", bound=Callable[..., Any])


@click.group("kv")
def command() -> None:
    """KV namespaces: read and change them.

    Example: sandbox kv key list --binding RESULT_CACHE
    """


@command.group()
def namespace() -> None:
    """Namespaces.

    Example: sandbox kv namespace list
    """


@command.group()
def key() -> None:
    """Keys and values.

    Example: sandbox kv key get settings --binding CONFIG --text
    """


def _refuse_remote(ctx: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        raise UsageError(
            "--remote asks for namespaces at Cloudflare, which this sandbox never reaches",
            hint="npx wrangler kv ... --remote does",
        )


def as_wrangler(command: F) -> F:
    """`--local`, which is always so here, and `--remote`, which cannot be."""
    no = "Refused: nothing at Cloudflare is reached."
    for option in (
        click.option("--remote", is_flag=True, expose_value=False, callback=_refuse_remote, help=no),
        click.option("--local", is_flag=True, expose_value=False, help="Taken as wrangler's; it is always so here."),
    ):
        command = option(command)
    return command


def which(command: F) -> F:
    """`--binding` or `--namespace-id`, and `--worker` where several workers have a binding of that name."""
    for option in (
        click.option("--worker", help="The worker whose binding is meant."),
        click.option("--namespace-id", help="The namespace by its id."),
        click.option("--binding", help="The namespace by a worker's binding name."),
    ):
        command = option(command)
    return as_wrangler(command)


@namespace.command("list")
@as_wrangler
@as_json
@session.common
def namespace_list(options: session.Options, as_json: bool) -> None:
    """Every namespace, with the workers that bind it.

    Example: sandbox kv namespace list
    """

    async def work() -> list[dict[str, Any]]:
        async with session.client(options) as api:
            return list((await api.call("GET", "/api/kv/namespaces"))["namespaces"])

    found = session.run(work())
    if as_json:
        print_json(found)
        return
    if not found:
        click.echo("No namespace yet: no worker has a KV binding.")
        return
    rows = [[n["id"], ", ".join(f"{b['worker']}: {b['binding']}" for b in n["bindings"])] for n in found]
    print_table(["Namespace", "Bound as"], rows)


@key.command()
@click.argument("key")
@click.argument("value", required=False)
@which
@click.option(
    "--path", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Read the value from a file."
)
@click.option("--ttl", type=int, help="Seconds until it expires (60 at least).")
@click.option("--expiration", type=int, help="When it expires, in seconds since the UNIX epoch.")
@click.option("--metadata", help="JSON of 1,024 bytes at most.")
@session.common
def put(
    options: session.Options,
    key: str,
    value: str | None,
    binding: str | None,
    namespace_id: str | None,
    worker: str | None,
    path: Path | None,
    ttl: int | None,
    expiration: int | None,
    metadata: str | None,
) -> None:
    """Store a value.

    Example: sandbox kv key put greeting hello --binding CONFIG --ttl 3600
    """
    if (value is None) == (path is None):
        raise UsageError("give either VALUE or --path FILE")
    content = path.read_bytes() if path is not None else (value or "").encode()
    headers = {"x-kv-metadata": _ascii_json(metadata)} if metadata is not None else None

    async def work() -> str:
        async with session.client(options) as api:
            name = await _namespace(api, binding, namespace_id, worker)
            query = {"key": key, "expiration_ttl": ttl, "expiration": expiration}
            await api.call("PUT", f"/api/kv/namespaces/{name}/value", query=query, body=content, headers=headers)
            return name

    name = session.run(work())
    click.echo(f"put {key!r} ({len(content)} bytes) into {name}")


@key.command()
@click.argument("key")
@which
@click.option("--text", is_flag=True, help="Decode the value as UTF-8.")
@session.common
def get(
    options: session.Options, key: str, binding: str | None, namespace_id: str | None, worker: str | None, text: bool
) -> None:
    """Print a value.

    Example: sandbox kv key get greeting --binding CONFIG --text
    """

    async def work() -> bytes:
        async with session.client(options) as api:
            name = await _namespace(api, binding, namespace_id, worker)
            return (await api.fetch("GET", f"/api/kv/namespaces/{name}/value", query={"key": key}))[1]

    content = session.run(work())
    if text:
        click.echo(content.decode("utf-8", "replace"))
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


@key.command("list")
@which
@click.option("--prefix", default="", help="Only keys that begin with it.")
@session.common
def list_(
    options: session.Options, prefix: str, binding: str | None, namespace_id: str | None, worker: str | None
) -> None:
    """All keys, as JSON.

    Example: sandbox kv key list --binding CONFIG --prefix user:
    """

    async def work() -> list[dict[str, Any]]:
        keys: list[dict[str, Any]] = []
        async with session.client(options) as api:
            name = await _namespace(api, binding, namespace_id, worker)
            cursor = None
            while True:
                query = {"prefix": prefix, "cursor": cursor}
                page = await api.call("GET", f"/api/kv/namespaces/{name}/keys", query=query)
                keys += page["keys"]
                cursor = page["cursor"]
                if page["list_complete"]:
                    return keys

    print_json(session.run(work()))


@key.command()
@click.argument("key")
@which
@session.common
def delete(
    options: session.Options, key: str, binding: str | None, namespace_id: str | None, worker: str | None
) -> None:
    """Remove a key.

    Example: sandbox kv key delete greeting --binding CONFIG
    """

    async def work() -> str:
        async with session.client(options) as api:
            name = await _namespace(api, binding, namespace_id, worker)
            await api.call("DELETE", f"/api/kv/namespaces/{name}/value", query={"key": key})
            return name

    click.echo(f"deleted {key!r} from {session.run(work())}")


async def _namespace(api: Client, binding: str | None, namespace_id: str | None, worker: str | None) -> str:
    """The id that the options mean."""
    if (binding is None) == (namespace_id is None):
        raise UsageError("give either --binding or --namespace-id", hint="sandbox kv namespace list shows them")
    if namespace_id is not None:
        if not NAME.fullmatch(namespace_id):
            raise UsageError(
                f"--namespace-id {namespace_id}: an id is 1 to 64 letters, digits, _ or -",
                hint="sandbox kv namespace list shows them",
            )
        return namespace_id
    found = (await api.call("GET", "/api/kv/namespaces"))["namespaces"]
    meant = {
        row["id"]
        for row in found
        for bound in row["bindings"]
        if bound["binding"] == binding and (worker is None or fold(bound["worker"]) == fold(worker))
    }
    if len(meant) == 1:
        return str(meant.pop())
    if meant:
        raise UsageError(
            f"{binding} is bound to several namespaces: {', '.join(sorted(meant))}", hint="add --worker NAME"
        )
    bound = [bound for row in found for bound in row["bindings"]]
    if worker is not None and not any(fold(one["worker"]) == fold(worker) for one in bound):
        hint = choices(worker, workers_with_KV=[one["worker"] for one in bound])
        raise ApiError(f"no worker with KV is called {worker}", hint=hint)
    there = [one["binding"] for one in bound if worker is None or fold(one["worker"]) == fold(worker)]
    near = nearest(str(binding), there) or f"there are: {', '.join(sorted(set(there))) or 'none'};"
    raise ApiError(
        f"{worker or 'no worker'} has {'no' if worker else 'a'} KV binding {binding}",
        hint=f"{near} `sandbox kv namespace list` shows whose",
    )


def _ascii_json(text: str) -> str:
    try:
        return json.dumps(json.loads(text))
    except ValueError as error:
        raise UsageError(f"--metadata is not JSON: {error}") from None
