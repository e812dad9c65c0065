"""Messages held at protocol breakpoints: shown, edited, let go, given up; time that stands still; the end of it all."""

from __future__ import annotations

import asyncio
import json

import pytest

from sandbox.clock import FakeClock
from sandbox.intercept.edits import BadEdit
from sandbox.runtime.exchange import new_request, read_json, read_text

WORDS = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "words"

    async def process(self, job):
        await self.env.NOTES.put("note:" + job.packet_id, "some text")
        kept = await self.env.NOTES.get("note:" + job.packet_id)
        return {"text": job.input["text"] * job.parameters.get("times", 1), "key": job.parameters.get("key"), "kept": kept}
"""
CACHES = """
kv_namespaces = [
    { binding = "PROGRESS_CACHE", id = "p" }, { binding = "RESULT_CACHE", id = "r" }, { binding = "NOTES", id = "notes" },
]
"""
PIPELINE = """
[[pipelines.p.stages]]
name = "s"
worker = "words"
timeout_ms = 30000
"""
ECHO = """
from workers import Response, WorkerEntrypoint, fetch

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/out"):
            try:
                answer = await fetch("https://feeds.test/a.txt", method="POST", body="one")
                return Response(await answer.text())
            except Exception as error:
                return Response(f"{type(error).__name__}: {error}")
        return Response.json({"method": request.method, "url": request.url, "body": await request.text(),
                              "auth": request.headers.get("authorization"), "x": request.headers.get("x-other")})
"""


@pytest.fixture
async def sandbox(tmp_path, worker, start):
    folder = worker("words", WORDS, extra=CACHES)
    (folder / ".dev.vars").write_text('KEY="s3cr3t-value"\n')
    (tmp_path / "sandbox.toml").write_text(
        PIPELINE + '[[egress.routes]]\nmatch = "https://feeds.test/*"\nworker = "echo"\n', encoding="utf-8"
    )
    worker("echo", ECHO)
    return await start(serve=False)


async def begin(sandbox, text="ab", **parameters):
    started = await sandbox.orchestrator.start_execution("words", parameters, input={"text": text})
    return started, asyncio.ensure_future(sandbox.orchestrator.finished(started))


async def output(sandbox, execution_id, stage="words"):
    return json.loads(await sandbox.orchestrator.read_output(execution_id, stage))


async def test_process_is_held_shown_edited_and_goes_on(sandbox):
    events = []
    sandbox.events.subscribe(events.append, "held", "continued")
    point = sandbox.breakpoints.add("process:WORDS")
    execution_id, ended = await begin(sandbox, times=2)
    held = await sandbox.held.next()
    shown = held.as_json()
    assert (shown["point"], shown["worker"], shown["execution_id"]) == ("process", "words", execution_id)
    assert shown["packet_id"] == shown["message"]["packet_id"] and shown["stage"] == "words"
    assert shown["message"]["parameters"] == {"times": 2} and shown["message"]["input_ref"]["inline_data"] == {
        "text": "ab"
    }
    assert not ended.done() and point.hits == 1
    message = shown["message"] | {"parameters": {"times": 3}}
    sandbox.held.go_on(held.id, message)
    execution = await ended
    assert execution["state"] == "completed", execution["error"]
    assert (await output(sandbox, execution_id))["text"] == "ababab"
    assert [(event.kind, event.fields.get("how")) for event in events] == [("held", None), ("continued", "edited")]
    assert len(sandbox.held) == 0


@pytest.mark.parametrize("step", ["handshake", "process", "acknowledge"])
async def test_every_step_can_be_held_and_goes_on_as_it_was(sandbox, step):
    sandbox.breakpoints.add(step)
    execution_id, ended = await begin(sandbox)
    held = await sandbox.held.next()
    assert held.point == step and held.execution_id == execution_id and held.packet_id == held.message["packet_id"]
    sandbox.held.go_on(held.id)
    assert (await ended)["state"] == "completed"


async def test_what_a_large_input_stands_for_is_shown(sandbox):
    sandbox.breakpoints.add("process")
    text = "long s3cr3t-value " * 400
    _, ended = await begin(sandbox, text=text)
    held = await sandbox.held.next()
    shown = held.as_json()
    assert shown["message"]["input_ref"]["storage_type"] == "reference"
    assert shown["input"]["size_bytes"] == len(text) + len('{"text":""}') and shown["input"]["complete"] is False
    assert shown["input"]["preview"].startswith('{"text":"long [secret] long') and "s3cr3t" not in json.dumps(shown)
    sandbox.held.go_on(held.id)
    assert (await ended)["state"] == "completed"


async def test_secrets_are_masked_and_come_back_where_they_were(sandbox):
    sandbox.breakpoints.add("process")
    execution_id, ended = await begin(sandbox, key="s3cr3t-value", times=1)
    held = await sandbox.held.next()
    message = json.loads(json.dumps(held.as_json()["message"]))
    assert message["parameters"]["key"] == "[secret]"
    with pytest.raises(BadEdit, match=r"message\.parameters\.other: holds \[secret\]"):
        sandbox.held.go_on(held.id, message | {"parameters": {"other": "[secret]"}})
    sandbox.held.go_on(held.id, message | {"parameters": {**message["parameters"], "times": 2}})
    await ended
    assert await output(sandbox, execution_id) == {"text": "abab", "key": "s3cr3t-value", "kept": "some text"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"packet_id": None}, "message.packet_id: "),
        ({"input_ref": {"storage_type": "moon"}}, "message.input_ref.storage_type: expected"),
        ({"parameters": []}, "message.parameters: expected an object"),
    ],
)
async def test_an_edit_the_protocol_does_not_know_is_refused_and_it_is_held_still(sandbox, change, told):
    sandbox.breakpoints.add("process")
    _, ended = await begin(sandbox)
    held = await sandbox.held.next()
    with pytest.raises(BadEdit) as caught:
        sandbox.held.go_on(held.id, held.as_json()["message"] | change)
    assert told in str(caught.value)
    with pytest.raises(BadEdit):
        sandbox.held.go_on(held.id, ["not", "an", "object"])
    assert len(sandbox.held) == 1
    sandbox.held.go_on(held.id)
    assert (await ended)["state"] == "completed"


async def test_one_that_is_given_up_is_a_lost_connection_and_tried_again(sandbox):
    sandbox.breakpoints.add("process")
    _, ended = await begin(sandbox)
    sandbox.held.go_on((await sandbox.held.next()).id, fail=True)
    sandbox.breakpoints.clear()
    execution = await ended
    assert execution["state"] == "completed"
    (packet,) = execution["stages"][0]["packets"]
    assert packet["delivery"] == 2


@pytest.mark.parametrize("point", ["process:words", "kv.put:note:*", "kv.get:note:*", "request:words/api/process"])
async def test_time_limits_stand_still_while_it_is_held(tmp_path, worker, point):
    """A packet's time limit, whether the message is held or something that the worker waits for."""
    from sandbox.app import Sandbox
    from sandbox.config.load import load_sandbox

    worker("words", WORDS, extra=CACHES)
    (tmp_path / "sandbox.toml").write_text(PIPELINE, encoding="utf-8")
    clock = FakeClock()
    loaded = load_sandbox(tmp_path, overrides={"port": 0, "state": str(tmp_path / "state")})
    async with Sandbox(loaded, serve=False, watch=False, clock=clock) as sandbox:
        sandbox.breakpoints.add(point)
        ended = asyncio.ensure_future(sandbox.run("p", {}, input={"text": "x"}))
        held = await sandbox.held.next()
        clock.advance(3600)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(sandbox.held) == 1 and not ended.done()
        sandbox.breakpoints.clear()
        sandbox.held.go_on(held.id)
        execution = await ended
        assert execution["state"] == "completed", execution["error"]
        assert len(execution["stages"][0]["packets"]) == 1


async def test_others_go_on_while_one_is_held(sandbox):
    sandbox.breakpoints.add("process")
    _, ended = await begin(sandbox)
    held = await sandbox.held.next()
    sandbox.breakpoints.clear()
    assert (await sandbox.run("words", {}, input={"text": "other"}))["state"] == "completed"
    assert not ended.done()
    sandbox.held.go_on(held.id)
    await ended


@pytest.mark.parametrize("point", ["handshake", "process", "acknowledge", "kv.put"])
async def test_cancelling_the_execution_ends_the_hold(sandbox, point):
    sandbox.breakpoints.add(point)
    execution_id, ended = await begin(sandbox)
    await sandbox.held.next()
    gone = []
    sandbox.events.subscribe(gone.append, "continued")
    sandbox.breakpoints.clear()  # the acknowledgement of what was cancelled is not held again
    await sandbox.orchestrator.cancel(execution_id)
    assert (await ended)["state"] == "cancelled"
    while not gone:
        await asyncio.sleep(0)
    assert len(sandbox.held) == 0


@pytest.mark.parametrize("point", ["handshake", "process", "acknowledge", "kv.put", "request:words"])
async def test_stopping_lets_go_as_interrupted_without_hanging(tmp_path, worker, start, point):
    from sandbox.app import Sandbox
    from sandbox.config.load import load_sandbox

    worker("words", WORDS, extra=CACHES)
    loaded = load_sandbox(tmp_path, overrides={"port": 0, "state": str(tmp_path / "state")})
    sandbox = Sandbox(loaded, serve=False, watch=False)
    await sandbox.start()
    sandbox.breakpoints.add(point)
    execution_id, ended = await begin(sandbox)
    await sandbox.held.next()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await sandbox.stop(30)
    assert loop.time() - began < 20  # it did not wait for what nobody would let go
    await asyncio.wait({ended})
    ended.exception()
    async with Sandbox(loaded, serve=False, watch=False) as again:
        execution = again.orchestrator.execution(execution_id)
        if point == "acknowledge":
            assert execution["state"] == "completed"
        else:
            assert (execution["state"], execution["error"]["code"]) == ("failed", "interrupted")


async def test_a_request_is_held_and_edited(sandbox):
    sandbox.breakpoints.add("request:echo/some*")
    headers = {"authorization": "Bearer abc", "x-other": "1"}
    request = new_request("http://echo.localhost/some/path?q=1", method="POST", headers=headers, body=b'{"a": 1}')
    asked = asyncio.ensure_future(sandbox.fetch("echo", request))
    held = await sandbox.held.next()
    message = held.as_json()["message"]
    assert message == {
        "method": "POST",
        "url": "http://echo.localhost/some/path?q=1",
        "headers": {"authorization": "(not shown)", "x-other": "1"},
        "body": '{"a": 1}',
    }
    for wrong in ({"url": "nowhere"}, {"method": ""}, {"headers": {"x": "a\nb"}}, {"body": 5}, {"other": 1}):
        with pytest.raises(BadEdit):
            sandbox.held.go_on(held.id, message | wrong)
    changed = message | {"body": "two", "url": "http://echo.localhost/else"}
    changed["headers"] = {**message["headers"], "x-other": "2"}
    sandbox.held.go_on(held.id, changed)
    seen = json.loads(await read_text(await asked))
    assert seen == {
        "method": "POST",
        "url": "http://echo.localhost/else",
        "body": "two",
        "auth": "Bearer abc",
        "x": "2",
    }


async def test_a_request_that_is_only_looked_at_arrives_as_it_was(sandbox):
    async def pieces():
        yield b"\xff\x00"
        yield b"\x01"

    sandbox.breakpoints.add("request:echo")
    for body, shown in (
        (pieces(), {"body": "(a stream)"}),
        (b"\xff\x00", {"body_base64": "/wA="}),
        (None, {"body": None}),
    ):
        request = new_request("http://echo.localhost/", method="POST", body=body)
        asked = asyncio.ensure_future(sandbox.fetch("echo", request))
        held = await sandbox.held.next()
        message = held.as_json()["message"]
        assert {name: message[name] for name in shown} == shown
        sandbox.held.go_on(held.id, message)
        assert (await asked).status == 200


async def test_an_outbound_call_is_held_edited_and_given_up(sandbox):
    sandbox.breakpoints.add("outbound:https://feeds.test/*")
    asked = asyncio.ensure_future(sandbox.fetch("echo", new_request("http://echo.localhost/out")))
    held = await sandbox.held.next()
    message = held.as_json()["message"]
    assert (message["method"], message["url"], message["body"]) == ("POST", "https://feeds.test/a.txt", "one")
    sandbox.held.go_on(held.id, message | {"body": "two", "url": "https://feeds.test/b.txt"})
    seen = json.loads(await read_text(await asked))
    assert (seen["url"], seen["body"]) == ("https://feeds.test/b.txt", "two")
    asked = asyncio.ensure_future(sandbox.fetch("echo", new_request("http://echo.localhost/out")))
    sandbox.held.go_on((await sandbox.held.next()).id, fail=True)
    assert "OSError: fetch of https://feeds.test/a.txt failed: Network connection lost." in await read_text(await asked)


async def test_a_kv_put_is_held_and_edited(sandbox):
    sandbox.breakpoints.add("kv.put:note:*")
    execution_id, ended = await begin(sandbox)
    held = await sandbox.held.next()
    message = held.as_json()["message"]
    assert (message["operation"], message["binding"], message["namespace"]) == ("put", "NOTES", "notes")
    assert message["value"] == "some text" and held.execution_id == execution_id
    for wrong in ({"binding": "X"}, {"key": 5}, {"expiration_ttl": "1"}, {"value": 1}):
        with pytest.raises(BadEdit):
            sandbox.held.go_on(held.id, message | wrong)
    sandbox.held.go_on(held.id, message | {"value": "other text", "metadata": {"by": "hand"}})
    await ended
    assert (await output(sandbox, execution_id))["kept"] == "other text"
    entry = await sandbox.kv.get("notes").get(message["key"])
    assert entry is not None and entry.metadata == {"by": "hand"}


async def test_the_api(sandbox):
    async def call(method, path, body=None):
        request = new_request(f"{sandbox.address}{path}", method=method, **({"json": body} if body is not None else {}))
        response = await sandbox.handle(request)
        return response.status, await read_json(response)

    assert (await call("POST", "/api/breakpoints", {"point": "process:words"}))[0] == 201
    assert (await call("POST", "/api/breakpoints", {"point": "process:words"}))[1]["breakpoint"]["id"] == "b1"
    for wrong, told in [
        ("proces", "there is no point 'proces'"),
        ("process:wrods", "there is no worker 'wrods'"),
        ("process:words/x", "process has no path"),
        ("outbound:feeds", "feeds is no address"),
    ]:
        status, answer = await call("POST", "/api/breakpoints", {"point": wrong})
        assert (status, answer["error"]["code"]) == (400, "bad_breakpoint") and told in answer["error"]["message"]
    assert (await call("POST", "/api/breakpoints", {}))[1]["error"]["code"] == "bad_field"
    execution_id, ended = await begin(sandbox)
    await sandbox.held.next()
    (held,) = (await call("GET", f"/api/held?execution_id={execution_id}"))[1]["held"]
    assert (await call("GET", "/api/held?execution_id=other"))[1]["held"] == []
    assert (await call("GET", "/api/held/h1"))[1]["held"] == held
    assert (await call("GET", "/api/held/h9"))[0] == 404
    assert (await call("POST", "/api/held/h1/continue", {"message": {}}))[1]["error"]["code"] == "bad_edit"
    assert (await call("POST", "/api/held/h1/continue", {"massage": {}}))[1]["error"]["code"] == "bad_field"
    assert (await call("DELETE", "/api/held/h1"))[0] == 405
    assert (await call("DELETE", "/api/breakpoints/b1"))[0] == 200
    assert (await call("GET", "/api/breakpoints"))[1]["breakpoints"] == []
    assert (await call("POST", "/api/held/h1/continue"))[1]["how"] == "continued"
    assert (await ended)["state"] == "completed"
    points = sandbox._interception.points
    assert (points.request, points.service, points.kv, points.step) == (None,) * 4
