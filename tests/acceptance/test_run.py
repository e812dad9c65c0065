"""`sandbox run`: pipelines and single workers, with and without a sandbox that is up, and what becomes of executions."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys

import pytest

STAGE = """
import asyncio
from pathlib import Path
from sandbox.handshake import HandshakeWorker, NonRetryable

class Default(HandshakeWorker):
    name = "{name}"

    async def process(self, job):
        print("began", self.name)
        if job.parameters.get("fail"):
            raise NonRetryable("told to fail")
        await job.progress(40, "on it")
        while Path({gate!r}).exists():
            await asyncio.sleep(0.02)
        return {{"by": self.name, "input": job.input, "parameters": job.parameters, "html": "<!doctype html><p>page"}}
"""
KV = """
[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "progress"
[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "results"
"""
PIPELINE = """
[pipelines.two]
description = "two stages"
[pipelines.two.parameters.topic]
type = "string"
required = true
help = "what about"
[pipelines.two.parameters.count]
type = "integer"
default = 3
[[pipelines.two.stages]]
name = "first"
worker = "one"
[[pipelines.two.stages]]
name = "second"
worker = "two"
needs = ["first"]
"""


@pytest.fixture
def gate(project):
    """While this file is there, stages do not end."""
    return project.root / "gate"


@pytest.fixture
def stages(project, gate):
    for name in ("one", "two"):
        project.worker(name, STAGE.format(name=name, gate=str(gate)), wrangler=KV)
    project.toml(PIPELINE)
    return project


def output(project, done):
    (path,) = [line.strip() for line in done.out.splitlines() if line.strip().endswith(".json")]
    return json.loads((project.root / path).read_text())


def test_the_same_pipeline_with_and_without_a_sandbox_that_is_up(stages, up):
    alone = stages.sandbox("run", "two", "-p", "topic=night trains")
    assert alone.code == 0, alone.err
    sandbox = up(stages)
    beside = stages.sandbox("run", "two", "-p", "topic=night trains")
    assert beside.code == 0, beside.err
    assert output(stages, alone) == output(stages, beside)
    assert output(stages, alone)["input"]["input"] == {"topic": "night trains", "count": 3}
    for done in (alone, beside):
        lines = done.out.splitlines()
        assert lines[0].startswith("two  ok  ")
        assert lines[1].split()[:2] == ["Stage", "Worker"]
        assert [line.split()[:3] for line in lines[2:4]] == [
            ["first", "one", "succeeded"],
            ["second", "two", "succeeded"],
        ]
        assert any(line.strip().endswith("second.html") for line in lines)
    sandbox.wait("exec_.* completed")
    listed = stages.sandbox("executions", "list", "--json").json
    assert [row["state"] for row in listed["executions"]] == ["completed", "completed"]


def test_out_json_and_parameters(stages):
    done = stages.sandbox("run", "two", "-p", "topic=5", "-p", "count=7", "--out", "here/and there", "--json")
    assert done.code == 0, done.err
    assert done.json["execution"]["state"] == "completed"
    assert sorted(done.json["files"]) == ["here/and there/second.html", "here/and there/second.json"]
    made = json.loads((stages.root / "here" / "and there" / "second.json").read_text())
    assert made["input"]["input"] == {"topic": "5", "count": 7}
    assert "\x1b[" not in done.out + done.err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ([], ["topic", "required"]),
        (["-p", "topic=x", "-p", "toopic=y"], ["toopic", "unknown"]),
        (["-p", "topic=x", "-p", "count=many"], ["count", "integer"]),
    ],
)
def test_wrong_parameters_list_what_there_is(stages, given, told):
    done = stages.sandbox("run", "two", *given)
    assert done.code == 1 and "Traceback" not in done.err
    assert all(word in done.err for word in told), done.err
    assert "topic (string" in done.err and "count (integer" in done.err


def test_one_worker_by_a_file_and_by_standard_input(stages):
    (stages.root / "in.json").write_text('{"query": "x"}')
    by_file = stages.sandbox("run", "one", "--input", "in.json")
    by_stream = stages.sandbox("run", "one", "--input", "-", "-p", "depth=2", stdin='{"query": "x"}')
    assert by_file.code == by_stream.code == 0, by_stream.err
    assert output(stages, by_file) == {**output(stages, by_stream), "parameters": {}}
    assert output(stages, by_stream)["parameters"] == {"depth": 2}
    assert output(stages, by_file)["input"] == {"query": "x"}


def test_a_failure_says_where_and_why(stages):
    done = stages.sandbox("run", "one", "-p", "fail=true")
    assert done.code == 1
    assert "told to fail" in done.err and "Traceback" not in done.err
    assert "one  failed" in done.out


def test_detach_show_cancel(stages, gate, up, eventually):
    gate.touch()
    sandbox = up(stages)
    done = stages.sandbox("run", "two", "-p", "topic=x", "--detach", "--json")
    assert done.code == 0, done.err
    execution = done.json["execution_id"]
    sandbox.wait("one began one")
    eventually(lambda: stages_of(sandbox, execution)["first"]["progress"] == 40)
    shown = stages.sandbox("executions", "show", execution)
    assert shown.code == 0 and "two  running" in shown.out and "first" in shown.out
    listed = stages.sandbox("executions", "list", "--status", "running")
    assert execution in listed.out
    cancelled = stages.sandbox("executions", "cancel", execution)
    assert cancelled.code == 0 and cancelled.out.split()[-1] in ("cancelling", "cancelled")
    eventually(lambda: sandbox.ask(f"/api/executions/{execution}").json["execution"]["state"] == "cancelled")
    gate.unlink()
    shown = stages.sandbox("executions", "show", execution)
    assert "two  cancelled" in shown.out
    again = stages.sandbox("executions", "cancel", execution)
    assert again.code == 1 and "is not running" in again.err


def stages_of(sandbox, execution):
    shown = sandbox.ask(f"/api/executions/{execution}").json["execution"]
    return {stage["name"]: stage for stage in shown["stages"]}


def test_a_stale_worker_is_refused_unless_one_says_so(stages, up):
    sandbox = up(stages)
    entry = stages.root / "workers" / "one" / "src" / "entry.py"
    entry.write_text(entry.read_text() + "\nthis is no python\n")
    sandbox.wait("one does not load")
    done = stages.sandbox("run", "two", "-p", "topic=x")
    assert done.code == 1 and "entry.py" in done.err and "--allow-stale" in done.err
    done = stages.sandbox("run", "two", "-p", "topic=x", "--allow-stale")
    assert done.code == 0, done.err


def test_a_worker_that_does_not_load_is_refused(stages):
    entry = stages.root / "workers" / "two" / "src" / "entry.py"
    entry.write_text("this is no python\n")
    done = stages.sandbox("run", "two", "-p", "topic=x", "--allow-stale")
    assert done.code == 1 and "two" in done.err and "src/entry.py:1" in done.err and "Traceback" not in done.err


def test_executions_after_kill_9(stages, gate, up):
    gate.touch()
    sandbox = up(stages)
    execution = stages.sandbox("run", "two", "-p", "topic=x", "--detach", "--json").json["execution_id"]
    sandbox.wait("one began one")
    sandbox.stop(signal.SIGKILL)
    gate.unlink()
    sandbox = up(stages)
    assert "1 execution was cut short when the sandbox last ended" in sandbox.console
    shown = stages.sandbox("executions", "show", execution)
    assert "interrupted" in shown.out + shown.err
    assert stages.sandbox("run", "two", "-p", "topic=x").code == 0


def test_progress_is_drawn_on_a_terminal_only(stages, gate):
    gate.touch()
    leader, follower = pty.openpty()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SANDBOX")}
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "two", "-p", "topic=x"],
        cwd=stages.root,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**environment, "TERM": "xterm-256color", "COLUMNS": "120"},
    )
    os.close(follower)
    said = b""
    try:
        while b"%" not in said or b"on it" not in said:
            said += os.read(leader, 65536)
        gate.unlink()
        while b"second.json" not in said:
            said += os.read(leader, 65536)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait(30)
        os.close(leader)
    assert b"first" in said and b"\x1b[" in said
    plain = stages.sandbox("run", "two", "-p", "topic=x")
    assert "\x1b[" not in plain.out + plain.err and "%" not in plain.err


def test_ctrl_c_of_a_run_cancels_it_and_leaves_the_state_usable(stages, gate):
    gate.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "two", "-p", "topic=x"],
        cwd=stages.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "began" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in err
    gate.unlink()
    assert stages.sandbox("run", "two", "-p", "topic=x").code == 0
