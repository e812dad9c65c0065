"""`sandbox ref put`, `get` and `list`: references by hand."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.tables import as_json, print_json, print_table, size
from sandbox.errors import UsageError


@click.group("ref")
def command() -> None:
    """References: what workers fetch from /api/data.

    Example: sandbox ref put ref_test @input.json
    """


@command.command()
@click.argument("ref_id")
@click.argument("value")
@session.common
def put(options: session.Options, ref_id: str, value: str) -> None:
    """Plant a value under REF_ID; any worker may read it for 24 hours. VALUE is @FILE, "-" or the text itself.

    Example: sandbox ref put ref_test @input.json
    """
    data = _content(value)

    async def work() -> dict[str, Any]:
        async with session.client(options) as api:
            return await api.call("PUT", f"/api/references/{quote(ref_id, safe='')}", body=data)

    planted = session.run(work())
    click.echo(f"{planted['ref_id']}: {size(planted['size_bytes'])}, until {planted['expires_at']}")


@command.command()
@click.argument("ref_id")
@session.common
def get(options: session.Options, ref_id: str) -> None:
    """Print the value of a reference as it is stored.

    Example: sandbox ref get ref_test
    """

    async def work() -> bytes:
        async with session.client(options) as api:
            _, content = await api.fetch("GET", f"/api/references/{quote(ref_id, safe='')}", query={"raw": 1})
            return content

    sys.stdout.buffer.write(session.run(work()))
    if sys.stdout.isatty():
        click.echo()


@command.command("list")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@as_json
@session.common
def list_(options: session.Options, limit: int, as_json: bool) -> None:
    """The newest references.

    Example: sandbox ref list --limit 20
    """

    async def work() -> list[dict[str, Any]]:
        async with session.client(options) as api:
            return list((await api.call("GET", "/api/references", query={"limit": limit}))["references"])

    rows = session.run(work())
    if as_json:
        print_json(rows)
        return
    if not rows:
        click.echo("No references yet. Plant one with: sandbox ref put ID @FILE")
        return
    print_table(
        ["Reference", "Producer", "Size", "Expires"],
        [
            [
                row["ref_id"],
                row["producer"] or "",
                size(row["size_bytes"]),
                "expired" if row["expired"] else row["expires_at"],
            ]
            for row in rows
        ],
        right=[2],
    )


def _content(value: str) -> bytes:
    if value == "-":
        return sys.stdin.buffer.read()
    if not value.startswith("@"):
        return value.encode()
    path = Path(value[1:])
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
