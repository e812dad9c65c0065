"""Mutated requests on a socket: no exit, no 5xx of ours, no hang."""

from __future__ import annotations

import asyncio
import random

import pytest

from sandbox.runtime.exchange import json_response, read_bytes
from tests.acceptance.rough.mutations import SEEDS, mutate


async def fuzz(running, count: int, seed: int) -> None:
    chance = random.Random(seed)
    port = running.port
    for number in range(count):
        data = mutate(chance.choice(SEEDS).format(port=port, worker="echo").encode(), chance)
        reader, writer = await running.connect()
        writer.write(data)
        writer.write_eof()  # what is not complete will not become so
        try:
            answer = await asyncio.wait_for(reader.read(), 10)
        except ConnectionError:
            answer = b""
        finally:
            writer.close()
        assert b"HTTP/1.1 5" not in answer, (number, data)
        assert b"HTTP/1.0 5" not in answer, (number, data)
        if number % 50 == 0:
            assert (await running.ask("/workers/echo/")).status == 200
    assert not running.errors
    assert (await running.ask("/workers/echo/")).status == 200


async def echo(request):
    return json_response({"url": request.url, "size": len(await read_bytes(request))})


async def test_500_mutated_requests(serve) -> None:
    await fuzz(await serve(echo=echo), 500, 20_26)


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_10_000_mutated_requests(serve) -> None:
    await fuzz(await serve(echo=echo), 10_000, random.randrange(1 << 30))
