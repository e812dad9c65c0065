"""Mutated requests on a socket: no exit, no 5xx of ours, no hang."""

from __future__ import annotations

import asyncio
import random

import pytest

from sandbox.runtime.exchange import json_response, read_bytes

SEEDS = [
    "GET / HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: */*\r\n\r\n",
    "GET /workers/echo/a?b=c HTTP/1.1\r\nHost: localhost:{port}\r\nCookie: a=b\r\n\r\n",
    "GET http://localhost:{port}/workers/echo/ HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
    "POST /workers/echo/ HTTP/1.1\r\nHost: echo.localhost:{port}\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: echo.localhost:{port}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "PUT /api/data HTTP/1.1\r\nHost: [::1]:{port}\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    "GET / HTTP/1.1\r\nHost: echo.localhost:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: eA==\r\n\r\n",
    "HEAD /workers/echo HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\r\nGET / HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n",
]
PIECES = [b"\r\n", b"\n", b"\0", b" ", b"\t", b":", b"//", b"..", b"%00", b"%2e", b"\xff\xfe", b"[", b"]", b"@", b"#", b"?", b"\\",
          b"Host: evil.com\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: -1\r\n", b"Content-Length: 99\r\n", b"Connection: close\r\n",
          b"HTTP/1.1", b"0\r\n\r\n", b"A" * 9000, b"x: y\r\n" * 200, b"\xf0\x9f\x98\x80", b"http://", b"*"]  # fmt: skip


def mutate(data: bytes, chance: random.Random) -> bytes:
    raw = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(raw) + 1)
        match chance.randrange(6):
            case 0:
                raw[at:at] = chance.choice(PIECES)
            case 1:
                del raw[at : at + chance.randint(1, 12)]
            case 2:
                raw[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                end = at + chance.randint(1, 30)
                raw[at:at] = raw[at:end]
            case 4:
                raw[at:] = b""
            case 5:
                raw[at : at + chance.randint(1, 6)] = chance.choice(PIECES)
        raw = raw or bytearray(b"\r\n")
    return bytes(raw)


async def fuzz(running, count: int, seed: int) -> None:
    chance = random.Random(seed)
    port = running.port
    for number in range(count):
        data = mutate(chance.choice(SEEDS).format(port=port).encode(), chance)
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
