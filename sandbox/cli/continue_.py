"""`sandbox continue`: look at a message that is held at a breakpoint, change it, let it go."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from sandbox.cli import session
from sandbox.cli.held import headline, input_line
from sandbox.cli.tables import as_json, print_json, print_table
from sandbox.client import ApiError, Client
from sandbox.errors import UsageError, UserError

BAD_EDIT = "bad_edit"
"""The code of the refusal of an edited message, which stays held."""


@click.command("continue")
@click.argument("id_", required=False, metavar="[ID]")
@click.option("--list", "list_", is_flag=True, help="What is held; nothing goes on.")
@click.option("--show", is_flag=True, help="Print the message whole; it stays held.")
@click.option("--edit", is_flag=True, help="Change the message in $EDITOR first.")
@click.option("--message", "message_file", metavar="FILE", help='Send this JSON instead; "-" reads standard input.')
@click.option("--fail", is_flag=True, help="Do not send it: the sender sees a lost connection.")
@click.option("--all", "all_", is_flag=True, help="Everything that is held.")
@as_json
@session.common
def command(
    options: session.Options,
    id_: str | None,
    list_: bool,
    show: bool,
    edit: bool,
    message_file: str | None,
    fail: bool,
    all_: bool,
    as_json: bool,
) -> None:
    """Let a held message go on. Without ID: the one that is held.

    An edited message is checked before it is sent; secrets are masked, and stay as they are where the mask is left alone.

    \b
    Example: sandbox continue --show
             sandbox continue h1 --edit
             sandbox continue h1 --show --json | jq '.message.parameters.limit = 3 | .message' | sandbox continue h1 --message -
    """
    if sum((list_, show, edit, message_file is not None, fail)) > 1:
        raise UsageError("--list, --show, --edit, --message and --fail exclude each other")
    if all_ and (id_ is not None or edit or show or message_file is not None):
        raise UsageError("--all goes alone or with --fail")
    changed = _read(message_file) if message_file is not None else None

    async def work() -> list[dict[str, Any]]:
        async with session.up_client(options) as api:
            held: list[dict[str, Any]] = (await api.call("GET", "/api/held"))["held"]
            if list_:
                return held
            chosen = held if all_ else [_choose(held, id_)]
            if show:
                return chosen
            if edit:
                return [await _go_on_edited(api, one) for one in chosen]
            return [await _go_on(api, one, changed, fail) for one in chosen]

    found = session.run(work())
    if as_json:
        print_json(found[0] if show else found)
    elif show:
        _print_held(found[0])
    elif list_:
        _print_list(found)
    elif not found:
        click.echo("Nothing is held.")
    else:
        for one in found:
            click.echo(f"{one['id']}: {one['how']}")


async def _go_on(api: Client, held: dict[str, Any], message: Any, fail: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"fail": True} if fail else {} if message is None else {"message": message}
    answer = await api.call("POST", f"/api/held/{quote(held['id'], safe='')}/continue", json_body=body)
    return {"id": answer["id"], "how": answer["how"]}


def _choose(held: list[dict[str, Any]], id_: str | None) -> dict[str, Any]:
    known = ", ".join(f"{one['id']} ({one['point']}:{one['worker']})" for one in held) or "nothing"
    if id_ is not None:
        for one in held:
            if one["id"] == id_:
                return one
        raise UserError(f"{id_} is not held", hint=f"held: {known}", code="not_held")
    if not held:
        raise UserError("nothing is held", hint="set a breakpoint with: sandbox break add POINT", code="not_held")
    if len(held) > 1:
        raise UsageError("several messages are held: say which, or --all", hint=f"held: {known}")
    return held[0]


async def _go_on_edited(api: Client, held: dict[str, Any]) -> dict[str, Any]:
    """Send what comes back from the editor; asked again as long as it cannot be sent. Raises UserError where nothing was
    saved, and where it is left at that: what was written is kept in a file."""
    text = json.dumps(held["message"], indent=2, ensure_ascii=False) + "\n"
    while True:
        saved = click.edit(text, extension=".json")
        if saved is None:
            raise UserError(
                f"{held['id']} was not changed, and is still held",
                hint=f"`sandbox continue {held['id']}` lets it go as it is",
                code="not_edited",
            )
        text = saved
        try:
            return await _go_on(api, held, json.loads(text), fail=False)
        except ValueError as error:
            wrong = UserError(f"this is not JSON: {error}", code="bad_json")
        except ApiError as error:
            if error.code != BAD_EDIT:
                raise
            wrong = UserError(error.message, hint=error.hint, code=error.code)
        if not _again(wrong):
            path = _kept(held, text)
            raise UserError(
                f"{wrong.message}\n{held['id']} is still held, and what was written is in {path}",
                hint=f"correct it there, then: sandbox continue {held['id']} --message {path}",
                code="not_edited",
            )


def _again(wrong: UserError) -> bool:
    """Whether to open the editor once more; never without a terminal to ask at."""
    if not sys.stdin.isatty():
        return False
    click.echo(wrong.message.replace("; ", "\n") + (f"\n{wrong.hint}" if wrong.hint else ""), err=True)
    try:
        return click.confirm("edit again?", default=True, err=True)
    except click.exceptions.Abort:
        return False


def _kept(held: dict[str, Any], text: str) -> Path:
    """The file, for its owner alone, that keeps what was written."""
    number, name = tempfile.mkstemp(prefix=f"sandbox-{held['id']}-", suffix=".json")
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _read(file: str) -> Any:
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return json.loads(data)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{'standard input' if file == '-' else file} is not JSON: {error}", code="bad_json") from None


def _print_held(held: dict[str, Any]) -> None:
    click.echo(headline(held))
    click.echo(json.dumps(held["message"], indent=2, ensure_ascii=False))
    if held["input"] is not None:
        click.echo(input_line(held["input"], None))


def _print_list(held: list[dict[str, Any]]) -> None:
    if not held:
        click.echo("Nothing is held.")
        return
    rows = [[h["id"], h["point"], h["worker"], h["stage"] or "", h["execution_id"] or "", h["held_at"]] for h in held]
    print_table(["Held", "Point", "Worker", "Stage", "Execution", "Since"], rows)
