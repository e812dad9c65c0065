"""Cron triggers by the sandbox's clock, and by hand."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
import pytest

from sandbox.app import Sandbox
from sandbox.app.hosting import Hosting
from sandbox.clock import FakeClock
from sandbox.config.load import load_sandbox
from sandbox.config.problems import ConfigError

CODE = """
from workers import Response, WorkerEntrypoint

SEEN = []

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        SEEN.append([controller.cron, controller.scheduledTime])
        if controller.cron == "0 6 * * *":
            raise ValueError("not today")

    async def fetch(self, request):
        return Response.json(SEEN)
"""
START = datetime(2026, 11, 26, 5, 57, 30, tzinfo=UTC).timestamp()


class Heard:
    """The `scheduled` events of a sandbox, and waiting for so many of them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.events, self._more = [], asyncio.Event()
        sandbox.events.subscribe(self._hear, "scheduled")

    def _hear(self, event) -> None:
        self.events.append(event.fields)
        self._more.set()

    async def count(self, number: int) -> list:
        async with asyncio.timeout(20):
            while len(self.events) < number:
                self._more.clear()
                await self._more.wait()
        return self.events


def ms(hour: int, minute: int, day: int = 26) -> int:
    return int(datetime(2026, 11, day, hour, minute, tzinfo=UTC).timestamp() * 1000)


async def test_moving_the_clock_fires_what_came_due(worker, tmp_path):
    worker("cron", CODE, extra='[triggers]\ncrons = ["*/2 * * * *", "0 6 * * *"]\n')
    clock = FakeClock(START)
    loaded = load_sandbox(tmp_path, overrides={"port": 0, "state": str(tmp_path / "state")})
    async with Sandbox(loaded, clock=clock, watch=False) as sandbox:
        heard, failures = Heard(sandbox), []
        sandbox.events.subscribe(lambda event: failures.append(event.fields["text"]), "exception")
        await asyncio.sleep(0)  # lets the triggers look at the clock once
        clock.advance(29)
        clock.advance(1)
        events = await heard.count(1)
        assert [(e["cron"], e["scheduled_time"]) for e in events] == [("*/2 * * * *", ms(5, 58))]
        clock.advance(4 * 60)
        events = await heard.count(4)
        found = sorted((e["cron"], e["scheduled_time"], e["outcome"]) for e in events[1:])
        assert found == [
            ("*/2 * * * *", ms(6, 0), "ok"),
            ("*/2 * * * *", ms(6, 2), "ok"),
            ("0 6 * * *", ms(6, 0), "exception"),
        ]
        assert len(failures) == 1 and "not today" in failures[0]
        clock.advance(-3600)  # back: nothing
        clock.advance(60 * 60 * 24 + 3600)  # a day: 720 moments of the one, the newest hundred of which fire
        events = await heard.count(4 + 100 + 1)
        newest = [e for e in events[4:] if e["cron"] == "*/2 * * * *"]
        assert [newest[0]["scheduled_time"], newest[-1]["scheduled_time"]] == [ms(2, 44, 27), ms(6, 2, 27)]
        assert sum(e["skipped"] for e in newest) >= 620


async def test_by_hand_through_the_api(worker, start):
    worker("cron", CODE, extra='[triggers]\ncrons = ["0 6 * * *", "0 7 * * *"]\n')
    worker("plain", CODE)
    sandbox = await start()
    async with aiohttp.ClientSession() as session:

        async def post(**body):
            async with session.post(f"{sandbox.address}/api/trigger", json=body) as answer:
                return answer.status, await answer.json()

        status, body = await post(worker="cron", cron="0 7 * * *", time="2026-11-26T07:00:00Z")
        assert (status, body["outcome"], body["scheduled_time"]) == (200, "ok", "2026-11-26T07:00:00.000Z")
        status, body = await post(worker="cron", cron="0 6 * * *", time=1000)
        assert (status, body["outcome"], body["scheduled_time"]) == (200, "exception", "1970-01-01T00:00:01.000Z")
        status, body = await post(worker="cron")
        assert (status, body["error"]["code"]) == (400, "which_cron") and "0 7 * * *" in body["error"]["hint"]
        assert (await post(worker="plain"))[1]["cron"] == ""
        assert (await post(worker="nobody"))[0] == 404
        assert (await post(worker="plain", time="soon"))[0] == 400
        assert (await post())[0] == 400


@pytest.mark.parametrize("cron", ["61 * * * *", "* * * *", "0 0 30 2 *"])
def test_a_wrong_expression_is_a_problem_of_the_configuration(worker, tmp_path, cron):
    worker("cron", CODE, extra=f'[triggers]\ncrons = ["{cron}"]\n')
    with pytest.raises(ConfigError, match=r"triggers\.crons\[0\]"):
        load_sandbox(tmp_path, overrides={"state": str(tmp_path / "state")})


async def test_in_a_test_s_sandbox_without_a_port(worker, tmp_path):
    worker("cron", CODE, extra='[triggers]\ncrons = ["30 * * * *"]\n')
    clock = FakeClock(START)
    loaded = load_sandbox(tmp_path, overrides={"state": str(tmp_path / "state")})
    hosting = Hosting(lazy=True, throwaway=True, debugger=False)
    async with Sandbox(loaded, clock=clock, serve=False, watch=False, hosting=hosting) as sandbox:
        heard = Heard(sandbox)
        await asyncio.sleep(0)
        clock.advance(25 * 3600)
        events = await heard.count(25)
        assert [e["scheduled_time"] for e in events] == [ms(6, 30) + hour * 3_600_000 for hour in range(25)]
