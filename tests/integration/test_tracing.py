"""One trace id through every hop: in over HTTP, service binding, RPC, fetch, the orchestrator's calls, out over HTTP."""

from __future__ import annotations

import asyncio

import aiohttp

from sandbox.runtime.trace import current_trace, parse_traceparent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
FRONT = """
from workers import Response, WorkerEntrypoint, fetch

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.rpartition("/")[2]
        if path == "out":
            return await fetch(self.env.ORCHESTRATOR_URL + "/workers/other/seen")
        if path == "own":
            return await fetch(self.env.ORCHESTRATOR_URL + "/workers/other/seen", headers={"traceparent": "mine"})
        if path == "http":
            return await fetch("http://upstream.test/seen")
        if path == "bound":
            return await self.env.OTHER.fetch("http://other/seen")
        if path == "rpc":
            return Response(await self.env.OTHER.look())
        print("front", request.headers.get("traceparent"))
        return Response(request.headers.get("traceparent") or "none")
"""
OTHER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("other")
        return Response(request.headers.get("traceparent") or "none")

    async def look(self):
        print("other")
        return "looked"
"""
STAGE = """
from sandbox.handshake import HandshakeWorker
from workers import fetch

class Default(HandshakeWorker):
    name = "stage"

    async def process(self, job):
        print("process")
        answer = await fetch(self.env.ORCHESTRATOR_URL + "/workers/other/seen")
        return {"seen": await answer.text()}
"""
BOUND = '[[services]]\nbinding = "OTHER"\nservice = "other"\n'
CACHES = "".join(f'[[kv_namespaces]]\nbinding = "{n}_CACHE"\nid = "{n.lower()}"\n' for n in ("PROGRESS", "RESULT"))


def spans(sandbox, kind="log"):
    """The span that each event of `kind` was told in."""
    found = []
    sandbox.events.subscribe(lambda event: found.append((event.fields.get("text"), current_trace.get())), kind)
    return found


async def ask(sandbox, path, headers=None):
    async with aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{sandbox.port}/workers/front/{path}"
        async with session.get(url, headers=headers or {}) as answer:
            return await answer.text()


async def upstream():
    """A server that answers with the traceparent it got."""

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        found = [line.partition(":")[2].strip() for line in head.split("\r\n") if line.startswith("traceparent:")]
        body = ", ".join(found).encode() or b"none"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        writer.close()

    return await asyncio.start_server(serve, "127.0.0.1", 0)


async def test_a_trace_goes_through_every_hop_of_a_request(start, worker, tmp_path):
    server = await upstream()
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "sandbox.toml").write_text(
        f'[[egress.routes]]\nmatch = "http://upstream.test/*"\nupstream = "http://127.0.0.1:{port}"\n'
    )
    worker("front", FRONT, extra=BOUND)
    worker("other", OTHER)
    async with server:
        sandbox = await start()
        logged = spans(sandbox)
        given = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
        assert await ask(sandbox, "", given) == given["traceparent"]  # as on Cloudflare: the worker sees what came
        front = logged.pop()[1]
        assert (front.trace_id, front.parent_id) == (TRACE, SPAN)
        for path in ("out", "http"):
            seen = parse_traceparent(await ask(sandbox, path, given))
            assert seen[0] == TRACE and seen[1] not in (SPAN, front.span_id)
        assert await ask(sandbox, "own", given) == "mine"
        assert await ask(sandbox, "bound", given) == "none"  # in the platform no header goes through a binding
        assert await ask(sandbox, "rpc", given) == "looked"
        assert {trace.trace_id for text, trace in logged} == {TRACE}
        assert len(logged) == 4 and len({trace.span_id for _, trace in logged}) == 4


async def test_without_a_header_each_request_begins_a_trace(start, worker):
    worker("front", FRONT, extra=BOUND)
    worker("other", OTHER)
    sandbox = await start()
    logged = spans(sandbox)
    assert await ask(sandbox, "") == "none"
    assert await ask(sandbox, "", {"traceparent": f"00-{'0' * 32}-{SPAN}-01"}) == f"00-{'0' * 32}-{SPAN}-01"
    ids = [trace.trace_id for _, trace in logged]
    assert len(set(ids)) == 2 and all(trace.parent_id is None for _, trace in logged)


async def test_two_headers_are_none(start, worker):
    worker("front", FRONT)
    sandbox = await start()
    logged = spans(sandbox)
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    line = f"Traceparent: 00-{TRACE}-{SPAN}-01\r\n"
    writer.write(
        f"GET /workers/front/ HTTP/1.1\r\nHost: localhost:{sandbox.port}\r\n{line * 2}Connection: close\r\n\r\n".encode()
    )
    await reader.read()
    writer.close()
    assert logged[0][1].trace_id != TRACE


async def test_an_execution_is_one_trace(start, worker):
    worker("stage", STAGE, extra=CACHES)
    worker("other", OTHER)
    sandbox = await start(serve=False)
    logged = spans(sandbox)
    execution = await sandbox.run("stage", {"text": "x"})
    assert execution["state"] == "completed", execution
    assert {text for text, _ in logged} == {"process", "other"}
    for _, trace in logged:
        assert trace.trace_id == execution["execution_id"].removeprefix("exec_")
        assert trace.execution_id == execution["execution_id"]
        assert trace.packet_id == execution["stages"][0]["packets"][0]["packet_id"]
        assert trace.stage == execution["stages"][0]["name"]


async def test_an_execution_continues_the_trace_that_asked_for_it(start, worker):
    worker("stage", STAGE, extra=CACHES)
    worker("other", OTHER)
    sandbox = await start()
    logged = spans(sandbox)
    async with aiohttp.ClientSession() as session:
        async with session.post(
            f"http://localhost:{sandbox.port}/api/executions",
            json={"worker": "stage", "parameters": {}},
            headers={"traceparent": f"00-{TRACE}-{SPAN}-01"},
        ) as answer:
            started = await answer.json()
    execution = await sandbox.orchestrator.finished(started["execution_id"])
    assert execution["state"] == "completed", execution
    assert {trace.trace_id for _, trace in logged} == {TRACE}
