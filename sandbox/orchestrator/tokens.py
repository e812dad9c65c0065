"""A random token for every worker, kept in the state so that it outlives a restart, and bound to the worker's name."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.config.models import fold
from sandbox.errors import UserError
from sandbox.ids import new_token, same_secret
from sandbox.orchestrator.ports import WorkerInfo
from sandbox.orchestrator.queries import Q
from sandbox.storage import Connection, Database


class Unauthorized(UserError):
    """No token, or one that is not the worker's."""

    code = "unauthorized"
    status = 401

    def __init__(self) -> None:
        super().__init__(
            "the worker's token is missing or wrong",
            hint="send Authorization: Bearer <WORKER_TOKEN> and X-Worker-ID: <worker_name>; "
            "`sandbox workers show NAME` prints both",
        )


class Tokens:
    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored: dict[str, str] = dict(database.query(Q.tokens))
        self._fixed: dict[str, str] = {}
        # compared with where no such worker is known, so that the answer takes as long
        self._nobody = new_token()

    async def configure(self, workers: Iterable[WorkerInfo]) -> None:
        """Give every worker a token; one that comes with its facts (sandbox.toml, its own vars) stays as it is."""
        workers = list(workers)
        self._fixed = {fold(worker.name): worker.token for worker in workers if worker.token}
        missing = {fold(worker.name) for worker in workers} - self._fixed.keys() - self._stored.keys()
        if not missing:
            return
        fresh = [{"worker": name, "token": new_token()} for name in sorted(missing)]

        def write(connection: Connection) -> None:
            connection.executemany(Q.keep_token, fresh)

        await self._database.write(write)
        self._stored.update((row["worker"], row["token"]) for row in fresh)

    def of(self, worker: str) -> str:
        """The token of a configured worker; raises KeyError for another."""
        name = fold(worker)
        return self._fixed.get(name) or self._stored[name]

    def check(self, worker: str | None, authorization: str | None) -> str:
        """The folded name of the worker that asks; raises `Unauthorized`."""
        name = fold(worker or "")
        expected = self._fixed.get(name) or self._stored.get(name)
        scheme, _, given = (authorization or "").partition(" ")
        right = same_secret(given.strip(), expected or self._nobody)
        if not right or expected is None or scheme.lower() != "bearer":
            raise Unauthorized
        return name
