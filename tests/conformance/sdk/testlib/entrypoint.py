"""The module of this name that the official suites import: it runs pytest inside a worker's `test` handler."""

from __future__ import annotations

import contextvars
import os
import sys
import threading
from collections.abc import Sequence

import pytest

# Nothing of this project's own pytest configuration, and no files left beside the suite.
OPTIONS = ["-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:hypothesispytest"]
OPTIONS += ["-o", "asyncio_default_fixture_loop_scope=function"]


def run_pytest(args: Sequence[str]) -> None:
    """Run pytest over the current folder as the worker that calls this; an AssertionError where a test failed.

    The report goes to $SUITE_REPORT as JUnit XML. The calling module stands under its plain name meanwhile, so that
    `from worker import ...` of a test is the hosted module itself. Pytest gets a thread, because the loop of this one
    is running and its plugin brings loops of its own; the worker's handlers run on those.
    """
    caller = sys._getframe(1).f_globals["__name__"]
    plain = caller.rpartition(".")[2]
    assert plain not in sys.modules, f"{plain} is imported already, and not as the hosted worker"
    options = [*OPTIONS, "--rootdir", str(os.getcwd()), f"--junitxml={os.environ['SUITE_REPORT']}"]
    codes: list[int] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: codes.append(context.run(pytest.main, [*args, *options])))
    sys.modules[plain] = sys.modules[caller]
    try:
        thread.start()
        thread.join()
    finally:
        del sys.modules[plain]
    assert codes == [pytest.ExitCode.OK], f"pytest ended with {codes}"
