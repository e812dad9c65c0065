"""The fixture `sandbox`, as a project's own tests use it."""

from __future__ import annotations

import asyncio
import datetime
from pathlib import Path
from unittest import mock

import pytest

from sandbox.testing.errors import Misuse

PROJECT = Path(__file__).parents[1] / "fixtures" / "bench_project"
pytestmark = pytest.mark.sandbox(config=str(PROJECT), workers=["alpha", "beta"])


async def test_fetch_answers_with_status_headers_and_body(sandbox):
    answer = await sandbox.worker("alpha").fetch("/hello")
    assert (answer.status, answer.ok, await answer.text()) == (200, True, "hello YOU")
    assert answer.headers["X-KIND"] == "hello"
    assert await answer.bytes() == b"hello YOU"
    with pytest.raises(ValueError, match="is no JSON.*hello YOU"):
        await answer.json()


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ({"json": {"a": 1}}, {"method": "POST", "body": '{"a":1}'}),
        ({"body": "x", "method": "put", "headers": {"X-A": "y"}}, {"method": "PUT", "body": "x", "x": "y"}),
        ({}, {"method": "GET", "body": "", "x": None}),
    ],
)
async def test_fetch_sends_what_it_is_given(sandbox, given, seen):
    answer = await (await sandbox.worker("alpha").fetch("echo", **given)).json()
    assert answer == {"x": None, "url": "http://alpha.localhost:8787/echo", **seen}


async def test_fetch_takes_whole_urls_and_requests(sandbox):
    from workers import Request

    worker = sandbox.worker("ALPHA")
    answer = await (await worker.fetch(Request("https://shop.example/echo?q=1", method="POST", body="b"))).json()
    assert answer == {"method": "POST", "body": "b", "url": "https://shop.example/echo?q=1", "x": None}
    assert (await (await worker.fetch("https://shop.example/echo")).json())["url"] == "https://shop.example/echo"


async def test_what_a_worker_raises_is_raised_from_its_own_frames(sandbox):
    with pytest.raises(Exception, match="out of order") as caught:
        await sandbox.worker("alpha").fetch("/boom")
    assert type(caught.value).__name__ == "Odd"
    assert "entry.py" in str(caught.traceback[-1].path)
    shown = [entry for entry in caught.traceback if "sandbox/loader" in str(entry.path)]
    assert shown == []


async def test_rpc_scheduled_and_named_entrypoints(sandbox):
    worker = sandbox.worker("alpha")
    assert await worker.rpc.add(1, 2) == {"sum": 3}
    assert await worker.entrypoint("Admin").rpc.whoami() == "admin"
    await worker.scheduled(cron="0 6 * * *", time=datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC))
    assert await worker.kv("NOTES").get("cron") == "0 6 * * * 1893456000000"


async def test_kv_by_plain_values(sandbox):
    kv = sandbox.worker("alpha").kv("NOTES")
    await kv.put("text", "a")
    await kv.put("json", {"n": [1]}, metadata={"by": "test"})
    await kv.put("bytes", b"\xff", ttl=60)
    assert await kv.list() == ["bytes", "json", "text"]
    assert await kv.list(prefix="te") == ["text"]
    assert await kv.get("json", "json") == {"n": [1]}
    assert await kv.get("bytes", "bytes") == b"\xff"
    assert (await kv.entry("json")).metadata == {"by": "test"}
    await kv.delete("text")
    assert await kv.get("text") is None
    sandbox.clock.advance(59)
    assert await kv.get("bytes", "bytes") is not None
    sandbox.clock.advance(datetime.timedelta(seconds=1))
    assert await kv.get("bytes", "bytes") is None


async def test_a_binding_of_two_workers_is_one_namespace_or_must_be_named(sandbox):
    assert sandbox.kv("RESULT_CACHE").namespace == "results"
    assert sandbox.kv("beta-notes").namespace == "beta-notes"
    assert sandbox.kv("NOTES", worker="beta").namespace == "beta-notes"
    with pytest.raises(
        Misuse, match=r"NOTES is bound to different namespaces \(alpha: alpha-notes; beta: beta-notes\)"
    ):
        sandbox.kv("NOTES")
    with pytest.raises(Misuse, match="known: NOTES, PROGRESS_CACHE"):
        sandbox.kv("CACHE")


@pytest.mark.parametrize("again", [1, 2])
async def test_state_of_kv_clock_and_modules_is_each_tests_own(sandbox, again):
    kv = sandbox.worker("alpha").kv("NOTES")
    assert await kv.list() == []
    await kv.put("left", "behind")
    for expected in ([1, 2, 1, 1], [2, 3, 2, 2]):
        assert await (await sandbox.worker("alpha").fetch("/state")).json() == expected


async def test_worker_and_test_agree_about_the_time(sandbox):
    before = await (await sandbox.worker("alpha").fetch("/time")).json()
    sandbox.clock.advance("1d 2h")
    assert await (await sandbox.worker("alpha").fetch("/time")).json() - before == pytest.approx(26 * 3600)
    for wrong in ("soon", -1, "5 parsecs"):
        with pytest.raises(Misuse):
            sandbox.clock.advance(wrong)


async def test_outbound_calls_are_refused_routed_and_listed(sandbox):
    worker = sandbox.worker("alpha")
    with pytest.raises(OSError, match="this sandbox is offline"):
        await worker.fetch("/out")
    route = sandbox.egress.route("https://api.test/*", text="made up", status=201)
    answer = await worker.fetch("/out")
    assert (answer.status, await answer.text()) == (201, "made up")
    assert [call.by for call in sandbox.egress.calls] == ["refused", "test"]
    call = route.calls[0]
    assert (call.worker, call.method, call.url, call.status) == ("alpha", "POST", "https://api.test/post", 201)
    assert (call.headers["X-Key"], call.json()) == ("k", {"n": 1})
    assert await (await worker.fetch("/beta")).text() == "beta was here"


async def test_a_route_may_be_a_function_a_worker_or_an_error(sandbox):
    worker = sandbox.worker("alpha")

    async def answer(request):
        return {"path": request.url, "got": str(await request.text())}

    sandbox.egress.route("https://api.test/*", answer)
    assert await (await worker.fetch("/out")).json() == {"path": "https://api.test/post", "got": '{"n": 1}'}
    sandbox.egress.route("https://api.test/*", worker="beta")
    assert await (await worker.fetch("/out")).text() == "beta was here"
    sandbox.egress.route("https://api.test/*", error="connection reset")
    with pytest.raises(OSError, match="connection reset"):
        await worker.fetch("/out")
    with pytest.raises(Misuse, match="more than one answer"):
        sandbox.egress.route("*", json=1, text="2")


async def test_a_run_retries_by_a_clock_that_moves_by_itself(sandbox):
    tries = iter([503, 503, 200])
    sandbox.egress.route("https://api.test/*", lambda request: respond({"value": 5}, next(tries)))
    before = sandbox.clock.now()
    run = await sandbox.run("steady")
    assert run.ok, run
    assert (run.output, run.outputs, run.stage("once")["attempts"]) == ({"value": 5}, {"once": {"value": 5}}, 3)
    assert sandbox.clock.now() - before > 60  # two delays of a minute, with jitter


async def test_a_failed_run_says_why(sandbox):
    sandbox.egress.route("https://api.test/*", lambda request: respond({}, 404))
    run = await sandbox.run("steady")
    assert not run.ok
    assert "in once" in repr(run)
    assert "404" in repr(run)


def respond(value, status):
    from workers import Response

    return Response.json(value, status=status)


async def test_faults_cost_no_time(sandbox):
    sandbox.egress.route("https://api.test/*", text="late")
    sandbox.faults.add(kind="latency", ms=600_000, at="outbound")
    before = sandbox.clock.now()
    assert await (await sandbox.worker("alpha").fetch("/out")).text() == "late"
    assert sandbox.clock.now() - before == pytest.approx(600)


async def test_work_for_later_can_be_waited_for(sandbox):
    await sandbox.worker("alpha").fetch("/later")
    await sandbox.settled()
    assert await sandbox.worker("alpha").kv("NOTES").get("later") == "done"


async def test_cron_triggers_that_came_due_can_be_waited_for(sandbox):
    sandbox.clock.advance("23h 59m")
    await sandbox.settled()
    first = await sandbox.worker("alpha").kv("NOTES").get("cron")
    assert first.startswith("0 6 * * * ")
    sandbox.clock.advance("24h")
    await sandbox.settled()
    second = await sandbox.worker("alpha").kv("NOTES").get("cron")
    assert int(second.split()[-1]) - int(first.split()[-1]) == 24 * 3600 * 1000


async def test_what_workers_print_and_log_is_captured(sandbox, capsys, caplog):
    print("the test says", end=" ")
    await sandbox.worker("alpha").fetch("/hello")
    await sandbox.worker("alpha").fetch("/warn")
    print("so")
    assert capsys.readouterr().out == "the test says said hello\nso\n"
    assert [(line.worker, line.level, line.text) for line in sandbox.logs] == [
        ("alpha", "log", "said hello"),
        ("alpha", "warning", "careful with that"),
    ]
    assert caplog.messages == ["careful with that"]
    assert "log" in [event.kind for event in sandbox.events]


async def test_modules_can_be_patched_by_the_names_the_worker_uses(sandbox, monkeypatch):
    with mock.patch("tools.shout", return_value="quiet"):
        assert await (await sandbox.worker("alpha").fetch("/hello")).text() == "hello quiet"
    assert await (await sandbox.worker("alpha").fetch("/hello")).text() == "hello YOU"
    monkeypatch.setattr("tools.shout", lambda text: "changed")
    assert await (await sandbox.worker("alpha").fetch("/hello")).text() == "hello changed"
    import tools

    assert sandbox.worker("alpha").module("tools") is tools
    with pytest.raises(tools.Odd):
        await sandbox.worker("alpha").fetch("/boom")


async def test_a_name_of_several_workers_is_ambiguous(sandbox):
    with pytest.raises(ImportError, match=r"several workers have a module of that name: alpha, beta \(put the test"):
        import entry  # noqa: F401


@pytest.mark.sandbox(config=str(PROJECT), workers=["alpha"], vars={"GREETING": "good day"})
async def test_a_class_on_its_own(sandbox):
    from entry import Default
    from workers import fetch

    worker = sandbox.worker()
    made = Default(worker.ctx, worker.env)
    assert made.env.GREETING == "good day"
    assert await made.add(1, 1) == {"sum": 2}
    await made.note_later()
    assert await sandbox.kv("NOTES").get("later") == "done"
    sandbox.egress.route("https://api.test/*", text="from a test")
    assert await (await fetch("https://api.test/")).text() == "from a test"


async def test_what_the_test_itself_connects_to_is_its_own_affair(sandbox):
    httpx = pytest.importorskip("httpx")

    async def answer(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server, httpx.AsyncClient() as client:
        port = server.sockets[0].getsockname()[1]
        assert (await client.get(f"http://127.0.0.1:{port}/")).text == "hi"
    assert sandbox.egress.calls == []


def test_without_await_it_is_up_as_well(sandbox):
    assert sandbox.worker("alpha").env.GREETING == "hello"
    with mock.patch("tools.shout") as shout:
        assert sandbox.worker("alpha").module("tools").shout is shout


@pytest.fixture
async def noted(sandbox):
    await sandbox.worker("alpha").kv("NOTES").put("by", "fixture")
    return asyncio.get_running_loop()


async def test_fixtures_may_use_it_first(sandbox, noted):
    assert noted is asyncio.get_running_loop()
    assert await sandbox.worker("alpha").kv("NOTES").get("by") == "fixture"
