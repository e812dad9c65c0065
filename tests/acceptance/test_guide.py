"""The migration guide as printed: its SQL, its curl commands, its table."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import pytest

REAL = ("bitware_feed_fetcher", "bitware_content_classifier", "bitware_report_builder")


@pytest.fixture(scope="module")
def hosted(module_project, module_up, root):
    """The guide's own worker, put into Python by hand, and the three real ones."""
    module_project.copy(root / "tests" / "fixtures" / "workers" / "guide_researcher")
    module_project.copy(root / "tests" / "fixtures" / "workers" / "broken_handshake")
    for name in REAL:
        module_project.copy(root / "workers" / name)
    module_project.copy(root / "workers" / "newsroom_sample")
    egress = '[[egress.routes]]\nmatch = "https://newsroom.test/*"\nfolder = "workers/newsroom_sample/feeds"\n'
    module_project.toml(egress)
    return module_up(module_project)


def blocks(guide, language):
    return re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)


def test_its_sql_as_printed_as_often_as_one_likes(hosted, guide):
    project = hosted.project
    (sql,) = blocks(guide, "sql")
    (project.root / "registration.sql").write_text(sql)
    for _ in range(2):
        done = project.sandbox("registry", "apply", "registration.sql")
        assert (done.code, done.out.strip()) == (0, "registered: bitware_topic_researcher"), done.err
    rows = project.sandbox("registry", "list", "--json").json
    assert [row["worker_name"] for row in rows] == ["bitware_topic_researcher"]
    assert rows[0]["worker_url"] == "https://bitware-topic-researcher.workers.dev"
    assert (rows[0]["max_concurrent_executions"], rows[0]["avg_execution_time_ms"]) == (10, 60000)
    assert "bitware_topic_researcher" in project.sandbox("registry", "list").out
    assert project.sandbox("registry", "apply", "-", stdin=sql).code == 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_its_curl_commands_as_printed_with_only_the_host_changed(hosted, guide):
    commands = [block for block in blocks(guide, "bash") if block.startswith("curl")]
    assert len(commands) == 3
    answers = []
    for command in commands:
        printed = "https://your-worker.workers.dev"
        assert command.count(printed) == 1
        here = command.replace(printed, f"http://guide-researcher.localhost:{hosted.port}")
        # *.localhost is this machine for curl itself; no proxy has a part in it.
        done = subprocess.run(
            ["bash", "-c", here],
            capture_output=True,
            text=True,
            timeout=30,
            env={"PATH": "/usr/bin:/bin", "no_proxy": "*"},
        )
        assert done.returncode == 0, done.stderr
        answers.append(json.loads(done.stdout))
    handshake, process, progress = answers
    assert handshake["success"] is True and handshake["packet_id"] == "test-123" and handshake["status"] == "ready"
    assert set(handshake["capabilities"]) >= {"input_types", "output_types", "max_processing_time_ms"}
    assert process["success"] is True and process["packet_id"] == "test-123"
    assert process["output_ref"]["storage_type"] == "reference" and process["output_ref"]["size_bytes"] >= 1024
    assert progress["progress"] == 100


@pytest.mark.parametrize("worker", ["guide_researcher", *REAL])
def test_an_unknown_packet(hosted, worker):
    answer = hosted.ask("/api/progress/never-heard-of", worker=worker)
    assert answer.status == 200
    assert (answer.json["stage"], answer.json["progress"]) == ("unknown", 0)


def test_the_table(hosted):
    done = hosted.project.sandbox("probe", "guide_researcher", *REAL)
    assert done.code == 0, done.out
    lines = done.out.splitlines()
    assert lines[0].split() == ["Worker", "Status", "Handshake", "References", "Progress", "Checkpoints", "Deployed"]
    cells = {line.split()[0]: line.split()[1:] for line in lines[1:5]}
    for name in REAL:
        assert cells[name][:5] == ["ok"] * 5, lines
    assert cells["guide_researcher"][:5] == ["ok", "ok", "ok", "ok", "claimed"]
    assert "guide_researcher, Checkpoints: " in done.out


def test_a_broken_worker_turns_the_exit_code(hosted):
    done = hosted.project.sandbox("probe", "broken_handshake")
    assert done.code == 1 and "FAILED" in done.out and "broken_handshake, Handshake: " in done.out
    rows = hosted.project.sandbox("probe", "broken_handshake", "guide_researcher", "--json")
    assert rows.code == 1
    assert {row["worker"]: row["failed"] for row in rows.json} == {"broken_handshake": True, "guide_researcher": False}


def test_a_worker_by_its_url(hosted):
    done = hosted.project.sandbox("probe", f"http://guide-researcher.localhost:{hosted.port}", "--json")
    (row,) = done.json
    assert row["cells"]["Handshake"]["state"] == "ok" and row["cells"]["Status"]["state"] == "ok"


def test_a_planted_reference_reaches_a_worker_by_curl(hosted):
    project = hosted.project
    (project.root / "topic.json").write_text(json.dumps({"query": "night trains"}))
    assert project.sandbox("ref", "put", "ref_by_hand", "@topic.json").code == 0
    assert json.loads(project.sandbox("ref", "get", "ref_by_hand").out) == {"query": "night trains"}
    assert "ref_by_hand" in project.sandbox("ref", "list").out
    body = {
        "packet_id": "p-1",
        "execution_id": "e-1",
        "input_ref": {"ref_id": "ref_by_hand", "storage_type": "reference"},
        "parameters": {},
    }
    answer = hosted.ask("/api/process", worker="guide_researcher", method="POST", json_body=body)
    assert answer.status == 200 and answer.json["success"] is True, answer.text
    shown = project.sandbox(
        "kv", "key", "get", answer.json["output_ref"]["ref_id"], "--namespace-id", "guide-result-cache"
    )
    assert json.loads(shown.out)["topic"] == "night trains"
    token = project.sandbox("workers", "show", "guide_researcher", "--json").json["token"]
    headers = {"Authorization": f"Bearer {token}", "X-Worker-ID": "guide_researcher"}
    assert hosted.ask("/api/data/ref_by_hand", headers=headers).json == {"query": "night trains"}
