"""`sandbox replay`: a stage that failed, mended and run again; and what was recorded, the same again."""

from __future__ import annotations

import json

import pytest

KV = """
[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "progress"
[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "results"
"""
COUNT = """
import random
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "count"

    async def process(self, job):
        return {"words": len(job.input["text"].split()), "roll": random.random()}
"""
AVERAGE = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "average"

    async def process(self, job):
        return {"average": 100 / job.input["words"], "roll": job.input["roll"]}
"""
PIPELINE = """
[pipelines.averages]
[pipelines.averages.parameters.text]
type = "string"
[[pipelines.averages.stages]]
name = "count"
worker = "count"
[[pipelines.averages.stages]]
name = "average"
worker = "average"
needs = ["count"]
retry = { max_attempts = 1 }
"""


@pytest.fixture
def averages(project):
    project.worker("count", COUNT, wrangler=KV)
    project.worker("average", AVERAGE, wrangler=KV)
    project.toml(PIPELINE)
    return project


@pytest.fixture
def failed(averages):
    done = averages.sandbox("run", "averages", "-p", "text=", "--json")
    assert done.code == 1
    return done.json["execution"]["execution_id"]


def mend(project):
    project.worker("average", AVERAGE.replace('/ job.input["words"]', '/ max(1, job.input["words"])'), wrangler=KV)


def test_a_failed_stage_is_run_again_after_the_edit(averages, failed):
    shown = averages.sandbox("executions", "show", failed)
    (line,) = [line for line in shown.out.splitlines() if "sandbox replay" in line]
    command = line.partition("sandbox replay ")[2].split()
    assert command == [failed, "--from", "average"]
    again = averages.sandbox("replay", *command)
    assert again.code == 0
    assert "ZeroDivisionError" in again.out
    assert "all as recorded" in again.out
    mend(averages)
    mended = averages.sandbox("replay", *command)
    assert mended.code == 0, mended.err
    assert "it works now" in mended.out
    assert "average has other code than was recorded" in mended.out
    assert averages.sandbox("executions", "list", "--json").json["executions"][0]["state"] == "failed"


def test_beside_a_sandbox_that_is_up_the_code_that_serves_is_run(averages, failed, up, eventually):
    running = up(averages)
    assert averages.sandbox("replay", failed).code == 0
    mend(averages)
    running.wait("average reloaded")
    report = averages.sandbox("replay", failed, "--json").json
    assert [(stage["stage"], stage["verdict"]) for stage in report["stages"]] == [
        ("count", "same"),
        ("average", "mended"),
    ]
    averages.worker("count", COUNT.replace("random.random()", "0.5"), wrangler=KV)
    running.wait("count reloaded")
    done = averages.sandbox("replay", failed)
    assert done.code == 1
    assert "$.roll: 0." in done.out and "-> 0.5" in done.out
    assert "not as recorded: count" in done.out


def test_the_report_of_this_repository_is_the_same_again(project, root):
    for name in ("bitware_feed_fetcher", "bitware_content_classifier", "bitware_report_builder", "newsroom_sample"):
        project.copy(root / "workers" / name)
    toml = (root / "sandbox.toml").read_text()
    project.toml(toml[toml.index("[egress]") :])
    ran = project.sandbox("run", "feed_report", "--json").json["execution"]
    done = project.sandbox("replay", ran["execution_id"], "--json")
    assert done.code == 0, done.out
    outputs = {stage["name"]: stage["output_ref"]["sha256"] for stage in ran["stages"]}
    assert {stage["stage"]: stage["now"]["sha256"] for stage in done.json["stages"]} == outputs
    assert all(not stage["divergences"] for stage in done.json["stages"])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["exec_00"], 1, "no execution exec_00"),
        (["what"], 2, "no execution's id"),
        ([], 2, "Missing argument"),
    ],
)
def test_mistakes(averages, arguments, code, told):
    done = averages.sandbox("replay", *arguments)
    assert done.code == code
    assert told in done.err
    assert "Traceback" not in done.err


def test_a_stage_that_is_not_there(averages, failed):
    done = averages.sandbox("replay", failed, "--from", "avarage")
    assert done.code == 1
    assert json.dumps("avarage")[1:-1] in done.err and "count, average" in done.err
