"""From a test to its sandbox: which project, which workers, what it asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from sandbox.config.models import SandboxConfig
from sandbox.config.problems import ConfigError
from sandbox.errors import UserError
from sandbox.runtime import install
from sandbox.testing.bench import Bench
from sandbox.testing.copies import TestCopies
from sandbox.testing.places import chosen_config
from sandbox.testing.project import Wishes, load_project


def make_bench(request: pytest.FixtureRequest) -> Bench:
    """The sandbox of a test, not started. What is wrong with the project or the marks fails the test without a
    traceback."""
    install()
    try:
        wishes = wishes_of(request.node)
        config = load_project(request.path, request.config.rootpath, wishes)
    except ConfigError as error:
        pytest.fail("\n".join(str(problem) for problem in error.problems), pytrace=False)
    except UserError as error:
        pytest.fail(str(error), pytrace=False)
    under_test = worker_under_test(config, wishes, request.path)
    return Bench(config, under_test, TestCopies(request.node))


def wishes_of(node: pytest.Item) -> Wishes:
    """What a test's marks and the ini file ask for. Raises Misuse."""
    marks = [mark.kwargs for mark in reversed(list(node.iter_markers("sandbox")))]
    return Wishes.of(marks, chosen_config(node.config), node.config.rootpath)


def worker_under_test(config: SandboxConfig, wishes: Wishes, test_file: Path) -> str | None:
    """The one whose names are the test's: the only one marked, else the one whose folder holds the test file, else the
    only one there is; None where that leaves several."""
    if len(config.workers) == 1:
        return next(iter(config.workers))
    holding = [worker for worker in config.workers.values() if test_file.is_relative_to(worker.root)]
    return max(holding, key=lambda worker: len(worker.root.parts)).name if holding else None
