"""A worker that is reached by URL over real HTTP: here, one that another sandbox hosts."""

from __future__ import annotations

import json
import socket

WORDS = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "remote_words"

    async def process(self, job):
        await job.progress(50, "counting")
        words = job.input["text"].split()
        return {"count": len(words), "words": words if job.parameters.get("all") else []}
"""
CACHES = """
[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "progress"
[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "results"
[vars]
ORCHESTRATOR_URL = "{url}"
WORKER_TOKEN = "a-token-both-sides-know"
"""
TOML = """
[sandbox]
include = []
[workers.remote_words]
url = "http://127.0.0.1:{port}/workers/remote_words"
token = "a-token-both-sides-know"
"""


async def both(tmp_path, start, worker):
    """(the sandbox that drives, the sandbox that hosts the worker the first knows by URL)."""
    near = tmp_path / "near"
    near.mkdir()
    # The worker must know the address of the sandbox that drives it before it is loaded: its port is taken first.
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    worker("remote_words", WORDS, extra=CACHES.format(url=f"http://127.0.0.1:{port}"))
    far = await start()
    (near / "sandbox.toml").write_text(TOML.format(port=far.port), encoding="utf-8")
    driving = await start(root=near, port=port, state=str(tmp_path / "near-state"))
    return driving, far


async def test_it_takes_part_over_http(tmp_path, start, worker):
    driving, _ = await both(tmp_path, start, worker)
    execution = await driving.run("remote_words", {}, input={"text": "one two three"})
    assert execution["state"] == "completed", execution["error"]
    output = await driving.orchestrator.read_output(execution["execution_id"], "remote_words")
    assert json.loads(output)["count"] == 3


async def test_a_large_input_is_fetched_by_reference_with_the_fixed_token(tmp_path, start, worker):
    driving, _ = await both(tmp_path, start, worker)
    execution = await driving.run("remote_words", {}, input={"text": "word " * 2000})
    assert execution["state"] == "completed", execution["error"]
    output = await driving.orchestrator.read_output(execution["execution_id"], "remote_words")
    assert json.loads(output)["count"] == 2000
    assert execution["bytes"]["data"] > 10_000


async def test_a_large_output_in_its_own_kv_is_out_of_reach_and_the_error_says_what_to_do(tmp_path, start, worker):
    driving, _ = await both(tmp_path, start, worker)
    execution = await driving.run("remote_words", {"all": True}, input={"text": "word " * 2000})
    assert execution["state"] == "failed"
    assert execution["error"]["code"] == "ref_unreachable"
    assert "POST" in execution["error"]["hint"] and "/api/data" in execution["error"]["hint"]


async def test_a_worker_that_is_not_there_fails_with_its_address(tmp_path, start):
    (tmp_path / "sandbox.toml").write_text(
        """
[sandbox]
include = []
[workers.gone]
url = "http://127.0.0.1:9"
token = "t"
[pipelines.one]
[[pipelines.one.stages]]
name = "only"
worker = "gone"
retry = { max_attempts = 1 }
""",
        encoding="utf-8",
    )
    driving = await start(serve=False)
    execution = await driving.run("one")
    assert execution["state"] == "failed"
    assert "http://127.0.0.1:9" in execution["error"]["message"]


async def test_faults_and_breakpoints_stand_before_it_as_before_a_hosted_one(tmp_path, start, worker):
    driving, _ = await both(tmp_path, start, worker)
    lost = driving.faults.add(kind="drop", worker="remote_words", route="*/api/process", times=1)
    busy = driving.faults.add(kind="status", status=503, worker="remote_words", at="handshake", times=1)
    driving.breakpoints.add("process:remote_words")
    started = await driving.orchestrator.start_execution("remote_words", {}, input={"text": "one two three"})
    held = await driving.held.next()
    driving.breakpoints.clear()
    driving.held.go_on(held.id, held.as_json()["message"] | {"parameters": {"all": True}})
    execution = await driving.orchestrator.finished(started)
    assert execution["state"] == "completed", execution["error"]
    assert (lost.injected, busy.injected) == (1, 1)
    attempts = [packet["attempt"] for packet in execution["stages"][0]["packets"]]
    assert attempts == [1, 3], "a refused handshake is a new packet, a lost process the same again"
