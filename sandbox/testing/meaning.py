"""Which worker a plain module name of a test means."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from importlib.machinery import PathFinder
from pathlib import Path

from sandbox.config.models import WorkerConfig
from sandbox.loader.reuse import own_names
from sandbox.testing.errors import Misuse

_names = functools.cache(own_names)


class AmbiguousName(Misuse, ImportError):
    """Several workers have a module of this name, and nothing says which is under test."""

    code = "ambiguous_name"


def worker_meant(
    name: str, workers: Iterable[WorkerConfig], under_test: str | None, test_file: Path | None
) -> WorkerConfig | None:
    """The worker that has the module `name`: the one under test, the one whose folder holds the test file, or the only
    one that has it; None where none has. Raises AmbiguousName."""
    top = name.partition(".")[0]
    having = [worker for worker in workers if _has(worker, top)]
    chosen = [worker for worker in having if worker.name == under_test]
    if not chosen and test_file is not None:
        inside = [worker for worker in having if test_file.is_relative_to(worker.root)]
        chosen = sorted(inside, key=lambda worker: -len(worker.root.parts))[:1]
    if not chosen and len(having) > 1:
        names = ", ".join(worker.name for worker in having)
        raise AmbiguousName(
            f"import {name}: several workers have a module of that name: {names}",
            hint=f"put the test into the worker's folder ({having[0].root.name}/tests/), or mark it "
            f'@pytest.mark.sandbox(workers=["{having[0].name}"]) and import it inside the test',
        )
    found = chosen or having
    return found[0] if found else None


def _has(worker: WorkerConfig, top: str) -> bool:
    """Whether a worker's code imports a file of its own by this name. A test's helper beside the code is none."""
    if top not in _names(worker.module_root):
        return False
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None:
        return True
    return Path(spec.origin).is_relative_to(worker.module_root)


__all__ = ["AmbiguousName", "worker_meant"]
