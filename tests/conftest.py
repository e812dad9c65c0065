"""The example project is a suite of its own: test_example_project.py runs it."""

from __future__ import annotations

import os

collect_ignore = ["example_project"]

# Processes that tests start keep their byte code, as a user's do: else each compiles the whole package anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


def pytest_xdist_auto_num_workers() -> int:
    """For `-n auto`: two for each processor, because many tests wait for a process of their own."""
    return 2 * (len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
