"""Workers that call one another in a circle: ended as on Cloudflare, and told in lines that a person can read."""

from __future__ import annotations

import pytest

from sandbox.errors import WorkerFailed
from sandbox.runtime.exchange import new_request, read_text

LOOP = """
from workers import Response, WorkerEntrypoint, fetch

CALLS = []

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        way = request.url.rsplit("/")[-1]
        if way == "count":
            return Response(str(len(CALLS)))
        CALLS.append(way)
        if way == "service":
            return await self.env.SELF.fetch(request)
        if way == "rpc":
            return Response(await self.env.SELF.deeper())
        if way == "scheduled":
            outcome = await self.env.SELF.scheduled({"cron": "0 * * * *"})
            return Response(outcome["outcome"])
        answer = await fetch(request.url)
        return Response(await answer.text(), status=answer.status)

    async def deeper(self):
        CALLS.append("rpc")
        return await self.env.SELF.deeper()

    async def scheduled(self, controller, env, ctx):
        CALLS.append("scheduled")
        outcome = await self.env.SELF.scheduled({"cron": "0 * * * *"})
        if outcome["outcome"] != "ok":
            raise RuntimeError("the next one failed")
"""
SELF = """
[[services]]
binding = "SELF"
service = "loop"
"""
TOO_DEEP = "Subrequest depth limit exceeded. This request recursed through Workers too many times."


@pytest.fixture
async def loop(worker, start):
    worker("loop", LOOP, extra=SELF)
    return await start()


async def ask(sandbox, way):
    return await sandbox.fetch("loop", new_request(f"{sandbox.url_of('loop')}/{way}"))


@pytest.mark.parametrize("way", ["service", "rpc"])
async def test_a_worker_that_calls_itself_without_end_is_refused(loop, way):
    said = []
    loop.events.subscribe(lambda event: said.append(event.fields["text"]), "exception")
    with pytest.raises(WorkerFailed, match=TOO_DEEP):
        await ask(loop, way)
    assert await read_text(await ask(loop, "count")) == "32"
    assert len(said) == 32 and sum(len(text.splitlines()) for text in said) < 250
    assert all(len(text.splitlines()) == 1 for text in said[8:]), "only the innermost calls show their tracebacks"


async def test_over_the_network_the_innermost_call_fails_and_the_others_pass_its_answer_on(loop):
    answer = await ask(loop, "network")
    assert answer.status == 500 and TOO_DEEP in await read_text(answer)
    assert await read_text(await ask(loop, "count")) == "32"


async def test_a_scheduled_handler_too(loop):
    assert await read_text(await ask(loop, "scheduled")) == "exception"
    assert await read_text(await ask(loop, "count")) == "32"


async def test_requests_of_one_another_count_by_themselves(loop):
    for _ in range(2):
        with pytest.raises(WorkerFailed, match=TOO_DEEP):
            await ask(loop, "service")
    assert await read_text(await ask(loop, "count")) == "64"
