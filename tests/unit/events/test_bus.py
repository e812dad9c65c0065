"""Who is told of what: listeners of a kind, listeners of everything, the recorder, and those who want it at once."""

from __future__ import annotations

import asyncio
import threading

from sandbox.clock import FakeClock
from sandbox.events import Bus


async def test_what_another_thread_says_at_once_is_recorded_as_well():
    bus, loop, recorded = Bus(FakeClock()), asyncio.get_running_loop(), asyncio.Event()
    kinds, shown, heard = [], [], []

    def record(event):
        kinds.append(event.kind)
        recorded.set()

    bus.recorder = record
    bus.subscribe_at_once(lambda event: shown.append((event.kind, threading.get_ident())))
    bus.subscribe(lambda event: heard.append((event.kind, threading.get_ident())), "blocked")

    def say():
        bus.emit_at_once(loop, "blocked", ms=251.0)
        return threading.get_ident()

    elsewhere = await asyncio.to_thread(say)
    await recorded.wait()
    assert (kinds, shown, heard) == (["blocked"], [("blocked", elsewhere)], [("blocked", threading.get_ident())])


async def test_requests_are_recorded_by_the_host_and_not_a_second_time():
    bus, kinds, heard = Bus(FakeClock()), [], []
    bus.recorder = lambda event: kinds.append(event.kind)
    bus.subscribe(lambda event: heard.append(event.kind))
    bus.emit("request", status=200)
    bus.emit("call", status=200)
    assert (kinds, heard) == (["call"], ["request", "call"])
