"""httpx in worker code sees what fetch sees: other workers, routes, recordings, and the rules of the mode."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import httpx
import pytest

from sandbox.runtime.exchange import new_request, read_json

CALLER = """
import httpx
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        asked = await request.json()
        options = asked.get("client", {})
        try:
            async with httpx.AsyncClient(**options) as client:
                if "stream" in asked:
                    async def body():
                        for part in asked["stream"]:
                            yield part.encode()
                    response = await client.post(asked["url"], content=body())
                elif asked.get("read") == "lines":
                    async with client.stream("GET", asked["url"]) as response:
                        return Response.json({"lines": [line async for line in response.aiter_lines()]})
                else:
                    response = await client.request(asked.get("method", "GET"), asked["url"], json=asked.get("json"))
        except httpx.HTTPError as error:
            return Response.json({"error": type(error).__name__, "text": str(error), "url": str(error.request.url)})
        return Response.json({
            "status": response.status_code, "reason": response.reason_phrase, "text": response.text,
            "headers": dict(response.headers), "url": str(response.url), "history": [str(r.url) for r in response.history],
            "cookies": dict(client.cookies),
        })
"""
CALLED = """
import asyncio
from js import ReadableStream
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.partition("localhost")[2].partition("/")[2]
        if path == "old":
            return Response(None, status=302, headers={"location": "/new", "set-cookie": "a=1; Path=/"})
        if path == "never":
            await asyncio.Event().wait()
        if path == "lines":
            return Response("one\\ntwo\\n")
        if path == "boom":
            raise ValueError("boom")
        return Response.json({"path": path, "method": request.method, "body": await request.text(),
                              "agent": request.headers.get("user-agent")}, status=201)
"""


@pytest.fixture
async def ask(start, worker, tmp_path):
    """`await ask(url, **what)` through a worker that uses httpx.AsyncClient."""
    worker("caller", CALLER)
    worker("called", CALLED)
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "a.xml").write_text("<rss/>")
    (tmp_path / "sandbox.toml").write_text('[[egress.routes]]\nmatch = "https://feeds.test/*"\nfolder = "feeds"\n')
    sandbox = await start()

    async def ask(url: str, **what):
        url = url.replace("called.test", f"called.localhost:{sandbox.port}")
        request = new_request("http://caller.localhost/", method="POST", json={"url": url, **what})
        return await read_json(await sandbox.fetch("caller", request))

    ask.sandbox = sandbox
    return ask


async def test_another_worker_is_called_in_process(ask) -> None:
    events = []
    ask.sandbox.events.subscribe(lambda event: events.append(event.fields), "outbound")
    answer = await ask("http://called.test/p?q=1", method="PUT", json={"a": 1})
    assert (answer["status"], answer["reason"]) == (201, "Created")
    seen = json.loads(answer["text"])
    assert (seen["path"], seen["method"], seen["body"]) == ("p?q=1", "PUT", '{"a":1}')
    assert seen["agent"].startswith("python-httpx/")
    assert [event["by"] for event in events] == ["worker:called"]


async def test_streams_go_both_ways(ask) -> None:
    answer = await ask("http://called.test/up", stream=["one ", "two"])
    assert json.loads(answer["text"])["body"] == "one two"
    assert await ask("http://called.test/lines", read="lines") == {"lines": ["one", "two"]}


async def test_redirects_and_cookies_are_httpxs_own(ask) -> None:
    answer = await ask("http://called.test/old", client={"follow_redirects": True})
    assert json.loads(answer["text"])["path"] == "new"
    assert (len(answer["history"]), answer["cookies"]) == (1, {"a": "1"})
    plain = await ask("http://called.test/old")
    assert (plain["status"], plain["headers"]["location"]) == (302, "/new")


async def test_routes_answer_it(ask) -> None:
    answer = await ask("https://feeds.test/a.xml")
    assert (answer["status"], answer["text"]) == (200, "<rss/>")
    assert answer["headers"]["etag"]


async def test_offline_is_a_connect_error_with_our_words(ask) -> None:
    answer = await ask("https://elsewhere.test/x")
    assert answer["error"] == "ConnectError" and answer["url"] == "https://elsewhere.test/x"
    assert "refused: this sandbox is offline" in answer["text"] and "[[egress.routes]]" in answer["text"]


async def test_a_timeout_is_httpxs_own(ask) -> None:
    answer = await ask("http://called.test/never", client={"timeout": 0.05})
    assert answer["error"] == "ReadTimeout"


async def test_a_worker_that_raises_is_a_500(ask) -> None:
    assert (await ask("http://called.test/boom"))["status"] == 500


async def test_httpx_outside_of_workers_is_left_alone(ask) -> None:
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
    assert response.text == "ok"


def test_it_is_routed_whoever_imports_it_and_not_imported_for_it() -> None:
    code = """
import sys
from sandbox.egress import install_other_clients
install_other_clients()
install_other_clients()
before = len(sys.meta_path)
assert "httpx" not in sys.modules
import httpx
assert httpx.AsyncHTTPTransport.handle_async_request._for_workers
assert len(sys.meta_path) == before - 1
assert type(httpx.__spec__.loader).__name__ == type(httpx.__loader__).__name__ == "SourceFileLoader"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
