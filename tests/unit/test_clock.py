"""The machine's clock with an offset: who sleeps by it goes on when it is moved past the time."""

from __future__ import annotations

import asyncio

import pytest

from sandbox.clock import SystemClock, duration


async def test_moving_on_wakes_who_sleeps():
    clock = SystemClock()
    ended = []

    async def sleeper(seconds):
        await clock.sleep(seconds)
        ended.append(seconds)

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3600, 7200)]
    await asyncio.sleep(0)
    clock.move(3601)
    await asyncio.wait_for(tasks[0], 20)
    assert ended == [3600]
    clock.move(0)  # back: nobody goes on
    clock.move(7201)
    await asyncio.wait_for(tasks[1], 20)
    assert ended == [3600, 7200] and not clock._sleepers


async def test_moving_back_keeps_nobody_longer():
    clock = SystemClock(offset=90_000)
    task = asyncio.create_task(clock.sleep(0.05))
    await asyncio.sleep(0)
    clock.move(0)
    await asyncio.wait_for(task, 20)


def test_durations():
    assert duration("1d 1h") == 90_000 and duration("250ms") == 0.25 and duration("1.5h") == 5400
    for text in ("", "soon", "5", "1h soon"):
        with pytest.raises(ValueError):
            duration(text)
