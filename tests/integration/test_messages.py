"""Headers and bodies of every kind through a worker, over HTTP."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
import zlib
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]
MIB = 1024 * 1024
BODIES = """
import json
import js
from js import ReadableStream, TransformStream, Uint8Array
from pyodide.ffi import to_js
from workers import Blob, File, FormData, Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await getattr(self, request.url.partition("//")[2].partition("/")[2].partition("?")[0])(request)

    async def cookies(self, request):
        return Response("ok", headers=[("Set-Cookie", "a=1; Path=/, odd"), ("Set-Cookie", "b=2"), ("X-Twice", "1"),
                                       ("X-Twice", "2")])

    async def headers(self, request):
        return Response.json([request.headers.get_all("x-twice"), request.headers.get("x-comma")])

    async def form(self, request):
        data = await request.form_data()
        upload = data["upload"]
        return Response.json([data["field"], data.get_all("many"), upload.name, upload.content_type,
                              (await upload.bytes()).hex()])

    async def make_form(self, request):
        data = FormData({"field": "value"})
        data.append("file", File(b"\\x00\\xff", filename="f.bin", content_type="x/y"), filename="f.bin")
        return Response(data)

    async def blob(self, request):
        blob = await request.blob()
        return Response(Blob([blob, "-", b"end"], content_type="text/x-mine").js_object)

    async def json(self, request):
        return Response.json({"got": await request.json()}, status=201)

    async def text(self, request):
        return Response((await request.text()).upper())

    async def bytes(self, request):
        return Response((await request.bytes())[::-1], headers={"content-type": "application/octet-stream"})

    async def stream(self, request):
        pipe = TransformStream.new()
        async def write():
            writer = pipe.writable.getWriter()
            for number in range(3):
                await writer.write(Uint8Array.new(to_js(f"part {number};".encode())))
            await writer.close()
        self.ctx.waitUntil(write())
        return Response(pipe.readable)

    async def read_stream(self, request):
        total = pieces = 0
        async for chunk in request.body:
            total += chunk.byteLength
            pieces += 1
        return Response.json([total, pieces > 1])

    async def through(self, request):
        return Response(request.body)

    async def unread(self, request):
        return Response(js.Response.new(request.body).body, headers={"x-kept": "1"})

    async def endless(self, request):
        pipe = TransformStream.new()
        async def write():
            writer = pipe.writable.getWriter()
            try:
                while True:
                    await writer.write(Uint8Array.new(to_js(b"more")))
            except Exception:
                pass
        self.ctx.waitUntil(write())
        return Response(pipe.readable)

    async def empty(self, request):
        return Response(None, status=204)
"""


@pytest.fixture
async def sandbox(worker, start):
    worker("bodies", BODIES)
    return await start()


@pytest.fixture
async def bodies(sandbox):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{sandbox.port}/workers/bodies/") as session:
        yield session


async def test_set_cookie_stays_apart_and_other_duplicates_survive(bodies):
    async with bodies.get("cookies") as answer:
        assert answer.headers.getall("set-cookie") == ["a=1; Path=/, odd", "b=2"]
        assert ", ".join(answer.headers.getall("x-twice")) == "1, 2"


async def test_duplicate_request_headers(bodies):
    sent = [("X-Twice", "1"), ("X-Twice", "2"), ("X-Comma", "a, b")]
    async with bodies.get("headers", headers=sent) as answer:
        assert await answer.json() == [["1, 2"], "a, b"]


async def test_multipart_forms_in_and_out(bodies):
    form = aiohttp.FormData([("field", "välue"), ("many", "1"), ("many", "2")], quote_fields=False)
    form.add_field("upload", b"\x00\xff", filename="naïve.bin", content_type="x/y")
    async with bodies.post("form", data=form) as answer:
        assert await answer.json() == ["välue", ["1", "2"], "naïve.bin", "x/y", "00ff"]
    async with bodies.get("make_form") as answer:
        reader = aiohttp.MultipartReader.from_response(answer)
        field, file = await reader.next(), None
        assert (field.name, await field.text()) == ("field", "value")
        file = await reader.next()
        assert (file.name, file.filename, file.headers["content-type"]) == ("file", "f.bin", "x/y")
        assert bytes(await file.read()) == b"\x00\xff"


@pytest.mark.parametrize(
    ("path", "sent", "status", "kind", "received"),
    [
        ("blob", b"\x00start", 200, "text/x-mine", b"\x00start-end"),
        ("json", b'{"a": [1, null]}', 201, "application/json", b'{"got": {"a": [1, null]}}'),
        ("text", "grün".encode(), 200, "text/plain", "GRÜN".encode()),
        ("bytes", bytes(range(256)), 200, "application/octet-stream", bytes(range(256))[::-1]),
        ("empty", b"", 204, None, b""),
    ],
)
async def test_bodies_of_each_kind(bodies, path, sent, status, kind, received):
    async with bodies.post(path, data=sent) as answer:
        assert (answer.status, await answer.read()) == (status, received)
        assert kind is None or answer.content_type == kind


async def test_streams_out_and_in(bodies):
    async with bodies.get("stream") as answer:
        assert await answer.text() == "part 0;part 1;part 2;"
    async with bodies.put("read_stream", data=io.BytesIO(bytes(3 * MIB))) as answer:
        assert await answer.json() == [3 * MIB, True]


@pytest.mark.parametrize(
    ("path", "sent"),
    [("stream", b""), ("make_form", b""), ("blob", b"x"), ("through", b"x"), ("through", bytes(MIB)), ("unread", b"x")],
)
async def test_an_answer_that_was_sent_holds_nothing(bodies, sandbox, path, sent):
    """Without the garbage collector's help: a reload or a stop must not wait for it."""
    generation = sandbox.workers.generation("bodies")
    gc.disable()
    try:
        async with bodies.post(path, data=io.BytesIO(sent)) as answer:
            await answer.read()
        await asyncio.wait_for(generation.idle(), 10)
    finally:
        gc.enable()


async def test_a_client_that_leaves_a_stream_lets_it_go(bodies, sandbox):
    generation = sandbox.workers.generation("bodies")
    gc.disable()
    try:
        async with bodies.get("endless") as answer:
            assert (await answer.content.readany()).startswith(b"more")
            assert generation.busy
        await asyncio.wait_for(generation.idle(), 10)
    finally:
        gc.enable()


BIG = """
from js import TransformStream
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.rpartition("/")[2]
        if path == "other":
            return await self.env.SELF.fetch("https://self.test/through", method="POST", body=request.body)
        if path == "python":
            pipe = TransformStream.new()
            self.ctx.waitUntil(self.copy(request.body, pipe.writable.getWriter()))
            return Response(pipe.readable)
        return Response(request.body)

    async def copy(self, source, writer):
        async for chunk in source:
            await writer.write(chunk)
        await writer.close()
"""
HOST = """
import asyncio, sys
from pathlib import Path
from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox

async def main():
    root = Path(sys.argv[1])
    loaded = load_sandbox(root, overrides={"port": 0, "state": str(root / "state")})
    async with Sandbox(loaded, watch=False) as sandbox:
        print(sandbox.port, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)

asyncio.run(main())
"""


def peak_bytes(pid: int) -> int:
    """The highest resident size of a process since `reset_peak`."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def reset_peak(pid: int) -> None:
    Path(f"/proc/{pid}/clear_refs").write_text("5")


async def send(session, path: str, count: int) -> None:
    """Send `count` MiB and read them back while they go out."""
    piece, total, sent, received = os.urandom(MIB - 4), 0, 0, 0

    async def blocks():
        nonlocal sent
        for number in range(count):
            block = number.to_bytes(4, "big") + piece
            sent = zlib.crc32(block, sent)
            yield block

    async with session.post(path, data=blocks()) as answer:
        async for chunk in answer.content.iter_chunked(MIB):
            total += len(chunk)
            received = zlib.crc32(chunk, received)
    assert (answer.status, total, received) == (200, count * MIB, sent)


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the peak memory from /proc")
async def test_100_mib_pass_through_in_10_mib(worker, tmp_path):
    worker("big", BIG, extra='[[services]]\nbinding = "SELF"\nservice = "big"\n')
    host = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        HOST,
        str(tmp_path),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        port = int(await host.stdout.readline())
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}/workers/big/") as session:
            for path in ("through", "other", "python"):
                await send(session, path, 4)
                reset_peak(host.pid)
                before = peak_bytes(host.pid)
                await send(session, path, 100)
                extra = (peak_bytes(host.pid) - before) / MIB
                print(f"{path}: {extra:.1f} MiB more for a body of 100 MiB")
                assert extra < 10, path
    finally:
        host.stdin.close()
        await host.wait()
