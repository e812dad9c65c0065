"""Stages of an execution run again on what was recorded of them, in the sandbox that recorded it."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace as changed

import pytest

from sandbox.errors import Conflict, NotFound
from sandbox.runtime.exchange import new_request, read_json

KV = """
[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "progress"
[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "results"
[[kv_namespaces]]
binding = "NOTES"
id = "notes"
"""
TOML = """
[[egress.routes]]
match = "https://news.test/*"
folder = "news"

[pipelines.two]
description = "two stages"
[[pipelines.two.stages]]
name = "gather"
worker = "gather"
[[pipelines.two.stages]]
name = "count"
worker = "count"
needs = ["gather"]
retry = { max_attempts = 1 }

[pipelines.careful]
[[pipelines.careful.stages]]
name = "careful"
worker = "careful"
retry = { max_attempts = 2, initial_delay_ms = 1, max_delay_ms = 2 }
"""
GATHER = """
import asyncio, random, time, uuid
from datetime import UTC, datetime
from workers import fetch
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "gather"

    async def process(self, job):
        notes = self.env.NOTES
        known = await notes.get("known")
        listed = [key["name"] for key in (await notes.list(prefix="old"))["keys"]]
        pages = await asyncio.gather(*(self.page(name) for name in ("one", "two", "three")))
        await notes.put("known", f"{known}+")
        await notes.put("old-" + str(uuid.uuid4()), "x")
        return {"known": known, "again": await notes.get("known"), "listed": len(listed), "pages": pages,
                "id": str(uuid.uuid4()), "roll": random.random(), "pad": "x" * 2000,
                "at": datetime.now(UTC).isoformat(), "took": time.perf_counter()}

    async def page(self, name):
        response = await fetch(f"https://news.test/{name}.txt")
        text = await response.text()
        await self.env.NOTES.put(f"page-{name}", text)
        return [text, time.time(), random.random()]
"""
COUNT = """
from sandbox.handshake import HandshakeWorker, NonRetryable

class Default(HandshakeWorker):
    name = "count"

    async def process(self, job):
        return {"pages": len(job.input["pages"]), "of": job.input["id"]}
"""


CAREFUL = """
import json
from workers import fetch
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "careful"

    async def process(self, job):
        done = (job.resumed or {}).get("done", 0)
        await job.checkpoint({"done": done + 1})
        if done < 1:
            raise RuntimeError("not yet")
        other = await self.env.COUNT.double(21)
        by_url = await (await fetch(f"{self.env.ORCHESTRATOR_URL}/workers/count/half")).text()
        return {"done": done, "other": other, "by_url": by_url}
"""
HELPER = """
import random
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def double(self, number):
        await self.env.NOTES.put("doubled", str(number))
        return [number * 2, await self.env.NOTES.get("doubled"), await self.env.NOTES.get("rest"), random.random()]

    async def fetch(self, request):
        return Response(str(random.random()))
"""
SERVICE = '[[services]]\nbinding = "COUNT"\nservice = "count"\n'


@pytest.fixture
async def sandbox(worker, start, tmp_path):
    worker("gather", GATHER, extra=KV)
    worker("count", COUNT, extra=KV)
    worker("careful", CAREFUL, extra=KV + SERVICE)
    (tmp_path / "news").mkdir()
    for name in ("one", "two", "three"):
        (tmp_path / "news" / f"{name}.txt").write_text(f"the page {name}")
    (tmp_path / "sandbox.toml").write_text(TOML)
    return await start(serve=False)


async def save(sandbox, worker, name, code, *changes, extra=KV):
    for old, new in changes:
        assert old in code
        code = code.replace(old, new)
    worker(name, code, extra=extra)
    assert (await sandbox.workers.reload(name)).error is None


async def replay(sandbox, execution, from_stage=None):
    return await sandbox.orchestrator.replayer.replay(execution["execution_id"], from_stage)


async def contents(sandbox, namespace):
    store = sandbox.kv.get(namespace)
    return {key.name: (await store.get(key.name)).value for key in (await store.list()).keys}


async def test_the_same_code_gives_the_same_whatever_has_changed_outside(sandbox, tmp_path):
    await sandbox.run("two")  # so that there is something to read
    execution = await sandbox.run("two")
    before = await contents(sandbox, "notes")
    journal = sandbox.orchestrator.execution(execution["execution_id"])
    for name in ("one", "two", "three"):
        (tmp_path / "news" / f"{name}.txt").write_text("other news")
    await sandbox.kv.get("notes").put("known", b"something else")
    await sandbox.kv.get("notes").put("old-more", b"y")
    for _ in range(3):
        report = await replay(sandbox, execution)
        assert report["same"], report
        assert [stage["verdict"] for stage in report["stages"]] == ["same", "same"]
        for stage in report["stages"]:
            assert stage["was"] == stage["now"]
            assert not stage["divergences"] and not stage["notes"] and not stage["other_code"]
    after = await contents(sandbox, "notes")
    assert after == {**before, "known": b"something else", "old-more": b"y"}
    assert sandbox.orchestrator.execution(execution["execution_id"]) == journal


async def test_other_code_is_told_with_the_paths_that_differ(sandbox, worker):
    execution = await sandbox.run("two")
    await save(sandbox, worker, "gather", GATHER, ('"id": str(uuid.uuid4())', '"id": "fixed"'))
    report = await replay(sandbox, execution)
    gather, count = report["stages"]
    assert not report["same"]
    assert (gather["verdict"], gather["other_code"], gather["new_input"]) == ("different", True, False)
    assert [difference["path"] for difference in gather["differences"]] == ["$.id"]
    assert gather["differences"][0]["now"] == '"fixed"'
    assert (count["verdict"], count["other_code"], count["new_input"]) == ("different", False, True)
    assert [difference["path"] for difference in count["differences"]] == ["$.of"]
    alone = await replay(sandbox, execution, "count")
    assert [stage["stage"] for stage in alone["stages"]] == ["count"]
    assert alone["same"]


async def test_where_the_way_parts_is_told_with_the_nearest_recorded_call(sandbox, worker):
    execution = await sandbox.run("two")
    await save(
        sandbox,
        worker,
        "gather",
        GATHER,
        ('"two", "three"', '"too"'),
        ('notes.get("known")\n        listed', 'notes.get("unknown")\n        listed'),
        ("text = await response.text()", "text = await response.text()"),
    )
    (gather, _) = (await replay(sandbox, execution))["stages"]
    assert gather["verdict"] == "failed"
    assert "this is a replay, and the call was not recorded" in gather["now"]["error"]["message"]
    assert [(one["kind"], one["nearest"]) for one in gather["divergences"][:2]] == [
        ("kv_read", None),
        ("call", "GET https://news.test/two.txt: the address differs"),
    ]
    assert {one["what"] for one in gather["divergences"] if one["kind"] == "call_missing"} <= {
        "GET https://news.test/two.txt was not called this time",
        "GET https://news.test/three.txt was not called this time",
        "GET https://news.test/one.txt was not called this time",
    }


async def test_the_same_output_by_another_way_is_no_longer_the_same(sandbox, worker):
    execution = await sandbox.run("two")
    await save(
        sandbox,
        worker,
        "gather",
        GATHER,
        ('known = await notes.get("known")', 'known = await notes.get("known"); await notes.get("more")'),
    )
    (gather, count) = (await replay(sandbox, execution))["stages"]
    assert gather["was"] == gather["now"]
    assert gather["verdict"] == "different"
    assert [one["kind"] for one in gather["divergences"]] == ["kv_read"]
    assert count["verdict"] == "same" and not count["new_input"]


async def test_a_stage_that_failed_is_mended_by_an_edit(sandbox, worker):
    broken = ('len(job.input["pages"])', 'len(job.input["pagez"])')
    await save(sandbox, worker, "count", COUNT, broken)
    execution = await sandbox.run("two", {})
    assert execution["state"] == "failed"
    again = await replay(sandbox, execution, "count")
    assert [stage["verdict"] for stage in again["stages"]] == ["same"]
    assert again["stages"][0]["now"]["error"]["message"] == "KeyError: 'pagez'"
    await save(sandbox, worker, "count", COUNT)
    mended = await replay(sandbox, execution, "count")
    assert mended["same"]
    (stage,) = mended["stages"]
    assert (stage["verdict"], stage["other_code"]) == ("mended", True)
    assert stage["was"]["error"]["message"] == "KeyError: 'pagez'"
    assert stage["now"]["size_bytes"] > 0
    assert sandbox.orchestrator.execution(execution["execution_id"])["state"] == "failed"


async def test_stages_after_one_that_fails_are_left_out(sandbox, worker):
    execution = await sandbox.run("two")
    await save(sandbox, worker, "gather", GATHER, ('return {"known"', '1 / 0\n        return {"known"'))
    gather, count = (await replay(sandbox, execution))["stages"]
    assert (gather["verdict"], count["verdict"], count["why"]) == ("failed", "skipped", "gather gives it no input")


async def test_checkpoints_and_workers_that_are_called_run_again_too(sandbox, worker):
    await save(sandbox, worker, "count", HELPER)
    execution = await sandbox.run("careful")
    assert execution["state"] == "completed", execution["error"]
    assert execution["stages"][0]["attempts"] == 2  # the second one went on from the checkpoint of the first
    await sandbox.kv.get("notes").put("doubled", b"9")
    await sandbox.kv.get("notes").put("rest", b"9")
    (stage,) = (await replay(sandbox, execution))["stages"]
    assert stage["verdict"] == "same", stage
    assert (await sandbox.kv.get("notes").get("doubled")).value == b"9"

    await save(sandbox, worker, "careful", CAREFUL, ("done < 1", "done < 9"), extra=KV + SERVICE)
    (stage,) = (await replay(sandbox, execution))["stages"]
    assert stage["verdict"] == "failed"
    assert "not yet" in stage["now"]["error"]["message"]
    execution = await sandbox.run("careful")
    assert execution["state"] == "failed"
    (stage,) = (await replay(sandbox, execution))["stages"]
    assert (stage["verdict"], stage["divergences"]) == ("same", [])


async def test_a_worker_behind_a_route_is_answered_from_the_recording(sandbox, worker, tmp_path):
    (tmp_path / "sandbox.toml").write_text(TOML.replace('folder = "news"', 'worker = "news"'))
    worker("news", HELPER, extra=KV)
    await sandbox._changes.sandbox_toml()
    execution = await sandbox.run("two")
    assert execution["state"] == "completed"
    await sandbox.workers.remove("news")
    assert (await replay(sandbox, execution))["same"]


async def test_other_clients_reach_nothing_either(sandbox, worker):
    execution = await sandbox.run("two")
    sandbox.egress.configure(changed(sandbox.config.egress, mode="online"), sandbox.config.root)
    for host in ("203.0.113.1", "127.0.0.1", "feeds.example"):
        connect = f'await asyncio.open_connection("{host}", 80)\n        return'
        await save(sandbox, worker, "gather", GATHER, ("return", connect))
        (gather, _) = (await replay(sandbox, execution))["stages"]
        assert "this is a replay, which answers calls from its recording" in gather["now"]["error"]["message"]


async def test_what_a_packet_leaves_behind_stays_inside_too(sandbox, worker):
    execution = await sandbox.run("two")
    later = """self.ctx.waitUntil(self.later())
        return"""
    method = """
    async def later(self):
        import gate
        await gate.waiting.wait()
        await self.env.NOTES.put("late", "x")
        try:
            await fetch("https://news.test/one.txt?late")
        except OSError as error:
            gate.seen.append(str(error))

    async def page"""
    gate = "import asyncio\nwaiting = asyncio.Event()\nseen = []\n"
    code = GATHER.replace("return {", f"{later} {{").replace("\n    async def page", method)
    worker("gather", {"entry.py": code, "gate.py": gate}, extra=KV)
    assert (await sandbox.workers.reload("gather")).error is None
    (gather, _) = (await replay(sandbox, execution))["stages"]
    assert gather["verdict"] == "same"
    generation = sandbox.workers.generation("gather")
    module = sys.modules[f"{generation._namespace.prefix}.gate"]
    module.waiting.set()
    await generation.idle()
    assert "this is a replay" in module.seen[0]
    assert await sandbox.kv.get("notes").get("late") is None


async def test_code_that_does_not_load_is_told_and_not_replaced_by_older_code(sandbox, worker):
    execution = await sandbox.run("two")
    worker("gather", GATHER + "\ndef broken(:\n", extra=KV)
    await sandbox.workers.reload("gather")
    gather, count = (await replay(sandbox, execution))["stages"]
    assert (gather["verdict"], gather["now"]["error"]["code"], count["verdict"]) == (
        "failed",
        "stale_worker",
        "skipped",
    )
    assert "SyntaxError" in gather["now"]["error"]["message"]


async def test_what_cannot_be_replayed(sandbox, worker):
    execution = await sandbox.run("two")
    with pytest.raises(NotFound, match="has no stage nothing"):
        await replay(sandbox, execution, "nothing")
    with pytest.raises(NotFound, match="no execution"):
        await sandbox.orchestrator.replayer.replay("exec_0")
    await save(
        sandbox, worker, "count", "import asyncio\n" + COUNT, ("return", "await asyncio.Event().wait()\n        return")
    )
    running = await sandbox.orchestrator.start_execution("two")
    with pytest.raises(Conflict, match="still running"):
        await sandbox.orchestrator.replayer.replay(running)
    await sandbox.orchestrator.cancel(running)


async def test_the_api_and_retention(sandbox):
    execution = await sandbox.run("two")
    path = f"http://localhost/api/executions/{execution['execution_id']}/replay"

    async def post(body):
        return await sandbox.handle(new_request(path, method="POST", json=body))

    answer = await post({"from": "count"})
    assert answer.status == 200
    report = (await read_json(answer))["replay"]
    assert (report["same"], [stage["stage"] for stage in report["stages"]]) == (True, ["count"])
    assert (await post({"form": "count"})).status == 400
    journal = sandbox.orchestrator._journal.database
    assert journal.query("SELECT count(*) FROM recording")[0][0] == 2
    from functools import partial

    from sandbox.orchestrator import transitions

    await sandbox.orchestrator._journal.commit(partial(transitions.prune, retention=-1, keep=0))
    for table in ("recording", "recorded_body", "content"):
        assert journal.query(f"SELECT count(*) FROM {table}")[0][0] == 0


async def test_packets_at_once_have_recordings_of_their_own(sandbox):
    ids = [await sandbox.orchestrator.start_execution("two") for _ in range(5)]
    ended = [await sandbox.orchestrator.finished(each) for each in ids]
    outputs = [json.loads(await sandbox.orchestrator.read_output(each, "gather")) for each in ids]
    assert len({output["id"] for output in outputs}) == 5
    for execution in ended:
        assert (await replay(sandbox, execution))["same"]
    at_once = await asyncio.gather(*(replay(sandbox, ended[0]) for _ in range(3)))
    assert all(report["same"] for report in at_once), at_once


HTTPX = """
import httpx
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "count"

    async def process(self, job):
        async with httpx.AsyncClient() as client:
            answers = [await client.get("https://news.test/one.txt"), await client.get("https://news.test/none.txt")]
        return [[answer.status_code, answer.text] for answer in answers]
"""


async def test_httpx_is_answered_from_the_recording_too(sandbox, worker, tmp_path):
    await save(sandbox, worker, "count", HTTPX)
    execution = await sandbox.run("count")
    assert execution["state"] == "completed", execution["error"]
    (tmp_path / "news" / "one.txt").write_text("other news")
    (stage,) = (await replay(sandbox, execution))["stages"]
    assert (stage["verdict"], stage["divergences"], stage["notes"]) == ("same", [], [])
