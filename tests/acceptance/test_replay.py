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
    assert again.code == 1
    assert "ZeroDivisionError" in again.out
    assert "as recorded: average still fails" in again.out
    mend(averages)
    mended = averages.sandbox("replay", *command)
    assert mended.code == 0, mended.err
    assert "it works now" in mended.out
    assert "average has other code than was recorded" in mended.out
    run = averages.sandbox("executions", "rerun", *command, "--json")
    assert run.code == 0, run.err
    assert [stage["attempts"] for stage in run.json["execution"]["stages"]] == [0, 1]
    listed = averages.sandbox("executions", "list", "--json").json["executions"]
    assert [execution["state"] for execution in listed] == ["completed", "failed"]


def test_beside_a_sandbox_that_is_up_the_code_that_serves_is_run(averages, failed, up, eventually):
    running = up(averages)
    assert averages.sandbox("replay", failed).code == 1
    assert averages.sandbox("executions", "export", failed, "bug.zip").code == 0
    assert "is here already" in averages.sandbox("executions", "import", "bug.zip").err
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


@pytest.mark.parametrize("beside", [False, True])
def test_pdb_opens_here_at_the_exception_and_then_the_replay_ends(averages, failed, make_terminal, up, beside):
    if beside:
        up(averages)
    again = make_terminal("replay", failed, "--from", "average", "--pdb", cwd=averages.root)
    again.expect("raised ZeroDivisionError: division by zero")
    again.expect(r"\(Pdb\) ")
    assert "0" in again.say("p job.input['words']")
    again.say("c", then=None)
    again.expect("as recorded: average still fails")
    assert again.end() == 1


def copy_of_the_repository(project, root, *, routes: bool) -> None:
    for folder in sorted((root / "workers").glob("bitware_*")):
        project.copy(folder)
    if routes:
        project.copy(root / "workers" / "newsroom_sample")
    toml = (root / "sandbox.toml").read_text()
    project.toml(toml[toml.index("[egress]" if routes else "[pipelines.") :])


def test_the_report_of_this_repository_is_the_same_again_here_and_elsewhere(project, make_project, root, tmp_path):
    copy_of_the_repository(project, root, routes=True)
    ran = project.sandbox("run", "feed_report", "--json").json["execution"]
    outputs = {stage["name"]: stage["output_ref"]["sha256"] for stage in ran["stages"]}
    here = project.sandbox("replay", ran["execution_id"], "--json")
    bundle = tmp_path / "report.zip"
    written = project.sandbox("executions", "export", ran["execution_id"], str(bundle))
    assert written.code == 0, written.err

    elsewhere = make_project(tmp_path / "elsewhere")
    copy_of_the_repository(elsewhere, root, routes=False)
    imported = elsewhere.sandbox("executions", "import", str(bundle))
    assert imported.code == 0, imported.err
    assert f"sandbox replay {ran['execution_id']}" in imported.out
    there = elsewhere.sandbox("replay", ran["execution_id"], "--json")
    for done in (here, there):
        assert done.code == 0, done.out + done.err
        assert {stage["stage"]: stage["now"]["sha256"] for stage in done.json["stages"]} == outputs
        assert not any(stage["divergences"] or stage["other_code"] for stage in done.json["stages"])


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["exec_00"], 1, "no execution exec_00"),
        (["r1", "--from", "average"], 2, "--from is for an execution"),
        ([], 2, "Missing argument"),
        (["exec_00", "--pdb"], 2, "--pdb needs a terminal"),
    ],
)
def test_mistakes(averages, arguments, code, told):
    done = averages.sandbox("replay", *arguments)
    assert done.code == code
    assert told in done.err
    assert "Traceback" not in done.err


def test_files_that_cannot_be_imported_or_written(averages, failed, tmp_path):
    (tmp_path / "no.zip").write_text("no zip at all")
    bundle = tmp_path / "bug.zip"
    assert averages.sandbox("executions", "export", failed, str(bundle)).code == 0
    assert averages.sandbox("executions", "import", str(bundle), "--persist-to", "other").code == 0
    assert "failed, imported" in averages.sandbox("executions", "list", "--persist-to", "other").out
    for arguments, code, told in (
        (["import", str(tmp_path / "no.zip")], 1, "no exported execution"),
        (["import", str(tmp_path / "nothing.zip")], 2, "No such file"),
        (["import", str(bundle)], 1, "is here already"),
        (["export", failed, str(tmp_path / "no" / "folder.zip")], 1, "No such file"),
        (["export", failed, str(bundle)], 1, "is there already"),
        (["export", failed, str(tmp_path / "no.zip")], 1, "--force"),
    ):
        done = averages.sandbox("executions", *arguments)
        assert done.code == code, done.err
        assert told in done.err
        assert "Traceback" not in done.err


def test_a_stage_that_is_not_there(averages, failed):
    done = averages.sandbox("replay", failed, "--from", "avarage")
    assert done.code == 1
    assert json.dumps("avarage")[1:-1] in done.err and 'did you mean "average"?' in done.err
