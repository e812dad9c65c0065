"""The loop's clock stops while a debugger holds the process."""

from __future__ import annotations

import asyncio
import time

from sandbox.loader.standstill import StandingTime


async def test_time_held_does_not_count_for_timers():
    loop = asyncio.get_running_loop()
    pause = StandingTime(loop)
    before = loop.time()
    pause(True)
    held = loop.time()
    began = time.monotonic()
    time.sleep(0.03)
    assert loop.time() == held >= before
    passed = time.monotonic() - began
    pause(False)
    assert loop.time() <= time.monotonic() - passed
    assert loop.time() >= held
    # And again: what was held adds up, and time goes on in between.
    pause(True)
    assert loop.time() == loop.time()
    pause(False)
    await asyncio.sleep(0.01)
    assert loop.time() > held


async def test_a_deadline_that_a_prompt_outlasts_is_not_missed():
    pause = StandingTime(asyncio.get_running_loop())
    async with asyncio.timeout(0.5):
        pause(True)
        time.sleep(0.6)
        pause(False)
        await asyncio.sleep(0)
