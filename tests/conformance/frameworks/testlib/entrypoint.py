"""The module of this name that the official suites' workers import: it runs their pytest modules inside the worker.

The suites come without it. Tests run on the stack of the event that asked for them, and coroutines among them on the
sandbox's own loop, by `run_sync`: with the worker's own `env`, imports and limits, as they do in workerd.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import sys
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pyodide.ffi import run_sync
from workers import Response, WorkerEntrypoint

# Nothing of a project's or a person's own pytest configuration, and no hold on the process of the sandbox.
OPTIONS = [
    "-c",
    os.devnull,
    "--noconftest",
    "--disable-plugin-autoload",
    "--assert=plain",
    "-s",
    "-o",
    "markers=asyncio",
]
for name in ("cacheprovider", "terminal", "faulthandler", "unraisableexception", "threadexception", "junitxml"):
    OPTIONS += ["-p", f"no:{name}"]
PATH = "/run-tests/"


class WorkerModule(pytest.Module):
    """A test module, imported as one of the worker's own: what it imports from `worker` is what serves."""

    def _getobj(self) -> Any:
        return importlib.import_module(self.path.stem)


class Session:
    """The plugin of one run: imports the worker's way, waits for coroutines, keeps what came out."""

    def __init__(self) -> None:
        self.results: dict[str, dict[str, str]] = {}

    def pytest_pycollect_makemodule(self, module_path: Any, parent: Any) -> WorkerModule:
        return WorkerModule.from_parent(parent, path=module_path)

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool | None:
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
        run_sync(pyfuncitem.obj(**wanted))
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "call" or report.outcome != "passed":
            name = report.nodeid.rpartition("::")[2]
            self.results[name] = {"status": report.outcome, "detail": report.longreprtext}

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self.results["collection"] = {"status": "failed", "detail": report.longreprtext}


class EnvPlugin:
    """The fixture `env`, where the suite has none of its own."""

    def __init__(self, env: Any) -> None:
        self._env = env

    @pytest.fixture
    def env(self) -> Any:
        return self._env


@dataclass
class RunSuiteRequest:
    """Which tests of a suite to run (none: all)."""

    names: list[str] = field(default_factory=list)

    @classmethod
    def from_query_params(cls, parameters: Any) -> RunSuiteRequest:
        return cls(parameters.getlist("name"))


@dataclass
class SuiteResult:
    payload: Any
    status: int


class TestRunner:
    __test__ = False

    def __init__(self, env: Any, extra_plugins: Any = ()) -> None:
        self._env = env
        self._extra = list(extra_plugins)

    def run_suite(self, suite_name: str, request: RunSuiteRequest) -> SuiteResult:
        """Run `test_SUITE.py`; the outcome of each test by its name, or status 404."""
        spec = importlib.util.find_spec(f"test_{suite_name}")
        if spec is None or spec.origin is None:
            return SuiteResult({"error": f"there is no test_{suite_name}.py"}, 404)
        session = Session()
        plugins = [session, EnvPlugin(self._env), *self._extra]
        if importlib.util.find_spec("conftest") is not None:
            plugins.append(importlib.import_module("conftest"))
        chosen = [f"{spec.origin}::{name}" for name in request.names] or [spec.origin]
        paths = list(sys.path)
        try:
            pytest.main([*OPTIONS, "--rootdir", os.path.dirname(spec.origin), *chosen], plugins=plugins)
        finally:
            sys.path[:] = paths
        return SuiteResult(session.results, 200)


class TestRunnerEntrypoint(WorkerEntrypoint):
    __test__ = False

    def plugins(self) -> list[Any]:
        """More pytest plugins, for a worker to add to."""
        return []

    async def fetch(self, request: Any) -> Any:
        url = urlsplit(request.url)
        if not url.path.startswith(PATH):
            return Response.json({"error": "not found"}, status=404)
        wanted = RunSuiteRequest(parse_qs(url.query).get("name", []))
        result = TestRunner(self.env, self.plugins()).run_suite(url.path.removeprefix(PATH), wanted)
        return Response.json(result.payload, status=result.status)
