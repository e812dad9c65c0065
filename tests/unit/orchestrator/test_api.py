"""The HTTP API, through `handle`: routes, scopes, the one error shape, the event stream."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.config.models import ParameterConfig, StageConfig
from sandbox.runtime.exchange import header, incoming_request, take_body

BIG = {"text": "x" * 5000}
GUIDE_SQL = """
INSERT INTO worker_registry (
  worker_name, worker_url, status, capabilities, protocol_version,
  supports_handshake, supports_streaming, max_concurrent_executions, avg_execution_time_ms
) VALUES (
  'bitware_topic_researcher', 'https://bitware-topic-researcher.workers.dev', 'active',
  '{"input_types":["text","json","reference"],"output_types":["json","html"]}',
  '2.0', true, false, 10, 60000
);
"""


def check_error(answer: Any, code: str | None = None) -> dict[str, Any]:
    assert answer["success"] is False and set(answer["error"]) == {"code", "message", "hint"}
    assert code is None or answer["error"]["code"] == code
    return answer["error"]


async def test_unknown_routes_and_methods(bench: Any) -> None:
    await bench.start()
    for path in ("/", "/api", "/api/nothing", "/api/data/", "/api/executions/a/b", "/api/data/a/b"):
        status, answer, _ = await bench.http("GET", path)
        assert status == 404
        check_error(answer, "no_route")
    status, answer, response = await bench.http("DELETE", "/api/executions")
    assert status == 405 and header(response, "allow") == "GET, HEAD, POST"
    check_error(answer, "method_not_allowed")


async def test_health_asks_every_worker(bench: Any) -> None:
    bench.worker("good")
    bench.worker("plain").script["/health"] = [(404, b"no such page")]
    bench.worker("dead").script["/health"] = [ConnectionRefusedError("refused")]
    await bench.start()
    status, answer, _ = await bench.http("GET", "/health")
    assert status == 200 and answer["status"] == "healthy" and answer["version"]
    shown = {name: worker["status"] for name, worker in answer["workers"].items()}
    assert shown == {"good": "healthy", "plain": "up", "dead": "unreachable"}


async def test_start_list_show(bench: Any) -> None:
    bench.pipeline("p", StageConfig("a", "w"), parameters=(ParameterConfig("topic"),))
    await bench.start()
    ids = []
    for number in range(5):
        body = {"pipeline": "p", "parameters": {"topic": f"t{number}"}, "client_id": "c", "request_id": str(number)}
        status, answer, _ = await bench.http("POST", "/api/executions", body)
        assert status == 202 and answer["success"] is True
        ids.append(answer["execution_id"])
        again = await bench.http("POST", "/api/executions", body)
        assert again[1]["execution_id"] == answer["execution_id"]
        await bench.orchestrator.finished(answer["execution_id"])
    found, cursor = [], ""
    while cursor is not None:
        status, answer, _ = await bench.http("GET", f"/api/executions?limit=2&cursor={cursor}")
        assert status == 200 and len(answer["executions"]) <= 2
        found += [execution["execution_id"] for execution in answer["executions"]]
        cursor = answer["cursor"]
    assert found == ids[::-1]
    status, answer, _ = await bench.http("GET", "/api/executions?status=failed")
    assert answer["executions"] == []
    status, answer, _ = await bench.http("GET", f"/api/executions/{ids[0]}")
    execution = answer["execution"]
    assert execution["state"] == "completed" and execution["parameters"] == {"topic": "t0"}
    assert execution["created_at"].endswith("Z") and execution["duration_ms"] is not None
    packet = execution["stages"][0]["packets"][0]
    assert packet["state"] == "acked" and packet["bytes"]["messages"] > 0
    status, answer, _ = await bench.http("GET", "/api/executions/exec_none")
    assert status == 404
    check_error(answer, "not_found")


async def test_one_worker_is_driven_by_name(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    status, answer, _ = await bench.http("POST", "/api/executions", {"worker": "w", "input": [1, 2]})
    assert status == 202
    await bench.orchestrator.finished(answer["execution_id"])
    assert bench.worker("w").bodies("/api/process")[0]["input_ref"]["inline_data"] == [1, 2]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "pipeline: give either"),
        ({"pipeline": "p", "worker": "w"}, "pipeline: give either"),
        ({"pipeline": 7}, "pipeline: expected a string"),
        ({"pipeline": "p", "parameters": []}, "parameters: expected an object"),
        ({"pipeline": "p", "parametres": {}}, "parametres: unknown"),
        ({"pipeline": "p", "client_id": True}, "client_id: expected a string"),
        ({"pipeline": "p", "parameters": {"colour": 1}}, "parameters.colour: unknown"),
        ([], "the body: expected a JSON object"),
        (b"{", "not JSON"),
        (b"[" * 300 + b"]" * 300, "nested"),
    ],
)
async def test_what_does_not_fit_is_named_by_its_path(bench: Any, body: Any, said: str) -> None:
    bench.pipeline("p", StageConfig("a", "w"))
    await bench.start()
    status, answer, _ = await bench.http("POST", "/api/executions", body)
    assert status == 400 and said in check_error(answer)["message"]


async def test_queries_are_checked(bench: Any) -> None:
    await bench.start()
    for query in ("limit=0", "limit=x", "limit=99999", "cursor=-1", "status=odd", "limit=" + "9" * 50):
        status, answer, _ = await bench.http("GET", f"/api/executions?{query}")
        assert status == 400, query
        check_error(answer, "bad_filter" if query.startswith("status") else "bad_field")


async def test_bodies_over_10_mib_are_refused(bench: Any) -> None:
    bench.worker("w")
    await bench.start()
    huge = b'"' + b"x" * (10 * 1024 * 1024) + b'"'
    for method, path in (("POST", "/api/executions"), ("POST", "/api/data"), ("PUT", "/api/references/x")):
        status, answer, _ = await bench.http(method, path, huge, bench.credentials("w"))
        assert status == 413, path
        check_error(answer, "body_too_large")


async def test_cancel(bench: Any) -> None:
    bench.worker("w").during = lambda body: asyncio.Event().wait()
    await bench.start()
    execution_id = await bench.orchestrator.start_execution("w", input=1)
    await bench.until(lambda: bench.worker("w").bodies("/api/process"))
    status, answer, _ = await bench.http("POST", f"/api/executions/{execution_id}/cancel")
    assert status == 200 and answer["state"] == "cancelled"
    status, answer, _ = await bench.http("POST", f"/api/executions/{execution_id}/cancel")
    assert status == 409
    check_error(answer, "conflict")


class TestData:
    async def test_the_token_is_bound_to_the_worker(self, bench: Any) -> None:
        bench.worker("one"), bench.worker("two")
        await bench.start()
        right = bench.credentials("one")
        assert (await bench.http("GET", "/api/data/x", headers=right))[0] == 404
        wrong = [
            {},
            {"x-worker-id": "one"},
            {"authorization": right["authorization"]},
            {**right, "x-worker-id": "two"},
            {**right, "x-worker-id": "nobody"},
            {**right, "authorization": right["authorization"] + "x"},
            {**right, "authorization": "Basic " + right["authorization"].split()[1]},
            {**right, "authorization": "Bearer "},
            {**right, "authorization": "Bearer \u00e9\u4e2d".encode().decode("latin-1")},
        ]
        for headers in wrong:
            status, answer, _ = await bench.http("GET", "/api/data/x", headers=headers)
            assert status == 401, headers
            check_error(answer, "unauthorized")

    async def test_who_reads_what(self, bench: Any) -> None:
        """Its own result and the input of its live packet; anything else is the same 404."""
        bench.pipeline("p", StageConfig("a", "wa"), StageConfig("b", "wb", needs=("a",)))
        bench.worker("other")
        bench.worker("wa").result, bench.worker("wa").by_reference = BIG, True
        seen: dict[str, tuple[int, Any]] = {}

        async def read(when: str) -> None:
            for worker in ("wa", "wb", "other"):
                status, answer, _ = await bench.http("GET", "/api/data/wa_1", headers=bench.credentials(worker))
                seen[f"{worker} {when}"] = status, answer

        bench.worker("wb").during = lambda body: read("live")
        await bench.start()
        await bench.run("p")
        await read("after")
        status, missing, _ = await bench.http("GET", "/api/data/nothing", headers=bench.credentials("other"))
        allowed = {name for name, (status, _) in seen.items() if status == 200}
        assert allowed == {"wa live", "wb live", "wa after"}
        assert all(answer == BIG for status, answer in seen.values() if status == 200)
        assert all((status, answer) == (404, missing) for status, answer in seen.values() if status != 200)

    async def test_a_reference_expires_by_the_clock(self, bench: Any) -> None:
        bench.worker("w").result, bench.worker("w").by_reference = BIG, True
        await bench.start()
        await bench.run("w", input=1)
        bench.clock.advance(86_399)
        assert (await bench.http("GET", "/api/data/w_1", headers=bench.credentials("w")))[0] == 200
        bench.clock.advance(1)
        status, answer, _ = await bench.http("GET", "/api/data/w_1", headers=bench.credentials("w"))
        assert status == 410
        check_error(answer, "ref_expired")
        bench.worker("other")
        await bench.orchestrator.configure({}, bench.infos())
        assert (await bench.http("GET", "/api/data/w_1", headers=bench.credentials("other")))[0] == 404

    async def test_the_workers_own_expiry_counts(self, bench: Any) -> None:
        worker = bench.worker("w")
        worker.kv["short"] = b"{}"
        reference = {"ref_id": "short", "storage_type": "KV", "expires_at": "2023-11-14T22:14:20Z"}  # a minute from now
        worker.script["/api/process"] = [
            lambda body: (200, {"success": True, "packet_id": body["packet_id"], "output_ref": reference})
        ]
        await bench.start()
        await bench.run("w", input=1)
        assert (await bench.http("GET", "/api/data/short", headers=bench.credentials("w")))[0] == 200
        bench.clock.advance(60)
        assert (await bench.http("GET", "/api/data/short", headers=bench.credentials("w")))[0] == 410

    async def test_two_producers_may_use_one_id(self, bench: Any) -> None:
        """`ref_${Date.now()}` collides: each consumer still gets what its own predecessor made."""
        bench.pipeline("p1", StageConfig("a", "wa"), StageConfig("c", "c1", needs=("a",)))
        bench.pipeline("p2", StageConfig("a", "wb"), StageConfig("c", "c2", needs=("a",)))
        got: dict[str, Any] = {}
        for name in ("wa", "wb"):
            worker = bench.worker(name)
            worker.kv["same"] = json.dumps({"of": name, **BIG}).encode()
            worker.output_ref = lambda: {"ref_id": "same", "storage_type": "reference"}

        def consume(name: str) -> Any:
            async def read(body: dict[str, Any]) -> None:
                path = f"/api/data/{body['input_ref']['ref_id']}"
                got[name] = (await bench.http("GET", path, headers=bench.credentials(name)))[1]["of"]

            return read

        bench.worker("c1").during, bench.worker("c2").during = consume("c1"), consume("c2")
        await bench.start()
        ids = [await bench.orchestrator.start_execution(name) for name in ("p1", "p2")]
        for execution_id in ids:
            assert (await bench.orchestrator.finished(execution_id))["state"] == "completed"
        assert got == {"c1": "wa", "c2": "wb"}
        for name in ("wa", "wb"):
            status, data, _ = await bench.http("GET", "/api/data/same", headers=bench.credentials(name))
            assert status == 200 and data["of"] == name

    async def test_upload_and_read_back(self, bench: Any) -> None:
        bench.worker("one"), bench.worker("two")
        await bench.start()
        status, answer, _ = await bench.http("POST", "/api/data", BIG, bench.credentials("one"))
        assert status == 201 and answer["storage_type"] == "reference"
        assert len(answer["ref_id"]) == len("ref_") + 32
        path = f"/api/data/{answer['ref_id']}"
        assert (await bench.http("GET", path, headers=bench.credentials("one")))[1] == BIG
        assert (await bench.http("GET", path, headers=bench.credentials("two")))[0] == 404
        status, answer, _ = await bench.http("POST", "/api/data", b"<html>", bench.credentials("one"))
        assert status == 400
        assert (await bench.http("POST", "/api/data", BIG))[0] == 401

    async def test_ids_with_odd_characters(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        status, _, _ = await bench.http("POST", "/api/data?ref_id=a%2Fb%20%C3%A9", {"x": 1}, bench.credentials("w"))
        assert status == 201
        status, data, _ = await bench.http("GET", "/api/data/a%2Fb%20%C3%A9", headers=bench.credentials("w"))
        assert (status, data) == (200, {"x": 1})

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
    @given(ref_id=st.from_regex(r"(ref_)?[A-Za-z0-9_%.-]{1,40}", fullmatch=True))
    async def test_guessed_ids_hit_nothing(self, bench: Any, ref_id: str) -> None:
        if bench.orchestrator is None:
            bench.worker("w"), bench.worker("x")
            bench.worker("x").result, bench.worker("x").by_reference = BIG, True
            await bench.start()
            await bench.run("x", input=BIG)
        path = "/api/data/" + ref_id.replace("%", "%25")
        assert (await bench.http("GET", path, headers=bench.credentials("w")))[0] == 404


class TestReferences:
    async def test_plant_read_list(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        status, answer, _ = await bench.http("PUT", "/api/references/mine", b'{"a": 1}')
        assert status == 201 and answer["ref_id"] == "mine" and answer["size_bytes"] == 8
        assert (await bench.http("GET", "/api/data/mine", headers=bench.credentials("w")))[1] == {"a": 1}
        status, answer, _ = await bench.http("PUT", "/api/references/mine", b'{"a": 2}')
        assert status == 201
        status, answer, _ = await bench.http("GET", "/api/references/mine")
        assert answer["preview"] == '{"a": 2}' and answer["reference"]["origin"] == "planted"
        assert answer["truncated"] is False and answer["reference"]["expired"] is False
        assert (await bench.http("GET", "/api/references/mine?raw=1"))[1] == {"a": 2}
        status, answer, _ = await bench.http("POST", "/api/references", {"data": BIG})
        assert status == 201 and len(answer["ref_id"]) == 36
        status, answer, _ = await bench.http("GET", "/api/references")
        assert {reference["ref_id"] for reference in answer["references"]} >= {"mine"}
        assert (await bench.http("GET", "/api/references/none"))[0] == 404

    async def test_a_runs_reference_is_not_overwritten(self, bench: Any) -> None:
        bench.worker("w").result, bench.worker("w").by_reference = BIG, True
        await bench.start()
        await bench.run("w", input=1)
        status, answer, _ = await bench.http("PUT", "/api/references/w_1", b"{}")
        assert status == 409
        check_error(answer, "conflict")

    async def test_expired_ones_are_shown_but_not_served(self, bench: Any) -> None:
        await bench.start()
        await bench.orchestrator.plant("mine", b"{}")
        bench.clock.advance(90_000)
        status, answer, _ = await bench.http("GET", "/api/references/mine")
        assert status == 200 and answer["reference"]["expired"] is True
        assert (await bench.http("GET", "/api/references/mine?raw=1"))[0] == 410


class TestCheckpoints:
    async def test_by_hand_they_belong_to_the_packet_and_its_worker(self, bench: Any) -> None:
        bench.worker("one"), bench.worker("two")
        await bench.start()
        one, two = bench.credentials("one"), bench.credentials("two")
        path = "/api/checkpoints/test-123"
        assert (await bench.http("GET", path, headers=one))[0] == 404
        status, answer, _ = await bench.http("PUT", path, {"seq": 1, "data": {"at": 7}}, one)
        assert status == 200 and answer["seq"] == 1
        status, answer, _ = await bench.http("GET", path, headers=one)
        assert (answer["packet_id"], answer["seq"], answer["data"]) == ("test-123", 1, {"at": 7})
        assert (await bench.http("GET", path, headers=two))[0] == 404
        assert (await bench.http("GET", path))[0] == 401
        status, answer, _ = await bench.http("DELETE", path, headers=one)
        assert (status, answer["deleted"]) == (200, True)
        assert (await bench.http("GET", path, headers=one))[0] == 404

    async def test_seq_must_rise(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        headers, path = bench.credentials("w"), "/api/checkpoints/p"
        assert (await bench.http("PUT", path, {"seq": 5, "data": 1}, headers))[0] == 200
        for body in ({"seq": 5, "data": 2}, {"seq": 4, "data": 1}):
            status, answer, _ = await bench.http("PUT", path, body, headers)
            assert status == 409
            check_error(answer, "checkpoint_seq")
        assert (await bench.http("PUT", path, {"seq": 5, "data": 1}, headers))[0] == 200, "a repeated request"
        assert (await bench.http("PUT", path, {"seq": 9, "data": 2}, headers))[0] == 200
        assert (await bench.http("GET", path, headers=headers))[1]["data"] == 2

    async def test_limits(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        headers, path = bench.credentials("w"), "/api/checkpoints/p"
        fits = "x" * (1024 * 1024 - 2)
        assert (await bench.http("PUT", path, {"seq": 1, "data": fits}, headers))[0] == 200
        status, answer, _ = await bench.http("PUT", path, {"seq": 2, "data": fits + "x"}, headers)
        assert status == 413
        check_error(answer, "checkpoint_too_large")
        for body in (
            {"data": 1},
            {"seq": "1"},
            {"seq": -1},
            {"seq": True},
            {"seq": 1.5},
            {"seq": 2**60},
            {"seq": 1, "date": 2},
        ):
            status, answer, _ = await bench.http("PUT", path, body, headers)
            assert status == 400, body
            check_error(answer, "bad_field")

    async def test_a_retry_gets_the_checkpoint_and_it_goes_with_the_stage(self, bench: Any) -> None:
        worker = bench.worker("w")

        async def save(body: dict[str, Any]) -> None:
            if len(worker.bodies("/api/process")) == 1:
                path = f"/api/checkpoints/{body['packet_id']}"
                status, _, _ = await bench.http("PUT", path, {"seq": 3, "data": {"cursor": 9}}, bench.credentials("w"))
                assert status == 200
                raise ConnectionResetError("cut") if kind == "cut" else RuntimeError("x")

        worker.during = save
        await bench.start()
        for kind in ("cut", "known"):
            worker.calls.clear()
            if kind == "known":
                worker.script["/api/process"] = [None, (500, {})]
            execution = await bench.run_on("w", input=1)
            assert execution["state"] == "completed"
            assert worker.bodies("/api/process")[-1]["checkpoint"] == {"seq": 3, "data": {"cursor": 9}}
            packet_id = execution["stages"][0]["packets"][-1]["packet_id"]
            path = f"/api/checkpoints/{packet_id}"
            assert (await bench.http("GET", path, headers=bench.credentials("w")))[0] == 404, "dropped with the ack"
            status, answer, _ = await bench.http("PUT", path, {"seq": 9, "data": 1}, bench.credentials("w"))
            assert status == 409
            check_error(answer, "packet_over")

    async def test_other_code_does_not_get_it(self, bench: Any) -> None:
        worker = bench.worker("w")

        async def save(body: dict[str, Any]) -> None:
            if len(worker.bodies("/api/process")) == 1:
                path = f"/api/checkpoints/{body['packet_id']}"
                await bench.http("PUT", path, {"seq": 1, "data": 1}, bench.credentials("w"))
                bench.code = "code-2"
                raise ConnectionResetError("cut")

        worker.during = save
        worker.script["/api/process"] = [None, (500, {})]
        await bench.start()
        execution = await bench.run_on("w", input=1)
        assert execution["state"] == "completed"
        assert "checkpoint" not in worker.bodies("/api/process")[-1]


class TestWorkers:
    async def test_listing(self, bench: Any) -> None:
        bench.worker("bitware_topic_researcher")
        await bench.start()
        sql = GUIDE_SQL + GUIDE_SQL.replace("bitware_topic", "far_topic").replace("bitware-topic", "far-topic")
        status, answer, _ = await bench.http("POST", "/api/registry", sql.encode())
        assert status == 200 and answer["applied"] == ["bitware_topic_researcher", "far_topic_researcher"]
        status, answer, _ = await bench.http("GET", "/api/workers")
        here, far = answer["workers"]
        assert here["hosted"] and here["url"] == "http://bitware_topic_researcher.localhost:8787", "hosted wins"
        assert here["registry"]["worker_url"].startswith("https://bitware")
        assert far["callable"] is False and "token" not in here
        assert (await bench.http("GET", "/api/workers/far_topic_researcher"))[0] == 404

    async def test_the_token_is_shown_to_the_owner_of_the_state_folder(self, bench: Any) -> None:
        bench.worker("feed_fetcher")
        bench.admin_token = "owner"
        await bench.start()
        path = "/api/workers/feed-fetcher"
        status, answer, _ = await bench.http("GET", path, headers={"authorization": "Bearer owner"})
        assert answer["worker"]["token"] == bench.orchestrator.token("feed_fetcher")
        for headers in ({}, {"authorization": "Bearer other"}, {"authorization": "Bearer "}):
            status, answer, _ = await bench.http("GET", path, headers=headers)
            assert status == 200 and "token" not in answer["worker"]

    async def test_pipelines(self, bench: Any) -> None:
        bench.pipeline("p", StageConfig("a", "w"), description="d", parameters=(ParameterConfig("t", default=None),))
        await bench.start()
        status, answer, _ = await bench.http("GET", "/api/pipelines")
        (shown,) = answer["pipelines"]
        assert (
            shown["stages"] == [{"name": "a", "worker": "w", "needs": []}] and "default" not in shown["parameters"][0]
        )

    async def test_registry(self, bench: Any) -> None:
        await bench.start()
        status, answer, _ = await bench.http("POST", "/api/registry", {"sql": GUIDE_SQL})
        assert status == 200
        status, answer, _ = await bench.http("GET", "/api/registry")
        assert [row["worker_name"] for row in answer["workers"]] == ["bitware_topic_researcher"]
        for body in (b"DROP TABLE worker_registry", b"\xff", {"sq": 1}, [1], b""):
            status, answer, _ = await bench.http("POST", "/api/registry", body)
            assert status == 400, body
            check_error(answer)

    async def test_tokens_outlive_a_restart(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        token = bench.orchestrator.token("w")
        await bench.orchestrator.close()
        await bench.start()
        assert bench.orchestrator.token("W") == token and len(token) >= 32


def parse_events(text: str) -> list[dict[str, Any]]:
    events = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            events.append({**fields, "data": json.loads(fields["data"])})
    return events


class TestEvents:
    async def read_all(self, bench: Any, execution_id: str, **headers: str) -> list[dict[str, Any]]:
        path = f"/api/executions/{execution_id}/events"
        status, body, _ = await bench.http(
            "GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()}
        )
        assert status == 200
        return parse_events(body.decode() if isinstance(body, bytes) else "")

    async def test_all_of_a_finished_execution_and_the_rest_after_an_id(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        execution_id = (await bench.run("w", input=1))["execution_id"]
        events = await self.read_all(bench, execution_id)
        states = [(event["event"], event["data"]["state"]) for event in events]
        assert states == [
            ("execution", "queued"),
            ("stage", "ready"),
            ("execution", "running"),
            ("stage", "running"),
            ("stage", "succeeded"),
            ("execution", "completed"),
        ] or states == [
            ("execution", "queued"),
            ("stage", "ready"),
            ("stage", "running"),
            ("execution", "running"),
            ("stage", "succeeded"),
            ("execution", "completed"),
        ]
        assert [int(event["id"]) for event in events] == [1, 2, 3, 4, 5, 6]
        assert await self.read_all(bench, execution_id, last_event_id="4") == events[4:]
        assert await self.read_all(bench, execution_id, last_event_id="6") == []

    async def test_live_and_resumed_nothing_is_missed_or_repeated(self, bench: Any) -> None:
        worker, gate = bench.worker("w"), asyncio.Event()
        worker.during = lambda body: gate.wait()
        await bench.start()
        execution_id = await bench.orchestrator.start_execution("w", input=1)
        await bench.until(lambda: worker.bodies("/api/process"))
        packet_id = worker.bodies("/api/process")[0]["packet_id"]
        worker.script[f"/api/progress/{packet_id}"] = [(200, {"stage": "processing", "progress": 30, "message": "m"})]
        await bench.elapse(lambda: bench.said("progress", progress=30))
        request = incoming_request("GET", f"http://localhost:8787/api/executions/{execution_id}/events", [])
        body = take_body(await bench.orchestrator.handle(request))
        first = b""
        async for chunk in body:
            first += chunk
            if b"event: progress" in first:
                break
        await body.aclose()
        before = parse_events(first.decode())
        assert before[-1]["data"]["progress"] == 30 and "id" not in before[-1]
        last = [event["id"] for event in before if "id" in event][-1]
        resumed = asyncio.ensure_future(self.read_all(bench, execution_id, last_event_id=last))
        await asyncio.sleep(0.01)
        gate.set()
        after = [event for event in await resumed if "id" in event]
        ids = [int(event["id"]) for event in [*before, *after] if "id" in event]
        assert ids == list(range(1, len(ids) + 1))
        assert after[-1]["data"]["state"] == "completed"

    async def test_bad_ids_and_unknown_executions(self, bench: Any) -> None:
        bench.worker("w")
        await bench.start()
        execution_id = (await bench.run("w", input=1))["execution_id"]
        path = f"/api/executions/{execution_id}/events"
        assert (await bench.http("GET", path, headers={"last-event-id": "x"}))[0] == 400
        assert (await bench.http("GET", "/api/executions/exec_none/events"))[0] == 404

    async def test_a_stopping_sandbox_ends_the_stream(self, bench: Any) -> None:
        bench.worker("w").during = lambda body: asyncio.Event().wait()
        await bench.start()
        execution_id = await bench.orchestrator.start_execution("w", input=1)
        await bench.until(lambda: bench.worker("w").bodies("/api/process"))
        reading = asyncio.ensure_future(self.read_all(bench, execution_id))
        await asyncio.sleep(0.01)
        await bench.orchestrator.close(0)
        assert (await reading)[-1]["data"]["state"] == "failed"
