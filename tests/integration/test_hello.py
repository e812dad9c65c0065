"""The shortest way through everything: a worker folder, a running sandbox, an HTTP client."""

from __future__ import annotations

import aiohttp

HELLO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("hello")
"""


async def test_a_worker_answers(worker, start):
    worker("hello", HELLO)
    sandbox = await start()
    async with aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{sandbox.port}/workers/hello/") as answer:
            assert (answer.status, await answer.text()) == (200, "hello")
        async with session.get(f"{sandbox.address}/health") as answer:
            body = await answer.json()
            assert answer.status == 200 and body["workers"]["hello"]["status"] == "up"
