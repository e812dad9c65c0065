"""`sandbox workers list` and `sandbox workers show`."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json, print_table


@click.group("workers")
def command() -> None:
    """The workers: addresses, code, bindings.

    Example: sandbox workers show bitware_feed_fetcher
    """


@command.command("list")
@as_json
@session.common
def list_(options: session.Options, as_json: bool) -> None:
    """Every worker with its address and how its code stands.

    Example: sandbox workers list
    """

    async def work() -> list[dict[str, Any]]:
        async with session.client(options, load=True) as api:
            found = await api.call("GET", "/api/workers")
            return list(found["workers"])

    workers = session.run(work())
    if as_json:
        print_json(workers)
        return
    print_table(["Worker", "Code", "Address"], [[w["name"], standing(w), addresses(w)] for w in workers])


@command.command()
@click.argument("name")
@as_json
@session.common
def show(options: session.Options, name: str, as_json: bool) -> None:
    """Everything about one worker, with what a curl by hand needs: ORCHESTRATOR_URL and its token.

    Example: sandbox workers show bitware_feed_fetcher
    """

    async def work() -> dict[str, Any]:
        async with session.client(options, load=True) as api:
            return dict((await api.call("GET", f"/api/workers/{quote(name, safe='')}"))["worker"])

    worker = session.run(work())
    if as_json:
        print_json(worker)
        return
    rows = [
        ("name", worker["name"]),
        ("address", addresses(worker)),
        ("folder", worker.get("folder")),
        ("code", standing(worker)),
        ("error", worker.get("error")),
        ("compatibility date", worker.get("compatibility_date")),
        ("at once", str(worker.get("max_concurrent_executions", ""))),
        ("ORCHESTRATOR_URL", worker.get("orchestrator_url")),
        ("WORKER_TOKEN", worker.get("token")),
    ]
    rows += [(f"env.{b['name']}" if b["name"] else "asks for", _binding(b)) for b in worker.get("bindings", [])]
    for label, value in rows:
        if value:
            click.echo(f"{label + ':':22}{value}")
    if worker.get("token") and worker.get("orchestrator_url"):
        click.echo(
            f'\ncurl -H "Authorization: Bearer {worker["token"]}" -H "X-Worker-ID: {worker["name"]}" \\\n'
            f"     {worker['orchestrator_url']}/api/data/REF_ID"
        )


def addresses(worker: dict[str, Any]) -> str:
    """The worker's address, and that on a port of its own."""
    own = worker.get("port")
    return f"{worker['url']}  http://localhost:{own}" if own else str(worker["url"])


def standing(worker: dict[str, Any]) -> str:
    """`generation 3`, `stale (generation 3)`, `failed`, `external`, `registered only`."""
    if not worker.get("callable", True):
        return "registered only"
    if not worker.get("hosted"):
        return "external"
    number = worker.get("generation")
    if number is None:
        return "failed"
    return f"stale (generation {number})" if worker.get("stale") else f"generation {number}"


def _binding(binding: dict[str, Any]) -> str:
    match binding:
        case {"supported": False, "kind": kind}:
            return f"{kind} (not supported yet)"
        case {"kind": "kv_namespace", "id": identity}:
            return f"KV namespace {identity}"
        case {"kind": "service", "service": service, "entrypoint": entrypoint}:
            return f"service {service}" + (f", entrypoint {entrypoint}" if entrypoint else "")
        case {"kind": kind}:
            return str(kind)
    return ""
