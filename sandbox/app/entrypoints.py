"""Named entrypoints that service bindings ask for, held against the code that is loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sandbox.config.models import WorkerConfig
from sandbox.errors import NotFound
from sandbox.loader.registry import WorkerRegistry


def wrong_entrypoints(workers: Iterable[WorkerConfig], registry: WorkerRegistry) -> Iterator[str]:
    """A line for each binding that fails when it is used, since the bound worker has no such class. What is not loaded
    is not judged."""
    for worker in workers:
        for service in worker.services:
            if service.entrypoint is None or not registry.has(service.service):
                continue
            generation = registry.generation(service.service)
            try:
                if generation is not None:
                    generation.entry(service.entrypoint)
            except NotFound as error:
                yield f"{worker.name}: env.{service.binding} fails when used: {error.message} ({error.hint})"
