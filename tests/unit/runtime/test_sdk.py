"""The official SDK, unmodified, on the emulated modules."""

import asyncio
import datetime
import logging

import asgi
import js
import pytest
from pyodide.ffi import JsException, to_js
from workers import (
    Blob,
    FormData,
    Request,
    Response,
    WorkerEntrypoint,
    fetch,
    patch_env,
    python_from_rpc,
    python_to_rpc,
)
from workers.rpc import _BindingWrapper, _EnvWrapper, _FetcherWrapper, _RpcStubWrapper

from sandbox.runtime import exchange
from sandbox.runtime.context import ExecutionContext, current_invocation
from sandbox.runtime.values import HostObject, JsObject, js_method, jsnull, structured_clone


async def drive(entrypoint, request, env=None):
    """What a dispatcher does: instance, conversion, call, conversion. Answers status, headers and body."""
    worker = entrypoint(ExecutionContext(), JsObject(env or {}))
    response = python_to_rpc(await worker.fetch(python_from_rpc(request)))
    return response.status, dict(exchange.header_pairs(response)), await exchange.read_bytes(response)


class Store(HostObject):
    js_name = "KvNamespace"

    def __init__(self):
        self._calls = []

    @js_method
    async def get(self, key, options):
        self._calls.append((key, options))
        return to_js({"value": [1.0, jsnull]}, dict_converter=js.Object.fromEntries) if key == "json" else "text"


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        assert request.headers["x-one"] == "1"
        if request.method == "POST":
            return Response.json({"got": await request.json(), "name": self.env.NAME}, status=201)
        return Response("hello", headers={"X-Number": 5, "X-True": True})


async def test_fetch():
    request = exchange.incoming_request("GET", "http://w.localhost:8787/", [("X-One", "1")])
    assert await drive(Default, request) == (
        200, {"x-number": "5", "x-true": "true", "content-type": "text/plain;charset=UTF-8"}, b"hello",
    )  # fmt: skip
    request = exchange.incoming_request("POST", "http://w.localhost:8787/", [("X-One", "1")], b'{"a": 1}')
    assert await drive(Default, request, {"NAME": "n"}) == (
        201, {"content-type": "application/json"}, b'{"got": {"a": 1}, "name": "n"}',
    )  # fmt: skip


def test_reprs_and_errors():
    assert repr(Response.json([1])) == "Response(status=200, status_text='OK', content_type='application/json')"
    assert repr(Request("https://test.com", method="POST")) == "Request(method='POST', url='https://test.com/')"
    with pytest.raises(ValueError, match="not a redirect"):
        Response.redirect("", 502)
    with pytest.raises(TypeError, match="Unsupported type in Response: Headers"):
        Response(js.Headers.new())


@pytest.mark.parametrize("date", ["2026-02-16", "2026-02-17"])
def test_headers_with_commas(running, date):
    with running(date=date):
        headers = Request(
            "http://a/", headers=[("User-Agent", "a, b"), ("Set-Cookie", "x"), ("Set-Cookie", "y")]
        ).headers
        assert headers.get_all("user-agent") == ["a, b"]
        assert headers.get_all("set-cookie") == ["x", "y"]


async def test_bindings():
    store = Store()
    env = _EnvWrapper(JsObject({"KV": store, "VAR": "v", "OBJ": JsObject({"a": 1})}))
    assert await env.KV.get("k", type="text") == "text"
    assert store._calls[0][1].type == "text"
    found = await env.KV.get("json", {"type": "json"})
    assert found == {"value": [1, None]} and type(found["value"][0]) is int
    assert (env.VAR, str(env.OBJ)) == ("v", "[object Object]")
    with pytest.raises(AttributeError, match="^MISSING$"):
        _ = env.MISSING
    with pytest.raises(AttributeError, match="^get_with_metadata$"):
        _ = env.KV.get_with_metadata
    with pytest.raises(TypeError, match=r"KvNamespace.*is not iterable"):
        list(env.KV)
    with pytest.raises(TypeError, match=r"KvNamespace.*has no len"):
        len(env.KV)
    assert isinstance(env.KV, _BindingWrapper) and env.KV
    with pytest.raises(TypeError, match="cannot be sent over RPC"):
        await env.KV.get((1, 2))


@pytest.mark.parametrize(
    "value", ["text", 42, 1.25, True, None, [1, [2]], {"a": {"b": None}}, {1, 2}, b"bytes"], ids=repr
)
def test_values_through_rpc(value):
    assert python_from_rpc(structured_clone(python_to_rpc(value))) == value


def test_other_values_through_rpc():
    def through(value):
        return python_from_rpc(structured_clone(python_to_rpc(value)))

    moment = datetime.datetime(2024, 5, 6, 7, 8, 9, 10_000)
    assert through(moment) == moment
    assert str(through(ValueError("x"))) == "Error: x"
    assert through(js.Map.new([[1, "one"]])) == {1: "one"}
    assert through(js.Number.new("12")) == 12
    assert isinstance(through(Blob(["x"])), Blob)
    assert isinstance(through(Response("x")), Response)
    assert isinstance(through(js.DataView.new(js.ArrayBuffer.new(2))), memoryview)
    assert through(js.undefined) is None
    assert isinstance(through(FormData({"a": "b"})), FormData)
    for refused in (complex(1), range(3)):
        with pytest.raises(JsException, match="^DataCloneError"):
            through(refused)
    for refused in ((1, 2), bytearray(b"x"), [(1,)], js.RegExp.new("a")):
        with pytest.raises(TypeError):
            through(refused)


async def test_functions_through_rpc():
    class Service(HostObject):
        js_name = "Fetcher"

        @js_method(task=True)
        async def counter(self):
            total = 0

            def add(amount=0):
                nonlocal total
                total += amount
                return total

            return structured_clone(python_to_rpc(add))

    service = _EnvWrapper(JsObject({"SERVICE": Service()})).SERVICE
    assert isinstance(service, _FetcherWrapper)
    stub = await service.counter()
    assert isinstance(stub, _RpcStubWrapper) and stub
    assert [await stub(2), await stub(1)] == [2, 3]


async def test_fetch_out(running, recorder):
    async def answer(request):
        if "down" in request.url:
            raise JsException("TypeError", "network down")
        return exchange.make_response("out", headers={"X": request.headers.get("A")})

    recorder.answer = answer
    with running():
        response = await fetch("http://b.example/", headers={"A": 123}, cf={"cacheTtl": 5})
        assert (await response.text(), response.headers["x"]) == ("out", "123")
        with pytest.raises(OSError, match="network down"):
            await fetch("http://down/")
        with pytest.raises(TypeError, match=r"fetch\(\) takes 1 positional argument but 2 were given"):
            await fetch("http://b/", {})


def test_env_of_the_module(running):
    with running(env={"A": "one"}):
        from workers import env

        assert env.A == "one"
        with patch_env(A="two"):
            from workers import env as patched

            assert patched.A == "two"
        with patch_env({"B": "three"}):
            assert env.B == "three"


async def test_wait_until(running):
    from workers import wait_until

    done = []

    async def later():
        done.append(True)

    with running():
        wait_until(later())
        await current_invocation.get().ctx.drain()
    assert done == [True]
    with pytest.raises(JsException, match="within an event handler"):
        wait_until(js.Promise.resolve(None))


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        return
    body = b""
    while (message := await receive())["type"] == "http.request":
        body += message["body"]
        if not message["more_body"]:
            break
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"set-cookie", b"a"), (b"set-cookie", b"b")]}
    )
    for part in (scope["path"].encode(), body):
        await send({"type": "http.response.body", "body": part, "more_body": scope["query_string"] == b"stream"})
        if scope["query_string"] != b"stream":
            return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


@pytest.mark.parametrize(("query", "expected"), [("", b"/p q"), ("?stream", b"/p qbody")])
async def test_asgi(running, caplog, query, expected):
    caplog.set_level(logging.ERROR)
    request = exchange.incoming_request("POST", f"http://a/p%20q{query}", [], b"body")
    with running():
        response = await asgi.fetch(app, Request(request), JsObject())
        body = await asyncio.wait_for(exchange.read_bytes(response), 10)
        await current_invocation.get().ctx.drain(10)
    assert body == expected
    assert [value for name, value in exchange.header_pairs(response) if name == "set-cookie"] == ["a", "b"]
    assert caplog.records == []


async def test_websockets():
    client, server = js.WebSocketPair.new().object_values()
    got = []
    closed = asyncio.Event()
    server.accept()
    server.binaryType = "arraybuffer"
    server.onmessage = lambda event: got.append(event.data if isinstance(event.data, str) else event.data.to_bytes())
    server.onclose = lambda event: (got.append((event.code, event.reason)), closed.set())
    client.accept()
    client.send("text")
    client.send(to_js(b"bytes"))
    client.close(3000, "bye")
    await closed.wait()
    assert got == ["text", b"bytes", (3000, "bye")]
    response = js.Response.new(None, status=101, webSocket=client)
    assert response.webSocket is client
