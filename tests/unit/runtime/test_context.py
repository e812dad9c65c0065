"""Contexts, compatibility flags and background work."""

import asyncio

import pytest

from sandbox.clock import FakeClock
from sandbox.runtime import compatibility_flags
from sandbox.runtime.context import ExecutionContext, WorkerContext, current_worker, the_env
from sandbox.runtime.values import JsException, JsPromise


@pytest.mark.parametrize(
    ("date", "flags", "flag", "on"),
    [
        ("2026-02-16", [], "python_request_headers_preserve_commas", False),
        ("2026-02-17", [], "python_request_headers_preserve_commas", True),
        ("2026-02-17", ["no_python_request_headers_preserve_commas"], "python_request_headers_preserve_commas", False),
        ("2025-08-14", [], "python_no_global_handlers", True),
        ("2025-08-14", ["disable_python_no_global_handlers"], "python_no_global_handlers", False),
        ("2025-01-01", ["python_workflows_implicit_dependencies"], "python_workflows_implicit_dependencies", True),
        ("2026-02-25", [], "python_workflows_implicit_dependencies", True),
        ("2026-05-01", [], "python_workers", False),
        ("2026-05-01", ["something_new"], "something_new", True),
    ],
)
def test_flags(date, flags, flag, on):
    assert (flag in compatibility_flags(date, flags)) is on


async def test_wait_until_takes_any_awaitable():
    ctx = ExecutionContext()
    done = []

    async def work(tag):
        await asyncio.sleep(0)
        done.append(tag)

    ctx.waitUntil(work("coroutine"))
    ctx.waitUntil(asyncio.ensure_future(work("task")))
    ctx.waitUntil(JsPromise._of(work("promise")))
    ctx.waitUntil("no awaitable")
    assert ctx.pending == 3
    assert await ctx.drain() == []
    assert sorted(done) == ["coroutine", "promise", "task"]
    assert ctx.pending == 0


async def test_drain_waits_for_what_the_work_adds_and_answers_failures():
    ctx = ExecutionContext()

    async def outer():
        await asyncio.sleep(0)
        ctx.waitUntil(inner())

    async def inner():
        await asyncio.sleep(0)
        raise ValueError("late")

    ctx.waitUntil(outer())
    failures = await ctx.drain(10)
    assert [str(failure) for failure in failures] == ["late"]


async def test_drain_gives_up_after_its_timeout():
    ctx = ExecutionContext()
    gate = asyncio.get_running_loop().create_future()
    ctx.waitUntil(gate)
    assert await ctx.drain(0.01) == []
    assert ctx.pending == 1
    gate.set_result(None)
    await ctx.drain()


async def test_nothing_to_drain():
    assert await ExecutionContext().drain() == []


def test_context_facts():
    ctx = ExecutionContext()
    assert ctx.constructor.name == "ExecutionContext"
    assert str(ctx.props) == "[object Object]"
    ctx.passThroughOnException()


def test_outside_of_a_worker():
    assert current_worker.get() is None
    with pytest.raises(JsException, match="no worker is running"):
        the_env()


async def test_a_worker_without_a_way_out():
    worker = WorkerContext("w", clock=FakeClock())

    class Request:
        url = "http://x/"

    with pytest.raises(JsException, match="no way out"):
        await worker.outbound.fetch("w", Request())
