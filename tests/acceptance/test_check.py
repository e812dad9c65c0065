"""`sandbox check` as a command: findings with file and line, JSON, and what --strict makes of them."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
ROWS = ROOT / "tests" / "fixtures" / "portability"
SLEEPY = "import time\nfrom workers import WorkerEntrypoint\n\ndef nap():\n    time.sleep(1)\n"


def test_findings_are_warnings_and_errors_with_strict(project):
    project.worker("sleepy", SLEEPY)
    project.worker("greeter")
    plain = project.sandbox("check")
    assert plain.code == 0, plain.err
    assert (
        "workers/sleepy/src/entry.py:5: warning: time.sleep blocks the event loop [time-sleep]. Use await asyncio.sleep."
        in plain.out.splitlines()
    )
    assert plain.out.splitlines()[-1] == "checked 2 workers: 1 finding"
    strict = project.sandbox("check", "--strict")
    assert strict.code == 1
    assert "5: error: time.sleep" in strict.out and "  on Cloudflare: time.sleep" in strict.out
    assert project.sandbox("check", "greeter", "--strict").code == 0
    data = project.sandbox("check", "Sleepy", "--json").json
    assert data["workers"] == ["sleepy"]
    assert [(f["row"], f["line"]) for f in data["findings"]] == [("time-sleep", 5)]
    assert project.sandbox("check", "nobody").code == 1


def test_a_new_worker_is_clean(project):
    assert project.sandbox("new", "worker", "word_count").code == 0
    assert project.sandbox("check", "--strict").code == 0


def test_up_says_it_once_and_refuses_with_strict(project, up):
    project.worker("sleepy", SLEEPY + "\nclass Default(WorkerEntrypoint):\n    pass\n")
    refused = project.sandbox("up", "--strict")
    assert refused.code == 2
    assert "entry.py:5: error: time.sleep" in refused.err and "on Cloudflare: time.sleep" in refused.err
    up(project).wait("entry.py:5: warning: time.sleep blocks the event loop")


PUTS = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        for key in ("a", "a"):
            await self.env.CACHE.put(key, "1")
        return Response("done")
"""
CACHE = '[[kv_namespaces]]\nbinding = "CACHE"\nid = "cache"\n'


def test_what_a_worker_does_is_told_on_the_console_and_in_the_log(project, up):
    project.worker("putter", PUTS, wrangler=CACHE)
    running = up(project)
    assert running.ask(worker="putter").text == "done"
    line = (
        "workers/putter/src/entry.py:7: warning: the key a is put again within a second [put-rate]. Put it less often"
    )
    running.wait(line.replace("[", r"\["))
    assert line in project.sandbox("logs").out
    assert [f["row"] for f in running.ask("/api/check").json["findings"]] == ["put-rate"]


def test_strict_makes_it_fail_while_it_runs(project, up):
    project.worker("putter", PUTS, wrangler=CACHE)
    (project.root / "workers" / "putter" / "pyproject.toml").write_text("[project]\nname = 'putter'\n")
    running = up(project, "--strict")
    assert running.ask(worker="putter").status == 500
    running.wait("KV PUT failed: 429 Too Many Requests")


def test_the_recorded_findings_are_those_of_the_test_workers(project):
    shutil.copytree(ROWS, project.root / "workers", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    found = [line for line in project.sandbox("check").out.splitlines() if ": warning: " in line]
    recorded = (ROOT / "tests" / "sessions" / "check.txt").read_text()
    assert len(found) == 15 and "checked 21 workers: 15 findings" in recorded
    assert [line for line in found if line not in recorded] == []
