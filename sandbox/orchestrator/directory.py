"""Which workers there are and where: hosted ones first, then those sandbox.toml names by URL, never a registered URL."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.config.models import fold
from sandbox.config.problems import choices
from sandbox.errors import NotFound
from sandbox.orchestrator.ports import DEFAULT_CONCURRENCY, WorkerInfo
from sandbox.orchestrator.worker_registry import WorkerRegistry


class Directory:
    """Workers by folded name. Replaced as a whole when the configuration is read again."""

    def __init__(self, registry: WorkerRegistry) -> None:
        self._registry = registry
        self._workers: dict[str, WorkerInfo] = {}

    def configure(self, workers: Iterable[WorkerInfo]) -> None:
        """Of two facts about one name the hosted one wins."""
        found: dict[str, WorkerInfo] = {}
        for worker in workers:
            known = found.get(fold(worker.name))
            if known is None or (known.external and not worker.external):
                found[fold(worker.name)] = worker
        self._workers = found

    def all(self) -> list[WorkerInfo]:
        return list(self._workers.values())

    def known(self, name: str) -> WorkerInfo | None:
        return self._workers.get(fold(name))

    def find(self, name: str) -> WorkerInfo:
        """Raises `NotFound`; a worker that is only registered is not called (its URL may be the production one)."""
        worker = self._workers.get(fold(name))
        if worker is not None:
            return worker
        row = self._registry.get(name)
        if row is not None:
            raise NotFound(
                f"worker {row['worker_name']} is registered at {row['worker_url']}, but this sandbox does not host it",
                code="worker_not_here",
                hint=f'add its folder to `include`, or name it: [workers.{row["worker_name"]}] url = "..."',
            )
        hint = choices(name, workers=[worker.name for worker in self._workers.values()])
        raise NotFound(f"no worker is named {name}", code="worker_unknown", hint=hint)

    def limit(self, name: str) -> int:
        """How many packets at once: sandbox.toml, else the registry, else 10."""
        worker = self._workers.get(fold(name))
        if worker is not None and worker.max_concurrent_executions is not None:
            return max(1, worker.max_concurrent_executions)
        row = self._registry.get(name)
        if row is not None and row["max_concurrent_executions"] is not None:
            return int(row["max_concurrent_executions"])
        return DEFAULT_CONCURRENCY
