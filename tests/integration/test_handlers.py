"""How a hosted worker's handlers are called, over HTTP: arities, old dates, `waitUntil`, failures."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from sandbox.runtime.exchange import new_request, read_text

KV = '[[kv_namespaces]]\nbinding = "KV"\nid = "notes"\n'
WAITS = """
import asyncio
from workers import Response, WorkerEntrypoint, wait_until

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/fails"):
            self.ctx.waitUntil(self.fail())
        else:
            self.ctx.waitUntil(self.note("ctx"))
            wait_until(asyncio.ensure_future(self.note("module")))
        return Response("answered")

    async def note(self, key):
        while await self.env.KV.get("go") is None:
            await asyncio.sleep(0.01)
        await self.env.KV.put(key, "done")

    async def fail(self):
        await asyncio.sleep(0)
        raise LookupError("lost in the background")
"""


@pytest.mark.parametrize("arguments", ["self", "self, request", "self, request, env, ctx"])
async def test_every_arity_of_fetch(worker, start, arguments):
    code = f"""
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch({arguments}):
        given = locals()
        return Response(" ".join(f"{{name}}={{type(given[name]).__name__}}" for name in sorted(given) if name != "self"))
"""
    worker("arity", code)
    sandbox = await start()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{sandbox.port}/workers/arity/") as answer,
    ):
        kinds = {"request": "Request", "env": "NoneType", "ctx": "NoneType"}
        names = [name.strip() for name in arguments.split(",")[1:]]
        assert await answer.text() == " ".join(f"{name}={kinds[name]}" for name in sorted(names))


ON_FETCH = """
from js import Response

async def on_fetch(request, env, ctx):
    ctx.waitUntil(env.KV.put("seen", request.url))
    return Response.new(f"{request.method} {env.NAME} {type(request).__name__}")
"""


async def test_module_level_handlers_before_2025_08_14_only(worker, start):
    extra = KV + '[vars]\nNAME = "old"\n'
    worker("old", ON_FETCH, date="2025-08-13", extra=extra)
    worker("new", ON_FETCH, date="2025-08-14", extra=extra)
    sandbox = await start()
    async with aiohttp.ClientSession() as session:
        async with session.post(f"http://127.0.0.1:{sandbox.port}/workers/old/x") as answer:
            assert await answer.text() == "POST old Request"
        async with session.post(f"http://127.0.0.1:{sandbox.port}/workers/new/x") as answer:
            assert answer.status == 500
            assert "does not export a fetch() function" in await answer.text()


async def test_wait_until_is_finished_before_the_sandbox_stops(worker, start):
    worker("waits", WAITS, extra=KV)
    sandbox = await start(serve=False)
    written = []
    sandbox.events.subscribe(lambda event: written.append(event.fields["key"]), "kv.put")
    assert await read_text(await sandbox.fetch("waits", new_request("http://waits/"))) == "answered"
    assert written == []
    await sandbox.kv.get("notes").put("go", b"")
    await sandbox.stop()
    assert (written[0], sorted(written[1:])) == ("go", ["ctx", "module"])


async def test_a_failure_of_wait_until_is_told_with_the_workers_name(worker, start):
    worker("waits", WAITS, extra=KV)
    sandbox = await start(serve=False)
    told = asyncio.get_running_loop().create_future()
    sandbox.events.subscribe(lambda event: told.set_result(event.fields), "exception")
    assert await read_text(await sandbox.fetch("waits", new_request("http://waits/fails"))) == "answered"
    fields = await asyncio.wait_for(told, 10)
    assert fields["worker"] == "waits"
    assert "LookupError: lost in the background" in fields["text"]
    assert "src/entry.py:21 in fail" in fields["text"] and "waitUntil" in fields["text"]


async def test_an_exception_is_a_500_and_the_next_request_is_served(worker, start):
    code = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/bad"):
            return {"not": "a response"}
        if request.url.endswith("/raise"):
            raise LookupError("gone")
        return Response("fine")
"""
    worker("fails", code)
    sandbox = await start()
    base = f"http://127.0.0.1:{sandbox.port}/workers/fails"
    async with aiohttp.ClientSession() as session:
        for path, text in (("raise", "LookupError: gone"), ("bad", "did not resolve to 'Response'")):
            async with session.get(f"{base}/{path}", headers={"accept": "application/json"}) as answer:
                assert answer.status == 500 and text in (await answer.json())["error"]["message"]
            async with session.get(f"{base}/{path}", headers={"accept": "text/html"}) as answer:
                assert answer.status == 500 and answer.content_type == "text/html"
        async with session.get(f"{base}/") as answer:
            assert (answer.status, await answer.text()) == (200, "fine")
