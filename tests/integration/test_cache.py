"""The Cache API, through worker code and the sandbox's clock."""

from __future__ import annotations

import pytest

from sandbox.app import Sandbox
from sandbox.bindings.cache.policy import lifetime
from sandbox.clock import FakeClock
from sandbox.config.load import load_sandbox
from sandbox.runtime.exchange import new_request, read_json

CODE = """
import json
from js import caches, Headers, Object, Request as JsRequest, Response as JsResponse
from pyodide.ffi import to_js
from workers import Response, WorkerEntrypoint

def js(value):
    return to_js(value, dict_converter=Object.fromEntries)

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        ask = json.loads(await request.text())
        cache = await caches.open(ask["cache"]) if "cache" in ask else caches.default
        resource = JsRequest.new(ask["url"], js({"method": ask.get("method", "GET"), "headers": ask.get("request", {})}))
        options = js({"ignoreMethod": True}) if ask.get("ignore") else None
        try:
            if ask["do"] == "put":
                init = js({"status": ask.get("status", 200), "headers": ask.get("headers", {})})
                return Response.json(await cache.put(resource, JsResponse.new(ask.get("body", "kept"), init)))
            if ask["do"] == "delete":
                return Response.json(await cache.delete(resource, options))
            found = await cache.match(resource, options)
        except Exception as error:
            return Response.json({"error": str(error)})
        if found is None:
            return Response.json(None)
        names = ("cf-cache-status", "etag", "content-range", "set-cookie", "content-type", "age", "content-length")
        shown = {name: found.headers.get(name) for name in names if found.headers.has(name)}
        return Response.json([found.status, shown, await found.text()])
"""
URL = "https://example.com/a"
KEEP = {"cache-control": "max-age=60"}


class Asker:
    def __init__(self, sandbox: Sandbox, name: str = "cached") -> None:
        self._sandbox, self._name = sandbox, name

    async def __call__(self, do: str, url: str = URL, **more):
        request = new_request("http://x/", method="POST", json={"do": do, "url": url, **more})
        return await read_json(await self._sandbox.fetch(self._name, request))


def load(tmp_path):
    return load_sandbox(tmp_path, overrides={"state": str(tmp_path / "state")})


async def test_put_match_delete(worker, tmp_path):
    worker("cached", CODE)
    worker("other", CODE)
    clock = FakeClock()
    async with Sandbox(load(tmp_path), clock=clock, serve=False, watch=False) as sandbox:
        ask = Asker(sandbox)
        assert await ask("match") is None and await ask("delete") is False
        assert await ask("put", headers={**KEEP, "etag": '"v1"'}) is None
        kept = {"cf-cache-status": "HIT", "etag": '"v1"', "content-type": "text/plain;charset=UTF-8"}
        kept |= {"age": "0", "content-length": "4"}
        assert await ask("match") == [200, kept, "kept"]
        assert (await Asker(sandbox, "other")("match"))[2] == "kept"  # one cache for all workers
        assert await ask("match", URL + "?x") is None and await ask("match", cache="mine") is None
        assert await ask("match", method="HEAD") is None
        assert (await ask("match", method="HEAD", ignore=True))[0] == 200
        assert (await ask("match", request={"if-none-match": 'W/"v1"'}))[::2] == [304, ""]
        assert (await ask("match", request={"if-none-match": '"v2"'}))[0] == 200
        part = await ask("match", request={"range": "bytes=1-2"})
        assert (part[0], part[1]["content-range"], part[2]) == (206, "bytes 1-2/4", "ep")
        assert (await ask("match", request={"range": "bytes=-1"}))[::2] == [206, "t"]
        for wrong in ("bytes=9-", "bytes=2-1", "lines=1-2", "bytes=-0", "bytes=-"):
            assert (await ask("match", request={"range": wrong}))[::2] == [416, ""], wrong
        for whole in ("bytes=-9", "bytes=0-0,2-3"):
            assert (await ask("match", request={"range": whole}))[::2] == [200, "kept"], whole
        assert await ask("put", cache="mine", headers=KEEP, body="own") is None
        assert (await ask("match", cache="mine"))[2] == "own" and (await ask("match"))[2] == "kept"
        clock.advance(59)
        status, shown, _ = await ask("match")
        assert (status, shown["age"], shown["content-length"]) == (200, "59", "4")
        clock.advance(1)
        assert await ask("match") is None and await ask("delete") is False
        await ask("put", headers=KEEP)
        assert await ask("delete") is True and await ask("match") is None


async def test_it_outlasts_a_restart(worker, tmp_path):
    worker("cached", CODE)
    async with Sandbox(load(tmp_path), clock=FakeClock(), serve=False, watch=False) as sandbox:
        await Asker(sandbox)("put", headers=KEEP)
    async with Sandbox(load(tmp_path), clock=FakeClock(), serve=False, watch=False) as sandbox:
        assert (await Asker(sandbox)("match"))[2] == "kept"


async def test_what_is_not_kept(worker, tmp_path):
    worker("cached", CODE)
    async with Sandbox(load(tmp_path), clock=FakeClock(), serve=False, watch=False) as sandbox:
        ask = Asker(sandbox)
        for more in (
            {"headers": {}},
            {"headers": {"cache-control": "no-store"}},
            {"headers": {"cache-control": "private, max-age=60"}},
            {"headers": {**KEEP, "set-cookie": "a=b"}},
            {"headers": KEEP, "request": {"authorization": "x"}},
            {"headers": KEEP, "status": 500},
            {"headers": KEEP, "status": 201},
            {"headers": {"cache-control": "s-maxage=10, private"}},
        ):
            assert await ask("put", **more) is None and await ask("match") is None, more
        await ask("put", headers={"cache-control": "private=set-cookie, max-age=60", "set-cookie": "a=b"})
        assert "set-cookie" not in (await ask("match"))[1]
        texts = [
            await ask("put", headers=KEEP, method="POST"),
            await ask("put", headers=KEEP, status=206),
            await ask("put", headers={**KEEP, "vary": "*"}),
        ]
        assert [text["error"] for text in texts] == [
            "TypeError: Cannot cache response to non-GET request.",
            "TypeError: Cannot cache response to a range request (206 Partial Content).",
            "TypeError: Cannot cache response with 'Vary: *' header.",
        ]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"cache-control": "max-age=10, s-maxage=20"}, 20),
        ({"cache-control": "MAX-AGE=10", "expires": "Thu, 01 Jan 1970 00:00:00 GMT"}, 10),
        ({"cache-control": "max-age=x"}, 0),
        ({"expires": "Thu, 01 Jan 1970 01:00:00 GMT"}, 2600),  # now is 1,000
        ({"expires": "Thu, 01 Jan 1970 01:00:00 GMT", "date": "Thu, 01 Jan 1970 00:30:00 GMT"}, 1800),
        ({"expires": "0"}, 0),
        ({"last-modified": "Thu, 01 Jan 1970 00:00:00 GMT"}, 100),
        ({"cache-control": "no-cache, max-age=5"}, 0),
        ({"cache-control": "max-age=60", "age": "50"}, 10),
        ({"cache-control": "max-age=60", "age": "70"}, 0),
    ],
)
def test_for_how_long(headers: dict[str, str], seconds: float) -> None:
    assert lifetime(200, headers, 1000.0) == seconds
