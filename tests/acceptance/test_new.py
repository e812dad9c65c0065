"""`sandbox new worker`: what it writes runs at once, and nothing is overwritten."""

from __future__ import annotations

import json
import tomllib


def test_a_new_worker_passes_the_probe_and_runs(project, root):
    written = project.sandbox("new", "worker", "word_count")
    assert written.code == 0, written.err
    assert written.out.splitlines() == [
        "wrote .vscode/launch.json",
        "wrote workers/word_count/src/entry.py",
        "wrote workers/word_count/pyproject.toml",
        "wrote workers/word_count/wrangler.toml",
        "try it: sandbox probe word_count",
    ]
    probed = project.sandbox("probe", "word_count")
    assert probed.code == 0, probed.out + probed.err
    assert probed.out.splitlines()[1].split()[:3] == ["word_count", "ok", "ok"]
    ran = project.sandbox("run", "word_count", "-p", "text=to be or not to be", "--out", "made")
    assert ran.code == 0, ran.out + ran.err
    assert json.loads((project.root / "made" / "word_count.json").read_text()) == {"words": 6}
    launch = (project.root / ".vscode" / "launch.json").read_text()
    (attach,) = json.loads(launch)["configurations"]
    assert (attach["request"], attach["connect"]["port"], attach["justMyCode"]) == ("attach", 5678, True)
    assert launch.strip() in (root / "README.md").read_text()
    tomllib.loads((project.root / "workers" / "word_count" / "pyproject.toml").read_text())


def test_nothing_is_overwritten(project):
    (project.root / ".vscode").mkdir()
    (project.root / ".vscode" / "launch.json").write_text("{}")
    folder = project.worker("word_count", "mine = 1\n")
    again = project.sandbox("new", "worker", "Word-Count")
    assert again.code == 1
    assert "word_count is there already" in again.err
    assert (folder / "src" / "entry.py").read_text() == "mine = 1\n"
    other = project.sandbox("new", "worker", "other", "--json")
    assert other.code == 0
    assert other.json["files"] == [
        f"workers/other/{name}" for name in ("src/entry.py", "pyproject.toml", "wrangler.toml")
    ]
    assert (project.root / ".vscode" / "launch.json").read_text() == "{}"
    project.worker("here", wrangler="", folder="elsewhere")
    named = project.sandbox("new", "worker", "HERE")
    assert named.code == 1 and "there is a worker here already, in " in named.err and "elsewhere" in named.err
    wrong = project.sandbox("new", "worker", "../evil")
    assert wrong.code == 2
    assert not (project.root.parent / "evil").exists()


def test_a_sandbox_that_is_up_takes_it_in(project, up):
    project.toml('include = ["services/*"]\n')
    project.worker("greeter", folder="../services/greeter")
    running = up(project)
    assert project.sandbox("new", "worker", "word_count").code == 0
    assert (project.root / "services" / "word_count" / "wrangler.toml").is_file()
    running.wait("word_count is new")
    assert running.ask("/health", worker="word_count").status == 200
