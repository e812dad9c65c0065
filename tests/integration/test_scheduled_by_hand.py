"""A worker's `scheduled` handler, called by hand at wrangler's address."""

from __future__ import annotations

import aiohttp

CODE = """
from workers import Response, WorkerEntrypoint

SEEN = []

class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        if controller.cron in ("bad", "once"):
            controller.noRetry() if controller.cron == "once" else None
            raise ValueError("not today")
        SEEN.append([controller.cron, controller.scheduledTime])

    async def fetch(self, request):
        return Response.json(SEEN)
"""


async def test_scheduled_at_wranglers_address(worker, start):
    worker("cron", CODE)
    sandbox = await start()
    failures = []
    sandbox.events.subscribe(lambda event: failures.append(event.fields["text"]), "exception")
    base = f"http://127.0.0.1:{sandbox.port}/workers/cron"
    async with aiohttp.ClientSession() as session:

        async def get(path):
            async with session.get(base + path) as answer:
                return answer.status, await answer.text()

        assert await get("/cdn-cgi/handler/scheduled?cron=0+6+*+*+*&time=1000") == (200, "ok")
        assert await get("/") == (200, '[["0 6 * * *", 1000]]')
        assert await get("/cdn-cgi/handler/scheduled?cron=bad") == (500, "exception")
        assert "not today" in failures[0]
        for cron, no_retry in (("bad", "false"), ("once", "true")):
            answer = await get(f"/cdn-cgi/handler/scheduled?cron={cron}&format=json")
            assert answer == (500, f'{{"outcome":"exception","noRetry":{no_retry}}}'), answer
        status, text = await get("/cdn-cgi/handler/scheduled?time=soon")
        assert status == 400 and "milliseconds" in text
        # Any other path is the worker's own.
        assert await get("/cdn-cgi/handler/else") == (200, '[["0 6 * * *", 1000]]')
