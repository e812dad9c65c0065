"""The emulated modules: what `js` and `pyodide` offer, and how it follows the running worker."""

import asyncio
import json
import math
import sys

import _cloudflare_compat_flags
import _pyodide_entrypoint_helper
import js
import pyodide
import pyodide.http
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyodide.code import relaxed_call, relaxed_wrap
from pyodide.ffi import (
    JsBuffer,
    JsException,
    JsProxy,
    can_run_sync,
    create_once_callable,
    create_proxy,
    run_sync,
    to_js,
)

from sandbox.runtime import install
from sandbox.runtime.exchange import header, make_response, mark_fetched
from sandbox.runtime.values import JsArray, JsObject, jsnull
from sandbox.runtime.values.json import parse, stringify

NAMES = """
AbortController AbortSignal Array ArrayBuffer BigInt64Array Blob Boolean DataView Date Error File FormData Float64Array
Headers Infinity JSON Map Math NaN Number Object Promise RangeError ReadableStream RegExp Request Response Set String
TextDecoder TextEncoder TransformStream TypeError URL URLSearchParams Uint8Array WebSocket WebSocketPair WritableStream
atob btoa clearTimeout console crypto fetch globalThis parseInt queueMicrotask setTimeout structuredClone
""".split()


@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_global_scope(name):
    value = getattr(js, name)
    if hasattr(value, "new"):
        assert value.name == name and value.constructor.name == "Function"


def test_installing_again_changes_nothing():
    before = sys.modules["js"]
    install()
    assert sys.modules["js"] is before
    assert js.undefined is None
    assert pyodide.__version__ != "0.26.0a2"


def test_classes_cannot_be_called():
    with pytest.raises(JsException, match="without 'new'"):
        js.Headers()


def test_typed_arrays():
    array = js.Uint8Array.new(to_js([1, 2, 257, -1]))
    assert list(array) == [1, 2, 1, 255]
    view = array.subarray(1, 3)
    view[0] = 9
    assert array[1] == 9 and view.byteOffset == 1 and view.buffer is array.buffer
    copied = array.slice(1)
    copied[0] = 0
    assert array[1] == 9
    assert isinstance(array, JsBuffer) and isinstance(array, JsProxy)
    assert list(js.Int16Array.of("10", "-24")) == [10, -24]
    assert list(js.Uint8ClampedArray.new(to_js([300, -5, 1.5]))) == [255, 0, 2]
    assert list(js.Float32Array.new(to_js([1.5, 2]))) == [1.5, 2]
    assert list(js.BigInt64Array.new(to_js([2**63 - 1]))) == [2**63 - 1]
    assert js.Uint16Array.new(4).byteLength == 8
    target = js.Uint8Array.new(3)
    target.set(to_js([1, 2]), 1)
    assert target.to_bytes() == b"\0\1\2"
    with pytest.raises(JsException, match="^RangeError"):
        js.Uint16Array.new(js.ArrayBuffer.new(3))
    assert not js.Uint8Array.new(0)


def test_data_view():
    view = js.DataView.new(js.ArrayBuffer.new(8))
    view.setInt16(0, -2)
    view.setFloat32(4, 1.5, True)
    assert (view.getUint16(0), view.getInt16(0), view.getFloat32(4, True)) == (65534, -2, 1.5)
    with pytest.raises(JsException, match="^RangeError"):
        view.getInt32(6)


def test_host_bytes_are_not_written_through():
    data = b"abc"
    array = to_js(data)
    array[0] = 0
    assert data == b"abc"


def test_dates(running):
    with running() as worker:
        assert js.Date.now() == worker.clock.now() * 1000
        worker.clock.advance(60)
        assert js.Date.new().getTime() == worker.clock.now() * 1000
    date = js.Date.new("2024-02-29T12:30:45.678Z")
    assert (date.toISOString(), date.getUTCMonth(), date.getDay()) == ("2024-02-29T12:30:45.678Z", 1, 4)
    assert str(date) == "Thu Feb 29 2024 12:30:45 GMT+0000 (Coordinated Universal Time)"
    assert js.Date.new(2024, 12, 1).toISOString() == "2025-01-01T00:00:00.000Z"
    assert js.Date.new("2024-01-01T00:00:00+02:00").getTime() == js.Date.UTC(2023, 11, 31, 22)
    assert js.Date.parse("Thu, 01 Jan 1970 00:00:01 GMT") == 1000
    assert math.isnan(js.Date.new("nonsense").getTime())
    with pytest.raises(JsException, match="^RangeError"):
        js.Date.new("nonsense").toISOString()
    assert math.isnan(js.Date.new(9e15).getTime())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v", "Unexpected token 'v', \"v\" is not valid JSON"),
        ("", "Unexpected end of JSON input"),
        ('{"a":', "Unexpected end of JSON input"),
        ("NaN", "Unexpected token 'N', \"NaN\" is not valid JSON"),
        ("{a:1}", "Expected property name or '}' in JSON at position 1 (line 1 column 2)"),
        ("[1 2]", "Expected ',' or ']' after array element in JSON at position 3 (line 1 column 4)"),
        ('{"a":1 2}', "Expected ',' or '}' after property value in JSON at position 7 (line 1 column 8)"),
        ("1 2", "Unexpected non-whitespace character after JSON at position 2 (line 1 column 3)"),
        ('{"key": "value", "other": oops}', 'Unexpected token \'o\', ..." "other": oops}" is not valid JSON'),
    ],
)
def test_json_errors(text, message):
    with pytest.raises(JsException) as caught:
        js.JSON.parse(text)
    assert str(caught.value) == f"SyntaxError: {message}"


def test_json():
    value = js.JSON.parse('{"f":1.0,"big":12345678901234567890,"n":null,"2":[true],"1":1}')
    assert list(value.object_keys()) == ["1", "2", "f", "big", "n"]
    assert (type(value.f), type(value.big), value.n) == (int, float, jsnull)
    made = JsObject({"a": None, "d": js.Date.new(0), "n": math.nan, "m": js.Map.new(), "f": len, "l": JsArray([None])})
    assert js.JSON.stringify(made) == '{"d":"1970-01-01T00:00:00.000Z","n":null,"m":{},"l":[null]}'
    assert js.JSON.stringify(JsArray([1, JsObject({"a": "é\u2028\ud800"})]), None, 1) == (
        '[\n 1,\n {\n  "a": "é\u2028\\ud800"\n }\n]'
    )
    assert js.JSON.stringify(None) is None
    with pytest.raises(JsException, match="BigInt"):
        js.JSON.stringify(2**60)
    ring = JsObject()
    ring.ring = ring
    with pytest.raises(JsException, match="circular"):
        js.JSON.stringify(ring)
    assert js.JSON.parse("[1,2]", lambda key, item: item * 2 if isinstance(item, int) else item)[1] == 4


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    )
)
def test_json_agrees_with_python(value):
    assert json.loads(stringify(parse(json.dumps(value)))) == value


def test_small_things():
    assert (js.parseInt("12px"), js.parseInt("ff", 16), js.parseFloat("1.5e1x")) == (12, 255, 15)
    assert js.Number.new("1234").valueOf() == 1234
    assert js.Number.isInteger(5) and not js.Number.isInteger(5.5)
    assert js.Math.max(1, "3", 2) == 3 and js.Math.floor(-1.5) == -2 and js.Math.round(2.5) == 3
    assert js.String(True) == "true" and js.Boolean("") is False
    assert list(js.Array.from_("ab")) == ["a", "b"] and js.Array.isArray(JsArray([]))
    assert js.Array.new(3).length == 3
    assert js.Object.assign(JsObject({"a": 1}), JsObject({"b": 2})).b == 2
    assert list(js.Object.keys(JsObject({"a": 1}))) == ["a"]
    assert js.RegExp.new("a(b+)c", "i").exec("xABBC")[1] == "BB"
    assert js.RegExp.new("ab+c", "i").constructor.name == "RegExp"
    assert js.atob(js.btoa("hé")) == "hé"
    with pytest.raises(JsException, match="^InvalidCharacterError"):
        js.btoa("☃")
    with pytest.raises(JsException, match="^DataCloneError"):
        js.structuredClone(len)


def test_text_coders():
    decoder = js.TextDecoder.new()
    data = "é☃".encode()
    assert decoder.decode(to_js(data[:1]), JsObject({"stream": True})) == ""
    assert decoder.decode(to_js(data[1:]), JsObject({"stream": True})) + decoder.decode() == "é☃"
    assert js.TextEncoder.new().encode("é").to_bytes() == b"\xc3\xa9"
    with pytest.raises(JsException, match="^TypeError"):
        js.TextDecoder.new("utf-8", fatal=True).decode(to_js(b"\xff"))


async def test_crypto():
    assert len({js.crypto.randomUUID() for _ in range(5)}) == 5
    array = js.Uint8Array.new(32)
    assert js.crypto.getRandomValues(array) is array and array.to_bytes() != bytes(32)
    digest = await js.crypto.subtle.digest("SHA-256", to_js(b""))
    assert digest.to_bytes().hex().startswith("e3b0c44298fc1c14")
    with pytest.raises(JsException, match="^NotSupportedError"):
        await js.crypto.subtle.digest("SHA-0", to_js(b""))


def test_console_is_an_event(running, recorder):
    with running():
        js.console.warn("a", JsObject({"b": 1}), 2)
    assert recorder.events == [
        ("log", {"worker": "tester", "level": "warn", "text": 'a {"b":1} 2', "trace_id": "trace-1"})
    ]


async def test_timers():
    fired = asyncio.Queue()
    js.setTimeout(fired.put_nowait, 0, "timer")
    js.clearTimeout(js.setTimeout(fired.put_nowait, 0, "cancelled"))
    js.queueMicrotask(create_once_callable(lambda: fired.put_nowait("microtask")))
    assert await fired.get() == "microtask"
    assert await fired.get() == "timer"
    ticks = asyncio.Queue()
    interval = js.setInterval(lambda: ticks.put_nowait(1), 1)
    await ticks.get()
    await ticks.get()
    js.clearInterval(interval)
    await js.scheduler.wait(0)


async def test_abort():
    controller = js.AbortController.new()
    seen = []
    controller.signal.addEventListener("abort", lambda event: seen.append(event.type))
    controller.abort()
    controller.abort()
    assert seen == ["abort"] and controller.signal.aborted
    with pytest.raises(JsException, match="^AbortError"):
        controller.signal.throwIfAborted()
    assert js.AbortSignal.any(to_js([controller.signal])).aborted


async def test_fetch_goes_out_of_the_running_worker(running, recorder):
    async def answer(request):
        return mark_fetched(make_response(f"{request.method} {request.url}"), url=request.url)

    recorder.answer = answer
    with running():
        response = await js.fetch("http://b.example", method="POST", headers=JsObject({"X": 1}), body="x")
        assert await response.text() == "POST http://b.example/"
        with pytest.raises(JsException, match="^TypeError: Invalid URL"):
            await js.fetch("/relative")
        aborted = js.AbortSignal.abort()
        with pytest.raises(JsException, match="^AbortError"):
            await js.fetch("http://b.example/", signal=aborted)
    worker, request = recorder.requests[0]
    assert (worker, header(request, "x")) == ("tester", "1")
    with pytest.raises(JsException, match="no worker is running"):
        await js.fetch("http://b.example/")


async def test_a_fetch_can_be_aborted_on_the_way(running, recorder):
    asked = asyncio.Event()

    async def answer(request):
        asked.set()
        await asyncio.sleep(3600)

    recorder.answer = answer
    controller = js.AbortController.new()
    with running():
        fetching = js.fetch("http://b.example/", signal=controller.signal)
        await asked.wait()
        controller.abort()
        with pytest.raises(JsException, match="^AbortError"):
            await fetching


async def test_pyfetch(running, recorder):
    async def answer(request):
        if request.url.endswith("/down"):
            raise JsException("TypeError", "network down")
        return mark_fetched(make_response('{"a":1}', status=418, headers={"X": "1"}), url=request.url)

    recorder.answer = answer
    with running():
        response = await pyodide.http.pyfetch("http://b.example/", headers={"A": 1})
        assert (response.status, response.status_text, response.ok, response.url, response.redirected) == (
            418, "I'm a Teapot", False, "http://b.example/", False,
        )  # fmt: skip
        assert response.headers["x"] == "1"
        copy = response.clone()
        assert await response.json() == {"a": 1}
        assert response.body_used
        with pytest.raises(pyodide.http.BodyUsedError):
            await response.text()
        assert bytes(await copy.memoryview()) == b'{"a":1}'
        with pytest.raises(pyodide.http.HttpStatusError, match="418 Client Error"):
            response.raise_for_status()
        with pytest.raises(OSError, match="network down"):
            await pyodide.http.pyfetch("http://b.example/down")


async def test_run_sync():
    async def at_once():
        return 5

    assert run_sync(at_once()) == 5
    assert run_sync(js.Promise.resolve(6)) == 6
    with pytest.raises(JsException, match="x"):
        run_sync(js.Promise.reject(js.Error.new("x")))
    for waiting in (asyncio.sleep(1), js.Promise.new(lambda *_: None)):
        with pytest.raises(RuntimeError, match="no event is being handled"):
            run_sync(waiting)
    assert not can_run_sync()


def test_relaxed_calls():
    class Thing:
        def method(self, a, b=2):
            return a, b

    assert relaxed_call(Thing().method, 1, 5, 6) == (1, 5)
    assert relaxed_call(lambda: "none", 1, 2) == "none"
    assert relaxed_call(lambda *a, **k: (a, k), 1, x=2) == ((1,), {"x": 2})
    assert relaxed_wrap(lambda a: a)(1, 2, z=3) == 1


def test_proxies():
    proxy = create_proxy(lambda x: x + 1)
    assert proxy(1) == 2 and callable(proxy) and isinstance(proxy, JsProxy) and proxy.unwrap()(1) == 2
    buffer = create_proxy(b"abc").getBuffer()
    assert buffer.data.to_bytes() == b"abc"
    buffer.release()
    once = create_once_callable(lambda: 1)
    once()
    with pytest.raises(JsException, match="once"):
        once()


def test_flags_follow_the_worker(running):
    assert not _cloudflare_compat_flags.python_request_headers_preserve_commas
    with running(date="2026-02-17"):
        assert _cloudflare_compat_flags.python_request_headers_preserve_commas
        assert not _cloudflare_compat_flags.python_workflows_implicit_dependencies


def test_env_follows_the_worker_and_can_be_patched(running):
    env = _pyodide_entrypoint_helper.cloudflareWorkersModule.env
    with running(env={"A": "one", "B": "two"}):
        assert env.A == "one"
        patching = _pyodide_entrypoint_helper.patch_env_helper(to_js({"A": "patched"}))
        next(patching)
        assert (env.A, env.B) == ("patched", "two")
        with pytest.raises(StopIteration):
            next(patching)
        assert env.A == "one"
        with pytest.raises(AttributeError, match="^C$"):
            _ = env.C
    with running(env={"A": "other"}):
        assert env.A == "other"
