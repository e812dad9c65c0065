"""Faults on purpose, at every point where they may stand."""

from __future__ import annotations

import asyncio
import http.client
import json

import pytest

from sandbox.clock import FakeClock
from sandbox.errors import ConnectionLost
from sandbox.runtime.exchange import header, new_request, read_json, read_text

ECHO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("0123456789" * 10)

    async def add(self, a, b):
        return a + b
"""
CALLER = """
from workers import Response, WorkerEntrypoint, fetch

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        path = request.url.partition("//")[2].partition("/")[2]
        env = self.env
        try:
            if path == "service":
                answer = await env.ECHO.fetch("http://x/some/path")
                return Response(f"{answer.status} {await answer.text()}")
            if path == "rpc":
                return Response(str(await env.ECHO.add(1, 2)))
            if path == "outbound":
                answer = await fetch("https://feeds.test/a.txt")
                return Response(f"{answer.status} {answer.headers.get('retry-after')} {await answer.text()}")
            if path == "hosted":
                answer = await fetch("http://echo.localhost:1234/")
                return Response(f"{answer.status} {await answer.text()}")
            if path == "put":
                await env.CACHE.put("result:1", "value")
            if path == "get":
                return Response(str(await env.CACHE.get("result:1")))
            if path == "bulk":
                await env.CACHE.get(["a", "b"])
            if path == "list":
                await env.CACHE.list()
            if path == "delete":
                await env.CACHE.delete("a")
            return Response("done")
        except Exception as error:
            return Response(f"{type(error).__name__}: {error}")
"""
EXTRA = """
services = [{ binding = "ECHO", service = "echo" }]
kv_namespaces = [{ binding = "CACHE", id = "cache-id" }]
"""
WORDS = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "words"

    async def process(self, job):
        return {"count": len(job.input["text"].split())}
"""
CACHES = """
kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "p" }, { binding = "RESULT_CACHE", id = "r" }]
"""


@pytest.fixture
async def sandbox(tmp_path, worker, start):
    worker("echo", ECHO)
    worker("caller", CALLER, extra=EXTRA)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.txt").write_text("from a file")
    (tmp_path / "sandbox.toml").write_text(
        '[[egress.routes]]\nmatch = "https://feeds.test/*"\nfolder = "files"\n', encoding="utf-8"
    )
    return await start(serve=False, port=1234)


async def said(sandbox, path):
    return await read_text(await sandbox.fetch("caller", new_request(f"http://caller.localhost/{path}")))


async def test_nothing_stands_anywhere_until_something_is_added(sandbox):
    points = sandbox._interception.points
    assert (points.request, points.service, points.kv, points.step, sandbox.egress.around) == (None,) * 4 + ([],)
    fault = sandbox.faults.add(kind="drop", at="outbound")
    assert len(sandbox.egress.around) == 1 and points.request is None
    sandbox.faults.remove(fault.id)
    assert sandbox.egress.around == []


@pytest.mark.parametrize(
    ("fields", "path", "answer"),
    [
        ({"kind": "status", "status": 503, "worker": "echo"}, "service", "503 "),
        ({"kind": "status", "status": 503, "worker": "echo", "route": "/some/*"}, "service", "503 "),
        ({"kind": "status", "status": 503, "worker": "echo", "route": "/other"}, "service", "200 " + "0123456789" * 10),
        ({"kind": "drop", "worker": "echo"}, "service", "OSError: Network connection lost."),
        ({"kind": "drop", "binding": "ECHO"}, "service", "OSError: Network connection lost."),
        ({"kind": "drop", "binding": "ECHO"}, "rpc", "Error: Network connection lost."),
        ({"kind": "status", "status": 500, "binding": "ECHO", "body": "no"}, "service", "500 no"),
        ({"kind": "truncate", "after_bytes": 5, "worker": "echo"}, "service", "Network connection lost."),
        ({"kind": "slow_body", "bytes_per_second": 100000, "binding": "ECHO"}, "service", "200 " + "0123456789" * 10),
        (
            {"kind": "status", "status": 503, "route": "https://feeds.test/*", "headers": {"Retry-After": "2"}},
            "outbound",
            "503 2 ",
        ),
        ({"kind": "drop", "at": "outbound"}, "outbound", "OSError: fetch of https://feeds.test/a.txt failed: Network"),
        ({"kind": "truncate", "after_bytes": 5, "at": "outbound"}, "outbound", "Network connection lost."),
        ({"kind": "drop", "worker": "echo"}, "hosted", "OSError: fetch of http://echo.localhost:1234/ failed: Network"),
        ({"kind": "truncate", "after_bytes": 5, "worker": "echo"}, "hosted", "Network connection lost."),
        ({"kind": "status", "status": 503, "worker": "echo"}, "hosted", "503 "),
        ({"kind": "latency", "ms": 1, "at": "outbound"}, "outbound", "200 None from a file"),
        ({"kind": "kv_429"}, "put", "Error: KV PUT failed: 429 Too Many Requests"),
        ({"kind": "kv_429", "binding": "cache-id"}, "get", "Error: KV GET failed: 429 Too Many Requests"),
        ({"kind": "kv_429", "at": "kv.get"}, "bulk", "Error: KV GET_BULK failed: 429 Too Many Requests"),
        ({"kind": "kv_429"}, "list", "Error: KV GET failed: 429 Too Many Requests"),
        ({"kind": "kv_429"}, "delete", "Error: KV DELETE failed: 429 Too Many Requests"),
        ({"kind": "kv_429", "at": "kv.put"}, "get", "None"),
        ({"kind": "kv_429", "key": "other*"}, "put", "done"),
        ({"kind": "status", "status": 503, "at": "kv"}, "put", "Error: KV PUT failed: 503 Service Unavailable"),
        ({"kind": "drop", "at": "kv"}, "put", "Error: Network connection lost."),
        ({"kind": "latency", "ms": 1, "binding": "CACHE"}, "put", "done"),
    ],
)
async def test_what_the_caller_sees(sandbox, fields, path, answer):
    fault = sandbox.faults.add(**fields)
    found = await said(sandbox, path)
    assert found.startswith(answer) or found.partition(": ")[2].startswith(answer), found
    expected = 0 if answer in ("done", "None", "200 " + "0123456789" * 10) and "ms" not in fields else 1
    assert fault.injected == (1 if fields["kind"] == "slow_body" else expected)


async def test_a_lost_connection_in_process_is_an_error_of_its_own(sandbox):
    sandbox.faults.add(kind="drop", worker="echo")
    with pytest.raises(ConnectionLost, match="Network connection lost"):
        await sandbox.fetch("echo", new_request("http://echo.localhost/"))


async def test_every_one_that_strikes_is_an_event_and_counted(sandbox):
    events = []
    sandbox.events.subscribe(events.append, "fault")
    fault = sandbox.faults.add(kind="status", status=503, worker="echo", probability=0.5, seed=4, times=3)
    for _ in range(20):
        await sandbox.fetch("echo", new_request("http://echo.localhost/x"))
    assert (fault.seen, fault.injected, len(events)) == (20, 3, 3)
    assert events[0].fields["where"] == "request echo /x" and events[0].fields["id"] == fault.id


async def test_latency_and_a_slow_body_follow_the_one_clock(tmp_path, worker, start, monkeypatch):
    worker("echo", ECHO)
    sandbox = await start(serve=False)
    clock = sandbox._interception._gates._clock = FakeClock()
    sandbox.faults.add(kind="latency", worker="echo", ms=60_000)
    asked = asyncio.ensure_future(sandbox.fetch("echo", new_request("http://echo.localhost/")))
    await eventually(lambda: clock._sleepers)
    clock.advance(59)
    await asyncio.sleep(0)
    assert not asked.done()
    clock.advance(1)
    assert (await asked).status == 200


async def eventually(fact):
    while not fact():
        await asyncio.sleep(0)


async def test_over_http_the_connection_is_cut(tmp_path, worker, start):
    worker("echo", ECHO)
    sandbox = await start()

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=20)
        try:
            connection.request("GET", "/", headers={"Host": f"echo.localhost:{sandbox.port}"})
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    drop = sandbox.faults.add(kind="drop", worker="echo")
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        await asyncio.to_thread(ask)
    sandbox.faults.remove(drop.id)
    cut = sandbox.faults.add(kind="truncate", worker="echo", after_bytes=30)
    with pytest.raises((http.client.IncompleteRead, ConnectionResetError)):
        await asyncio.to_thread(ask)
    sandbox.faults.remove(cut.id)
    sandbox.faults.add(kind="status", worker="echo", status=503, headers={"Retry-After": "2"}, body="later")
    status, headers, body = await asyncio.to_thread(ask)
    assert (status, headers["retry-after"], body) == (503, "2", b"later")


@pytest.mark.parametrize("step", ["handshake", "process", "acknowledge"])
async def test_a_protocol_step_whose_connection_is_lost_is_tried_again(tmp_path, worker, start, step):
    worker("words", WORDS, extra=CACHES)
    sandbox = await start(serve=False)
    fault = sandbox.faults.add(kind="drop", at=step, worker="words", times=1)
    execution = await sandbox.run("words", {}, input={"text": "one two"})
    assert execution["state"] == "completed", execution["error"]
    assert fault.injected == 1
    packets = execution["stages"][0]["packets"]
    assert len(packets) == 1  # the outcome was unknown: the same packet again


async def test_latency_counts_against_the_time_limit_of_a_step(tmp_path, worker, start):
    worker("words", WORDS, extra=CACHES)
    (tmp_path / "sandbox.toml").write_text(
        '[[faults]]\nkind = "latency"\nat = "process"\nms = 60000\n'
        '[pipelines.p]\n[[pipelines.p.stages]]\nname = "s"\nworker = "words"\ntimeout_ms = 50\n'
        "retry = { max_attempts = 1 }\n",
        encoding="utf-8",
    )
    sandbox = await start(serve=False)
    execution = await sandbox.run("p", {}, input={"text": "one two"})
    assert execution["error"]["code"] == "timeout"


async def test_the_api(sandbox):
    async def call(method, path, body=None):
        request = new_request(f"{sandbox.address}/api/faults{path}", method=method, **({"json": body} if body else {}))
        response = await sandbox.handle(request)
        return response.status, await read_json(response), response

    status, answer, _ = await call("POST", "", {"kind": "latency", "ms": 5, "worker": "ECHO", "seed": 1})
    assert status == 201 and answer["fault"]["worker"] == "echo" and answer["fault"]["seed"] == 1
    assert (await call("GET", ""))[1]["faults"] == [answer["fault"]]
    assert (await call("GET", "/f1"))[1]["fault"]["ms"] == 5
    status, answer, _ = await call("POST", "", {"kind": "latency", "ms": "5"})
    assert (status, answer["error"]["code"]) == (400, "bad_fault") and "ms: must be a whole" in answer["error"][
        "message"
    ]
    assert (await call("DELETE", "/f9"))[0] == 404
    status, _, response = await call("PATCH", "/f1")
    assert status == 405 and header(response, "allow") == "GET, DELETE"
    assert (await call("DELETE", "/f1"))[0] == 200
    assert (await call("DELETE", ""))[1]["removed"] == 0
    bad = await sandbox.handle(new_request(f"{sandbox.address}/api/faults", method="POST", body=b"[1]"))
    assert json.loads(await read_text(bad))["error"]["code"] == "bad_json"


async def test_faults_of_sandbox_toml_are_checked_and_taken_up_again(tmp_path, worker, start):
    worker("echo", ECHO)
    toml = tmp_path / "sandbox.toml"
    toml.write_text('[[faults]]\nkind = "status"\nstatus = 500\nworker = "echo"\n', encoding="utf-8")
    sandbox = await start(serve=False)
    by_hand = sandbox.faults.add(kind="latency", ms=1)
    assert [fault.origin for fault in sandbox.faults] == ["sandbox.toml", "added"]
    toml.write_text('[[faults]]\nkind = "drop"\nworker = "echo"\n', encoding="utf-8")
    await sandbox._changes.sandbox_toml()
    assert [fault.config.kind for fault in sandbox.faults] == ["drop", "latency"] and by_hand in sandbox.faults
    failed = []
    sandbox.events.subscribe(failed.append, "config.failed")
    toml.write_text('[[faults]]\nkind = "drop"\nworker = "ecko"\n', encoding="utf-8")
    await sandbox._changes.sandbox_toml()
    assert 'faults[0].worker: there is no worker "ecko"' in failed[0].fields["problems"][0]
    assert len(sandbox.faults) == 2


async def test_whatever_goes_wrong_every_execution_ends_and_what_completes_is_right(tmp_path, worker, start):
    """Faults at every point at once, and messages that are held and let go or given up; the seeds make it repeatable."""
    worker("words", WORDS, extra=CACHES)
    (tmp_path / "sandbox.toml").write_text(
        '[pipelines.p]\n[[pipelines.p.stages]]\nname = "s"\nworker = "words"\n'
        "retry = { max_attempts = 6, initial_delay_ms = 1, max_delay_ms = 5 }\n",
        encoding="utf-8",
    )
    sandbox = await start(serve=False)
    for seed, at in enumerate(("handshake", "process", "acknowledge", "kv", "request", "outbound")):
        sandbox.faults.add(kind="drop", at=at, probability=0.08, seed=seed)
        sandbox.faults.add(kind="status", at=at, status=500, probability=0.05, seed=seed)
        sandbox.faults.add(kind="latency", at=at, ms=1, jitter_ms=2, probability=0.2, seed=seed)
    sandbox.faults.add(kind="truncate", at="process", after_bytes=20, probability=0.1, seed=1)
    sandbox.breakpoints.add("kv.put")

    async def let_go() -> None:
        for count in range(10_000):
            held = await sandbox.held.next()
            sandbox.held.go_on(held.id, fail=count % 10 == 9)
            await asyncio.sleep(0)

    letting = asyncio.ensure_future(let_go())
    texts = ["one " * count for count in range(1, 21)]
    executions = await asyncio.gather(*[sandbox.run("p", {}, input={"text": text}) for text in texts])
    letting.cancel()
    assert {execution["state"] for execution in executions} <= {"completed", "failed"}
    completed = [(n, e["execution_id"]) for n, e in enumerate(executions, start=1) if e["state"] == "completed"]
    assert len(completed) > 10
    for count, execution_id in completed:
        assert json.loads(await sandbox.orchestrator.read_output(execution_id, "s")) == {"count": count}
    assert sum(fault.injected for fault in sandbox.faults) > 20
