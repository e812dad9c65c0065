"""SQL from outside, run where it can harm nothing: a table of its own in memory, under an authorizer."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

from sandbox.errors import UserError

MAX_SCRIPT = 1024 * 1024
MAX_STEPS = 2_000_000
STEPS_PER_LOOK = 10_000
NAMES = {
    value: name.removeprefix("SQLITE_").replace("_", " ")
    for name, value in vars(sqlite3).items()
    if name.startswith(("SQLITE_CREATE", "SQLITE_DROP", "SQLITE_ALTER"))
    or name
    in (
        "SQLITE_ATTACH",
        "SQLITE_DELETE",
        "SQLITE_DETACH",
        "SQLITE_FUNCTION",
        "SQLITE_INSERT",
        "SQLITE_PRAGMA",
        "SQLITE_READ",
        "SQLITE_RECURSIVE",
        "SQLITE_SAVEPOINT",
        "SQLITE_TRANSACTION",
        "SQLITE_UPDATE",
    )
}


class SqlRefused(UserError):
    """The script is not SQL, or does something else than INSERT into the one table."""

    code = "sql_refused"


def rows_inserted(schema: str, table: str, columns: tuple[str, ...], script: str) -> list[dict[str, Any]]:
    """Run `script` (INSERT statements for `table`) against an empty table made by `schema`; return its rows in order.

    Any other statement, table, function or a read of a table raises `SqlRefused`, and so does SQL that does not run.
    """
    if len(script) > MAX_SCRIPT:
        raise SqlRefused(f"the SQL is longer than {MAX_SCRIPT} characters")
    if "\0" in script:
        raise SqlRefused("the SQL contains a NUL character")
    refused: list[str] = []

    def authorize(action: int, first: str | None, second: str | None, database: str | None, _: str | None) -> int:
        if action == sqlite3.SQLITE_SELECT:  # the VALUES of several rows; reading a table is an action of its own
            return sqlite3.SQLITE_OK
        if action == sqlite3.SQLITE_INSERT and first is not None and first.lower() == table and database == "main":
            return sqlite3.SQLITE_OK
        what = next((name for name in (second, first) if name), "")
        refused.append(f"{NAMES.get(action, 'that statement')} {what}".strip())
        return sqlite3.SQLITE_DENY

    steps = 0

    def look() -> int:
        nonlocal steps
        steps += STEPS_PER_LOOK
        return int(steps > MAX_STEPS)

    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.executescript(schema)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_SCRIPT)
        connection.set_authorizer(authorize)
        connection.set_progress_handler(look, STEPS_PER_LOOK)
        try:
            connection.executescript(script)
        except sqlite3.Error as error:
            if refused:
                raise SqlRefused(
                    f"only INSERT INTO {table} is allowed here, and the SQL asks for {refused[0]}",
                    hint="write plain values; several INSERT statements may follow each other",
                ) from error
            raise SqlRefused(f"the SQL does not run: {error}", hint=f"columns: {', '.join(columns)}") from error
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)
        chosen = ", ".join(columns)
        found = connection.execute(f"SELECT {chosen} FROM {table} ORDER BY rowid").fetchall()  # noqa: S608 - our own names
    return [dict(zip(columns, row, strict=True)) for row in found]
