"""Hooks and the fixture `sandbox`. Every suite on this machine imports this module, so it imports next to nothing; what
a test with the fixture needs is imported with the first such test.

The sandbox starts and stops inside the test's own coroutine: so it lives on whichever loop runs that, be it
pytest-asyncio's (in any mode, of any scope), pytest-aiohttp's, anyio's, or, where none of them does, one of ours.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.testing.names import PlainNames
from sandbox.testing.places import chosen_config, tests_among_workers

if TYPE_CHECKING:
    from sandbox.testing.bench import Bench

FIXTURE = "sandbox"
MARK = (
    "sandbox(workers=[...], vars={...}, config=..., egress=...): what the `sandbox` fixture hosts: these workers alone "
    "(the first is the one under test), vars over those of the wrangler files, another sandbox.toml, an egress mode"
)
_bench: pytest.StashKey[Bench] = pytest.StashKey()
_names: pytest.StashKey[PlainNames] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("sandbox_config", "sandbox.toml (or the project's folder) the `sandbox` fixture uses", default="")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    _names_of(early_config)
    if early_config.known_args_namespace.importmode == "importlib" and tests_among_workers(early_config.rootpath):
        # pytest would name such a test file `workers.x.tests.test_y`, and put an empty `workers` where the SDK belongs.
        from sandbox.testing.sdk import load_sdk  # 0.3 s, for those suites alone

        load_sdk()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)
    _names_of(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    _names_of(config).uninstall()


def _names_of(config: pytest.Config) -> PlainNames:
    if _names not in config.stash:
        names = config.stash[_names] = PlainNames()
        names.chosen = chosen_config(config)
        names.install()
    return config.stash[_names]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, Any]:
    try:
        return (yield)
    finally:
        _names_of(collector.config).forget()


@pytest.fixture
def sandbox(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """A sandbox of this test's own: workers, KV, pipelines, outbound calls and clock, without a port or a network.

    It is up while the test function runs, and in an async fixture from the first await on.
    """
    from sandbox.testing.setup import make_bench  # aiohttp, SQLite, the emulation: 0.4 s, for suites that use it

    bench = make_bench(request)
    request.node.stash[_bench] = bench
    names = _names_of(request.config)
    names.forget()
    names.bench = bench
    try:
        yield bench
    finally:
        names.bench = None
        names.forget()
        _finish(bench)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> None:
    """Tests with the fixture need no `@pytest.mark.asyncio` in pytest-asyncio's strict mode."""
    if not inspect.iscoroutinefunction(obj) or not collector.config.pluginmanager.hasplugin("asyncio"):
        return
    code = inspect.unwrap(obj).__code__
    if FIXTURE not in code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]:
        return
    marks = {mark.name for mark in (*getattr(obj, "pytestmark", ()), *collector.iter_markers())}
    if not marks & {"asyncio", "anyio"}:
        pytest.mark.asyncio(obj)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    bench = item.stash.get(_bench, None)
    if bench is None or not isinstance(item, pytest.Function):
        return (yield)
    function = item.obj
    item.obj = _inside(bench, function) if inspect.iscoroutinefunction(function) else _beside(bench, function)
    try:
        return (yield)
    finally:
        item.obj = function


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test with the fixture where nobody else does."""
    function = pyfuncitem.obj
    if _bench not in pyfuncitem.stash or not inspect.iscoroutinefunction(function):
        return None
    plugins = pyfuncitem.config.pluginmanager
    if pyfuncitem.get_closest_marker("anyio") or plugins.hasplugin("aiohttp.pytest_plugin"):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        runner.run(function(**arguments))
    return True


def _inside(bench: Bench, function: Callable[..., Any]) -> Callable[..., Any]:
    """The test, with its sandbox up around it."""

    @functools.wraps(function)
    async def run(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        await bench.up()
        with bench.entered():
            try:
                await function(*args, **kwargs)
            except BaseException as failure:
                await _stop_after(bench, failure)
                raise
            await bench.stop()

    return run


def _beside(bench: Bench, function: Callable[..., Any]) -> Callable[..., Any]:
    """A test that awaits nothing: the sandbox is up meanwhile, but its loop does not run."""

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
            if not bench.started:
                runner.run(bench.up())
            with bench.entered():
                function(*args, **kwargs)
            _finish(bench)

    return run


async def _stop_after(bench: Bench, failure: BaseException) -> None:
    try:
        await bench.stop()
    except Exception as second:
        failure.add_note(f"and while the sandbox stopped: {type(second).__name__}: {second}")


def _finish(bench: Bench) -> None:
    """Stop a sandbox whose test has not done it: it failed to begin, or awaits nothing."""
    loop = bench.loop
    if loop is None or loop.is_closed():
        bench.abandon()
    else:
        loop.run_until_complete(bench.stop())
