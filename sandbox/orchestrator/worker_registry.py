"""The worker registry of the guide: its SQL, applied as often as one likes, and what it holds."""

from __future__ import annotations

import json
import re
from typing import Any

import sandbox.orchestrator.codec as codec
from sandbox.config.models import fold
from sandbox.errors import UserError
from sandbox.orchestrator.migrations import REGISTRY_COLUMNS, SCRATCH_REGISTRY
from sandbox.orchestrator.queries import Q
from sandbox.storage import Connection, Database
from sandbox.storage.scratch import rows_inserted

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class BadRegistration(UserError):
    """A row that the registry does not take."""

    code = "bad_registration"


class WorkerRegistry:
    """Rows of `worker_registry` in the journal's file. Names are compared folded; the registry's spelling is kept.
    `changes` counts the times it was changed, for those who keep what they made of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.changes = 0

    async def apply_sql(self, text: str) -> list[str]:
        """Run INSERT statements for `worker_registry` (nothing else) and upsert their rows; returns the names.

        Raises `SqlRefused` for other SQL and `BadRegistration` for a row without a usable name or URL; then nothing
        changes.
        """
        rows = [_checked(row) for row in rows_inserted(SCRATCH_REGISTRY, "worker_registry", REGISTRY_COLUMNS, text)]
        if not rows:
            raise BadRegistration("the SQL inserts no row", hint="INSERT INTO worker_registry (...) VALUES (...);")

        def upsert(connection: Connection) -> None:
            for row in rows:
                connection.execute(Q.forget_registration, {"folded": fold(row["worker_name"])})
                connection.execute(Q.register, row)

        await self._database.write(upsert)
        self.changes += 1
        return list(dict.fromkeys(row["worker_name"] for row in rows))

    def rows(self) -> list[dict[str, Any]]:
        """Every registered worker, with `capabilities` parsed."""
        # not through the codec: around capabilities as deep as it takes, the row is one level deeper
        return [json.loads(row[0]) for row in self._database.query(Q.registrations)]

    def get(self, worker: str) -> dict[str, Any] | None:
        found = self._database.query(Q.registration, {"folded": fold(worker)})
        return codec.loads(found[0][0]) if found else None


def _checked(row: dict[str, Any]) -> dict[str, Any]:
    name, url = row["worker_name"], row["worker_url"]
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadRegistration(f"worker_name: {name!r} is not a name", hint="letters, digits, _ and -, at most 64")
    if not isinstance(url, str) or not re.fullmatch(r"https?://[^\s/?#]+(/[^\s?#]*)?", url):
        raise BadRegistration(f"worker_url of {name}: {url!r} is not an http or https URL")
    capabilities = row["capabilities"]
    if not isinstance(capabilities, str) or not isinstance(codec.loads(capabilities, f"capabilities of {name}"), dict):
        raise BadRegistration(f"capabilities of {name}: expected a JSON object as text")
    for column in ("max_concurrent_executions", "avg_execution_time_ms"):
        value = row[column]
        least = 1 if column == "max_concurrent_executions" else 0
        if value is not None and (not isinstance(value, int) or value < least):
            raise BadRegistration(f"{column} of {name}: expected a whole number from {least} on, got {value!r}")
    for column in ("status", "protocol_version"):
        if not isinstance(row[column], str):
            raise BadRegistration(f"{column} of {name}: expected a text, got {row[column]!r}")
    return {
        **row,
        "worker_url": url.rstrip("/"),
        "supports_handshake": int(bool(row["supports_handshake"])),
        "supports_streaming": int(bool(row["supports_streaming"])),
    }
