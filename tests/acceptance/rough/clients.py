"""Clients that misbehave: they send what no client should, or leave at every moment there is."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from tests.acceptance.rough.mutations import OURS, SEEDS, mutate

WORKER = "rough"
PATIENCE_S = 20.0
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Report:
    """What was sent, what came back, and what the process held before and after."""

    title: str
    sent: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    moments: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0
    before: dict[str, int] = field(default_factory=dict)
    after: dict[str, int] = field(default_factory=dict)
    alive: bool = False

    def text(self) -> str:
        lines = [
            f"{self.title}: {self.sent} in {self.seconds:.1f} s; the process is {'alive' if self.alive else 'DEAD'}"
        ]
        for name, counted in (("moments", self.moments), ("answers", self.answers)):
            if counted:
                shown = ", ".join(f"{key} {count}" for key, count in sorted(counted.items()))
                lines.append(f"  {name}: {shown}")
        for key, before in self.before.items():
            lines.append(f"  {key:12} before {before:>7}  after {self.after.get(key, -1):>7}")
        lines += [f"  problems: {len(self.problems)}", *(f"    {problem}" for problem in self.problems[:20])]
        return "\n".join(lines)


def request(port: int, path: str, *, method: str = "GET", headers: str = "", body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: {WORKER}.localhost:{port}\r\n{headers}"
    if body:
        head += f"Content-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


async def leave(streams: Streams, chance: random.Random) -> None:
    """Close the connection, politely or by a reset."""
    _, writer = streams
    if chance.random() < 0.5:
        raw = writer.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
    writer.close()
    try:
        await writer.wait_closed()
    except OSError:
        return


async def connect(port: int) -> Streams:
    return await asyncio.open_connection("127.0.0.1", port)


# -- the moments at which a client leaves: what it sends first, and how much of an answer it waits for --------------------


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(1, len(data))]


def moments(port: int, chance: random.Random) -> dict[str, tuple[bytes, int]]:
    """By name: the bytes sent, and how many bytes of the answer are read before leaving (-1: leave after a short work)."""
    body = b"y" * 200_000
    chunked = b"".join(b"%x\r\n%b\r\n" % (1000, b"z" * 1000) for _ in range(50))
    chunk_head = request(port, "/read", method="POST", headers="Transfer-Encoding: chunked\r\n")
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n"
    return {
        "connected": (b"", 0),
        "in the request line": (_cut(b"GET /work HTTP/1.1", chance), 0),
        "in the headers": (_cut(request(port, "/work", headers="X-A: b\r\n" * 20), chance)[:-4] or b"G", 0),
        "in a small body": (_cut(request(port, "/echo", method="POST", body=b"y" * 900)[:-1], chance), 0),
        "in a large body": (_cut(request(port, "/read", method="POST", body=body)[:-1], chance), 0),
        "in an announced 50 MB": (
            request(port, "/read", method="POST", headers="Content-Length: 50000000\r\n") + b"q" * 70_000,
            0,
        ),
        "in a chunked body": (chunk_head + _cut(chunked, chance), 0),
        "in a body nobody reads": (
            request(port, "/ignore", method="POST", headers="Content-Length: 900000\r\n") + b"q" * 70_000,
            chance.choice((0, 20)),
        ),
        "after 100-continue": (
            request(port, "/read", method="POST", headers="Expect: 100-continue\r\nContent-Length: 10\r\n"),
            20,
        ),
        "while the worker works": (request(port, "/work"), -1),
        "while waitUntil runs": (request(port, "/wait"), 10),
        "before a streamed answer": (request(port, "/stream"), 0),
        "in a streamed answer": (request(port, "/stream"), chance.randrange(1, 300_000)),
        "in a large answer": (request(port, "/large"), chance.randrange(1, 300_000)),
        "in a body that is sent back": (
            request(port, "/forwarded", method="POST", headers="Content-Length: 900000\r\n") + b"q" * 200_000,
            chance.randrange(1, 100_000),
        ),
        "with three requests sent": (request(port, "/work") * 3, chance.choice((0, 60))),
        "after an upgrade": (request(port, "/work", headers=upgrade), chance.choice((0, 10))),
        "after an exception": (request(port, "/held_", method="POST", headers="Content-Length: 5\r\n") + b"12", 0),
    }


async def abort(port: int, chance: random.Random, report: Report) -> None:
    name, (data, wanted) = chance.choice(list(moments(port, chance).items()))
    report.moments[name] += 1
    streams = await connect(port)
    reader, writer = streams
    try:
        if data:
            writer.write(data)
            await writer.drain()
        if wanted > 0:
            got = 0
            while got < wanted and (piece := await asyncio.wait_for(reader.read(wanted - got), PATIENCE_S)):
                got += len(piece)
        else:
            await asyncio.sleep(chance.random() * 0.02)
    except OSError:
        pass  # the server was first
    except TimeoutError:
        report.problems.append(f"no answer within {PATIENCE_S:g} s: {name}")
    finally:
        await leave(streams, chance)


async def mutated(port: int, chance: random.Random, report: Report) -> None:
    await _send(port, mutate(chance.choice(SEEDS + OURS).format(port=port, worker=WORKER).encode(), chance), report)


async def _send(port: int, data: bytes, report: Report) -> None:
    reader, writer = await connect(port)
    answer = b""
    try:
        writer.write(data)
        try:
            answer = await asyncio.wait_for(reader.read(1 << 16), 0.25)
        except TimeoutError:  # it waits for the rest, which will not come
            report.answers["waits"] += 1
            writer.write_eof()
        answer += await asyncio.wait_for(_rest(reader, writer), PATIENCE_S)
    except OSError:
        report.answers["reset"] += 1
        return
    except TimeoutError:
        report.problems.append(f"no end within {PATIENCE_S:g} s: {data!r}")
        return
    finally:
        writer.close()
    status = answer[9:12].decode("latin-1") if answer.startswith(b"HTTP/1.") else "none"
    report.answers[status] += 1
    if b"HTTP/1.1 5" in answer or b"HTTP/1.0 5" in answer or b'"internal"' in answer:
        report.problems.append(f"{data!r} -> {answer[:300]!r}")


async def _rest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    with suppress(RuntimeError, OSError):
        writer.write_eof()
    return await reader.read()


async def rough(up: Any, kind: Any, title: str, count: int, seed: int, *, at_once: int = 20) -> Report:
    """`count` clients of a `kind`, `at_once` at a time, and what is left of them afterwards."""
    report, port = Report(title), up.port
    await asyncio.to_thread(
        up.ask, "/work", worker=WORKER
    )  # files that are opened once are opened now: its KV namespace's
    for whole in SEEDS + OURS:
        await _send(port, whole.format(port=port, worker=WORKER).encode(), Report(""))
    await _some(port, kind, random.Random(1), Report(""), max(60, count // 3), at_once)  # as memory comes to its height
    report.before = await _settled(up, None)
    began = time.monotonic()
    await _some(port, kind, random.Random(seed), report, count, at_once)
    report.seconds = time.monotonic() - began
    report.sent = count
    report.after = await _settled(up, report.before)
    report.alive = up.process.poll() is None
    return report


async def _some(port: int, kind: Any, chance: random.Random, report: Report, count: int, at_once: int) -> None:
    left = iter(range(count))

    async def client() -> None:
        for _ in left:
            await kind(port, chance, report)

    await asyncio.gather(*(client() for _ in range(at_once)))


async def _settled(up: Any, wanted: dict[str, int] | None) -> dict[str, int]:
    """What the process holds, when it has come down to `wanted` (None: when it stays the same), or after a while."""
    deadline = time.monotonic() + PATIENCE_S
    last: dict[str, int] = {}
    while True:
        found: dict[str, int] = (await asyncio.to_thread(up.ask, "/held", worker=WORKER)).json
        facts = {key: value for key, value in found.items() if key != "rss_kib"}
        enough = facts == last if wanted is None else all(value <= wanted[key] for key, value in facts.items())
        if enough or time.monotonic() > deadline:
            return found
        last = facts
        await asyncio.sleep(0.1)
