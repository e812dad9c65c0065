"""`sandbox clock`: in the sandbox that is up, across its restart, and without one."""

from __future__ import annotations

from datetime import datetime, timedelta

CODE = """
import time

import js
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/put"):
            await self.env.CACHE.put("a", "1", expirationTtl=3600)
        return Response.json({"a": await self.env.CACHE.get("a"), "time": time.time(), "js": js.Date.now()})

    async def scheduled(self, controller, env, ctx):
        print("fired for", controller.scheduledTime)
        controller.noRetry()
"""
WRANGLER = '[[kv_namespaces]]\nbinding = "CACHE"\nid = "cache"\n[triggers]\ncrons = ["0 6 1 1 *"]\n'


def test_the_clock_of_the_sandbox_that_is_up(project, up):
    project.worker("shop", CODE, wrangler=WRANGLER)
    running = up(project)
    assert running.ask("/put", worker="shop").json["a"] == "1"
    set_ = project.sandbox("clock", "set", "2030-01-01T05:59:00Z")
    assert set_.code == 0 and set_.out.startswith("2030-01-01T05:59:0") and "ahead of the machine" in set_.out
    seen = running.ask("/", worker="shop").json
    begin = datetime.fromisoformat("2030-01-01T05:59:00Z").timestamp()
    assert seen["a"] is None and begin <= seen["time"] < begin + 60 and begin <= seen["js"] / 1000 < begin + 60
    assert project.sandbox("clock", "advance", "1h").code == 0
    running.wait("fired for 1893477600000")
    # Ages are by that clock, too: the put of the day before the move is no line of the last ten minutes.
    recent = project.sandbox("logs", "--since", "10m", "--level", "debug").out
    assert (
        "fired for" in recent and "kv.put" not in recent and "kv.put" in project.sandbox("logs", "--level", "debug").out
    )
    # Back again, what had expired stays gone.
    back = project.sandbox("clock", "reset", "--json")
    assert back.json["offset_s"] == 0 and running.ask("/", worker="shop").json["a"] is None
    running.wait("the machine's")
    assert running.stop() == 0


def test_it_stays_moved_until_it_is_reset(project, up):
    project.worker("shop", CODE, wrangler=WRANGLER)
    assert project.sandbox("clock").out.endswith(", the machine's\n")
    moved = project.sandbox("clock", "advance", "1d 1h", "--json")
    assert moved.json["offset_s"] == timedelta(hours=25).total_seconds()
    assert project.sandbox("clock", "advance", "90").out.endswith(", 1d 1h 1m 30s ahead of the machine\n")
    assert (project.state / "clock.json").stat().st_mode & 0o777 == 0o600
    running = up(project)
    running.wait("the clock is moved: ")
    assert running.stop() == 0
    assert project.sandbox("clock", "reset").code == 0 and not (project.state / "clock.json").exists()


def test_slips(project):
    project.worker("shop", CODE, wrangler=WRANGLER)
    for words, said in (
        ("advance soon", "error: advance: 'soon' is no time\n hint: write seconds"),
        ("advance 0", "error: advance goes forward\n hint: to go back: sandbox clock set TIME, or reset"),
        ("advance 9999999d", "error: the clock goes from 1970 to 9999"),
        ("set yesterday", "error: set: 'yesterday' is no time\n hint: write milliseconds"),
    ):
        done = project.sandbox("clock", *words.split())
        assert done.code == 1 and done.err.startswith(said), done.err
    (project.state / "clock.json").write_text("{}")
    broken = project.sandbox("clock")
    assert broken.code == 1 and "clock.json does not tell how the clock is moved" in broken.err
