"""The pipeline of the quick start over the sample newsroom, and the six workers' own probes."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STAGES = ["research", "universal", "sources", "fetch", "classify", "report"]


def test_six_stages_make_a_report(project):
    out = project.root / "out"
    done = project.sandbox(
        "run", "topic_report", "--json", "--persist-to", str(project.state), "--out", str(out), cwd=ROOT
    )
    assert done.code == 0, done.err
    stages = {stage["name"]: stage for stage in json.loads(done.out)["execution"]["stages"]}
    assert sorted(stages) == sorted(STAGES)
    assert {stage["state"] for stage in stages.values()} == {"succeeded"}
    # Neither researcher waits for the other.
    both = (stages["research"], stages["universal"])
    ended = [stage["finished_at"] for stage in both]
    assert max(stage["started_at"] for stage in both) < min(ended) and max(ended) <= stages["sources"]["started_at"]
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    assert report["totals"]["articles_relevant"] >= 5
    assert any(angle["articles"] for angle in report["angles"]) and report["questions"]
    assert [note for note in report["notes"] if "could not be read" in note]


def test_over_live_feeds_without_a_network_it_says_what_is_missing(project):
    given = ("-p", "topic=battery recycling", "-p", "catalogue=public")
    done = project.sandbox("run", "topic_report", *given, "--persist-to", str(project.state), cwd=ROOT)
    assert done.code == 1
    assert re.search(r"fetch: none of the \d+ feeds could be read; https://", done.err)
    assert "`--egress online`" in done.err and "Traceback" not in done.err + done.out


def test_probe_is_green_for_all_six(project):
    done = project.sandbox("probe", "--json", "--persist-to", str(project.state), cwd=ROOT)
    assert done.code == 0, done.err
    rows = json.loads(done.out)
    names = sorted(path.parent.name for path in (ROOT / "workers").glob("bitware_*/wrangler.toml"))
    assert [row["worker"] for row in rows] == names and len(names) == 6
    for row in rows:
        told = {cell: value["state"] for cell, value in row["cells"].items() if cell != "Deployed"}
        assert set(told.values()) == {"ok"}, row


def test_up_shows_what_runs_at_the_same_time(project, up):
    started = up(project, "--port", "0", "--persist-to", str(project.state), cwd=ROOT)
    line = "  pipeline topic_report: research + universal -> sources -> fetch -> classify -> report"
    assert line in started.lines
