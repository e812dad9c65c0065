"""Tasks that begin at once: real tasks, and the caller's own is untouched."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

import pytest

from sandbox.runtime.values.eager import start_now

where = ContextVar("where", default="outside")


async def test_what_never_waits_is_done_at_once():
    async def answer():
        return 42

    assert start_now(answer()).result() == 42


async def test_an_error_of_the_first_step_is_the_tasks():
    async def fail():
        raise ValueError("early")

    task = start_now(fail())
    assert task.done()
    with pytest.raises(ValueError, match="early"):
        await task


async def test_it_is_a_task_of_its_own_before_and_after_the_first_wait():
    seen = []

    async def look():
        seen.append(asyncio.current_task())
        await asyncio.sleep(0)
        seen.append(asyncio.current_task())

    mine = asyncio.current_task()
    task = start_now(look())
    assert asyncio.current_task() is mine
    await task
    assert seen == [task, task]


async def test_timeouts_and_cancelling_work():
    async def slow():
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        await start_now(slow())
    waiting = start_now(asyncio.Event().wait())
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_it_has_a_context_of_its_own():
    async def change():
        where.set("inside")
        await asyncio.sleep(0)
        return where.get()

    task = start_now(change())
    assert where.get() == "outside"
    assert await task == "inside"
    assert where.get() == "outside"


async def test_nested_and_from_a_callback_without_a_task():
    async def inner():
        return asyncio.current_task()

    async def outer():
        return asyncio.current_task(), start_now(inner()).result()

    task = start_now(outer())
    assert task.result()[0] is task and task.result()[1] is not task
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: done.set_result(start_now(inner())))
    begun = await done
    assert begun.result() is begun


async def test_the_loop_is_as_it_was():
    loop = asyncio.get_running_loop()
    start_now(asyncio.sleep(0))
    assert "call_soon" not in vars(loop)
    ran = asyncio.Event()
    loop.call_soon(ran.set)
    await ran.wait()
