"""A worker's clock is the sandbox's, and what its packets draw is theirs alone."""

from __future__ import annotations

import json

from sandbox.app import Sandbox
from sandbox.clock import FakeClock
from sandbox.config.load import load_sandbox
from sandbox.runtime.exchange import new_request, read_json

TELLING = """
import random, time, uuid
from datetime import UTC, datetime
from js import Date
from workers import Response
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "telling"

    async def route(self, request):
        return Response.json([time.time(), datetime.now(UTC).isoformat(), Date.now()])

    async def process(self, job):
        return [random.random(), str(uuid.uuid4())]
"""
KV = """kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "p" }, { binding = "RESULT_CACHE", id = "r" }]\n"""


async def test_the_worker_s_clocks_follow_the_sandbox_s(worker, tmp_path):
    worker("telling", TELLING, extra=KV)
    clock = FakeClock(1_700_000_000.0)
    loaded = load_sandbox(tmp_path, overrides={"state": str(tmp_path / "state")})
    async with Sandbox(loaded, serve=False, watch=False, clock=clock) as sandbox:

        async def shown():
            return await read_json(await sandbox.fetch("telling", new_request("http://telling.localhost/")))

        assert await shown() == [1_700_000_000.0, "2023-11-14T22:13:20+00:00", 1_700_000_000_000]
        clock.advance(25 * 3600)
        assert await shown() == [1_700_090_000.0, "2023-11-15T23:13:20+00:00", 1_700_090_000_000]


async def test_every_packet_draws_its_own(worker, start):
    worker("telling", TELLING, extra=KV)
    sandbox = await start(serve=False)
    drawn = []
    for _ in range(3):
        execution = await sandbox.run("telling")
        drawn.append(json.loads(await sandbox.orchestrator.read_output(execution["execution_id"], "telling")))
    assert len({number for number, _ in drawn}) == len({text for _, text in drawn}) == 3
