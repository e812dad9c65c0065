"""The event log over its file: what is put down is found again, whole and in order, and no more than may be is kept."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import sandbox.events.queries as queries
from sandbox.app.redaction import Redaction
from sandbox.clock import FakeClock
from sandbox.config.models import EventsConfig
from sandbox.errors import NotFound
from sandbox.events import Bus, EventLog
from sandbox.events.bodies import Tape
from sandbox.events.queries import Filter
from sandbox.events.store import Store
from sandbox.runtime.trace import Trace, hop


async def everything(log, **wanted):
    return await log.read(lambda reader: queries.oldest(reader, Filter(**wanted), 100_000))


async def test_a_request_is_found_again_as_it_was(open_log, put):
    log = open_log()
    trace = Trace()
    trace.generation, trace.reads = 3, 2
    headers = ((b"Host", b"w.localhost"), (b"X-Own", b"caf\xc3\xa9"))
    put(log, 1, trace=trace, headers=headers, body=b'{"a": 1}', method="POST", url="http://w.localhost/x?y=1")
    entry = await log.read(lambda reader: queries.request(reader, "r1"))
    assert (entry.kind, entry.worker, entry.at) == ("request", "w", 1_700_000_001.0)
    assert (entry.span.trace_id, entry.span.span_id, entry.span.parent_id) == (trace.trace_id, trace.span_id, None)
    fields = entry.fields
    told = ("id", "method", "url", "status", "ms", "stale", "generation", "kv_reads", "bytes", "replay_of")
    assert [fields[key] for key in told] == [
        "r1", "POST", "http://w.localhost/x?y=1", 200, 1.0, False, 3, 2, 5, None,
    ]  # fmt: skip
    assert fields["request_headers"] == [["host", "w.localhost"], ["x-own", "café"]]
    assert fields["response_headers"] == [["content-type", "text/plain"], ["set-cookie", "[secret]"]]
    assert fields["request_body"].inline == b'{"a": 1}'
    assert fields["response_body"].sha256 == hashlib.sha256(b"Hello").hexdigest()


async def test_events_keep_their_order_among_requests(open_log, put):
    log = open_log()
    for number in range(1, 1300):
        put(log, number)
        if number % 3 == 0:
            log.put("log", 1.0, None, "w", {"text": f"after {number}"})
    entries = await everything(log)
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    shown = [entry.fields.get("id") or entry.fields["text"] for entry in entries]
    expected = []
    for number in range(1, 1300):
        expected += [f"r{number}", *([f"after {number}"] if number % 3 == 0 else [])]
    assert shown == expected


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from([200, 404]), st.sampled_from([None, b"", b"in"])), min_size=1
    )
)
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_requests_alike_and_not_keep_what_is_their_own(tmp_path_factory, put, requests):
    log = EventLog(tmp_path_factory.mktemp("mixed") / "events.sqlite", EventsConfig(), FakeClock())
    traces = [Trace() for _ in requests]
    for number, (path, status, body) in enumerate(requests, 1):
        put(
            log,
            number,
            url=f"http://w/{path}",
            status=status,
            body=body,
            trace=traces[number - 1],
            seconds=number / 1000,
        )
    entries = await everything(log)
    await log.close()
    assert [
        (
            entry.fields["url"][-1],
            entry.fields["status"],
            entry.fields["request_body"] and entry.fields["request_body"].inline,
        )
        for entry in entries
    ] == [(path, status, body) for path, status, body in requests]
    assert [entry.span.trace_id for entry in entries] == [trace.trace_id for trace in traces]
    assert [entry.at for entry in entries] == [1_700_000_000.0 + number for number in range(1, len(requests) + 1)]
    assert [entry.fields["ms"] for entry in entries] == [float(number) for number in range(1, len(requests) + 1)]


async def test_the_numbers_go_on_after_a_restart(open_log, put):
    log = open_log()
    for _ in range(3):
        put(log, log.number())
    await log.close()
    again = open_log()
    assert again.number() == 4
    put(again, 4)
    assert [entry.fields["id"] for entry in await everything(again)] == ["r1", "r2", "r3", "r4"]
    assert [entry.seq for entry in await everything(again)] == [1, 2, 3, 4]


async def test_a_trace_is_found_by_its_id(open_log, put):
    log = open_log()
    root = Trace()
    remote = Trace("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", remote=True)
    for number in range(1, 700):
        put(log, number)
    put(log, 700, trace=root)
    put(log, 701, trace=remote)
    bus = Bus(FakeClock())
    bus.recorder = log.happened
    for span in (root, remote):
        with hop(span.child()):
            bus.emit("log", worker="w", level="log", text="in it")
    for number in range(702, 1400):
        put(log, number)
    for span, name in ((root, "r700"), (remote, "r701")):
        found = await log.read(lambda reader, span=span: queries.of_trace(reader, span.trace_id))
        assert {entry.fields.get("id") or entry.fields["text"] for entry in found} == {name, "in it"}
        assert {entry.span.parent_id for entry in found} == {span.parent_id, span.span_id}
    assert await log.read(lambda reader: queries.of_trace(reader, "f" * 32)) == []


async def test_events_of_an_execution(open_log):
    log = open_log()
    inside = Trace(execution_id="exec_1", stage="fetch", packet_id="packet_1")
    log.put("log", 1.0, inside, "w", {"text": "one"})
    log.put("stage", 2.0, None, None, {"execution_id": "exec_1", "state": "running"})
    log.put("log", 3.0, Trace(execution_id="exec_2"), "w", {"text": "other"})
    found = await everything(log, execution_id="exec_1")
    assert [entry.kind for entry in found] == ["log", "stage"]
    assert (found[0].span.stage, found[0].span.packet_id) == ("fetch", "packet_1")


async def test_last_is_what_a_worker_got(open_log, put):
    log = open_log()
    with pytest.raises(NotFound):
        await log.read(lambda reader: queries.request(reader, "last"))
    put(log, 1)
    put(log, 2, replay_of=1)
    put(log, 3, worker=None)
    assert (await log.read(lambda reader: queries.request(reader, "last"))).fields["id"] == "r2"
    sent = await log.read(lambda reader: queries.request(reader, "last", replays=False))
    assert sent.fields["id"] == "r1"
    for wrong in ("r9", "r", "x", "r-1", "r1 ", "9" * 40):
        with pytest.raises(NotFound):
            await log.read(lambda reader, wrong=wrong: queries.request(reader, wrong))


async def test_bodies_by_hash(open_log, put):
    log = open_log(body_limit=10_000)
    long, longer = b"x" * 9_000, b"y" * 20_000
    put(log, 1, body=long, answer=long)
    put(log, 2, body=longer, answer=None)
    streamed = log.tape()
    for at in range(0, len(longer), 4096):
        streamed.add(longer[at : at + 4096])
    put(log, 3, answer=streamed)
    one, two, three = await everything(log)
    assert one.fields["request_body"] == one.fields["response_body"]
    assert await log.read(lambda reader: queries.content(reader, one.fields["request_body"])) == long
    for body in (two.fields["request_body"], three.fields["response_body"]):
        assert (body.sha256, body.size, body.dropped) == (hashlib.sha256(longer).hexdigest(), 20_000, "limit")
        assert await log.read(lambda reader, body=body: queries.content(reader, body)) is None
    with closing(sqlite3.connect(log.path)) as file:
        assert file.execute("SELECT count(*) FROM body").fetchone() == (1,)


def test_a_tape_holds_no_more_than_its_limit():
    tape = Tape(1000)
    for _ in range(100):
        tape.add(b"x" * 100_000)
    assert tape.kept is None and tape.size == 10_000_000
    assert tape.sha256 == hashlib.sha256(b"x" * 10_000_000).hexdigest()


SECRETS = ["canary-plain-1", 'canary "quoted" \\ 2', "canary\nof two lines 3", "canary/4?&=ü"]


async def test_no_secret_is_written(open_log, put, tmp_path):
    import gzip
    import json
    import urllib.parse

    redact = Redaction()
    redact.know(SECRETS)
    log = open_log(redact)
    for number, secret in enumerate(SECRETS, start=1):
        single = secret.replace("\n", "")
        raw = secret.encode()
        headers = ((b"Authorization", b"Bearer other-1"), (b"Cookie", b"a=other-2"), (b"x-note", single.encode()))
        put(
            log,
            number,
            headers=headers,
            url=f"http://w.localhost/?q={urllib.parse.quote(secret)}",
            body=json.dumps({"x": [secret]}).encode(),
            answer=raw,
            head=b"HTTP/1.1 200 OK\r\nx-note: " + single.encode() + b"\r\nset-cookie: other-3\r\n\r\n",
        )
        put(log, 100 + number, body=b"x" * 5000 + raw, answer=b"\xff\x00" + raw)
        zipped = ((b"content-encoding", b"gzip"),)
        put(log, 200 + number, headers=zipped, body=gzip.compress(raw), answer=None)
        fields = {"text": f"a {secret}", "deep": {"list": [secret, {secret: 1}]}, "error": ValueError(secret)}
        log.put("log", 1.0, None, "w", fields)
        message = {"url": "https://u:other-4@x.test/?api_key=other-5", "request_headers": [("x-api-key", "other-6")]}
        log.put("outbound", 1.0, None, "w", message | {"response_body": raw, "response_headers": []})
    await log.flush()
    told = json.dumps(
        await log.read(
            lambda reader: [
                [
                    entry.as_json(),
                    [
                        (queries.content(reader, entry.fields.get(key)) or b"").decode("latin-1")
                        for key in ("request_body", "response_body")
                    ],
                ]
                for entry in queries.oldest(reader, Filter(), 1000)
            ]
        ),
        ensure_ascii=False,
    )
    for secret in SECRETS:
        for part in secret.split("\n"):
            assert part not in told
            assert json.dumps(part)[1:-1] not in told
            assert part.encode().decode("latin-1") not in told
            assert urllib.parse.quote(part, safe="") not in told
    for credential in ("other-1", "other-2", "other-3", "other-6"):
        assert credential not in told
    assert "[secret]" in told


async def test_a_clean_end_loses_nothing(open_log, put):
    log = open_log()
    for number in range(1, 5001):
        put(log, number)
    await log.close()
    assert log.lost == 0
    again = open_log()
    assert len(await everything(again)) == 5000


async def test_what_is_too_old_goes(open_log, put):
    log = open_log(max_age=3600)
    put(log, 1, body=b"x" * 5000)
    await log.close()
    with closing(sqlite3.connect(log.path)) as file, file:
        file.execute("UPDATE segment SET written = written - 4000")
    again = open_log(max_age=3600)
    put(again, 2)
    assert [entry.fields["id"] for entry in await everything(again)] == ["r2"]
    with closing(sqlite3.connect(log.path)) as file:
        assert file.execute("SELECT count(*) FROM body").fetchone() == (0,)


@given(st.lists(st.lists(st.integers(0, 60_000), min_size=1, max_size=20), min_size=1, max_size=12), st.integers())
@settings(
    deadline=None,
    max_examples=12,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_the_file_stays_within_its_bound(tmp_path_factory, batches, seed):
    import random

    from sandbox.events.records import Request
    from sandbox.events.scrub import NoSecrets
    from sandbox.events.segment import Batch, encode

    path = tmp_path_factory.mktemp("bound") / "events.sqlite"
    limit = 512 * 1024
    store = Store(path, max_bytes=limit, max_age=1e9)
    chance, number = random.Random(seed), 0
    for sizes in batches:
        batch = Batch(1.0)
        for size in sizes:
            number += 1
            body = chance.randbytes(size)
            span = Trace()
            batch.other(Request(number, 1.0, 0.1, span, "w", "GET", "u", (), body, 200, None, None, False, 0))
        store.write([encode(batch, NoSecrets())])
        assert store.used <= limit
        assert path.stat().st_size <= limit + 4 * 1024 * 1024  # what was just written, until the log is moved into it
    store.close()
    assert path.stat().st_size <= limit
    with closing(sqlite3.connect(path)) as file:
        assert file.execute("PRAGMA quick_check").fetchone() == ("ok",)
        newest = file.execute("SELECT max(request_last) FROM segment").fetchone()[0]
        assert newest == number or newest is None  # None: the newest batch alone was over the bound
        gone = "SELECT count(*) FROM body WHERE segment NOT IN (SELECT first FROM segment)"
        assert file.execute(gone).fetchone() == (0,)


async def test_a_file_that_cannot_be_written_is_told_once(tmp_path, put, caplog):
    (tmp_path / "events.sqlite").mkdir()
    log = EventLog(tmp_path / "events.sqlite", EventsConfig(), FakeClock())
    put(log, 1)
    await log.flush()
    put(log, 2)
    await log.flush()
    await log.close()
    assert log.lost == 2
    assert caplog.text.count("could not be written") == 1


async def test_a_damaged_file_is_put_aside(tmp_path, open_log, put, caplog):
    (tmp_path / "events.sqlite").write_bytes(b"no database at all" * 1000)
    log = open_log()
    put(log, log.number())
    assert [entry.fields["id"] for entry in await everything(log)] == ["r1"]
    assert "put aside" in caplog.text


async def test_an_empty_log_answers(open_log):
    log = open_log()
    assert await everything(log) == []
    assert not log.path.exists()
