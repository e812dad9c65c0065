"""`sandbox export`: the folder is whole, holds no secret, and runs again from where it is."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]

WRANGLER = """
[vars]
BASE = "http://localhost:9000/x"
[dev]
port = 9123
[[kv_namespaces]]
binding = "CACHE"
id = "my-cache"
preview_id = "else"
[[kv_namespaces]]
binding = "REAL"
id = "0123456789abcdef0123456789abcdef"
"""
NAMESPACES = """
[[kv_namespaces]]
binding = "PROGRESS_CACHE"
id = "progress"
[[kv_namespaces]]
binding = "RESULT_CACHE"
id = "result"
"""
SPEAKER = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "speaker"
    capabilities = {"input_types": ["it's"], "max_processing_time_ms": 1234}

    async def process(self, job):
        return job.input
"""


def test_a_plain_worker(project):
    folder = project.worker("plain", wrangler=WRANGLER)
    (folder / ".dev.vars").write_text("TOKEN=canary-value\n")
    (folder / "src" / ".env.local").write_text("TOKEN=canary-value\n")
    (folder / "src" / "words.json").write_text("[]")
    (folder / "src" / "alias.txt").symlink_to(folder / ".dev.vars")
    done = project.sandbox("export", "plain", "out")
    assert done.code == 0, done.err
    out = project.root / "out"
    names = sorted(str(path.relative_to(out)) for path in out.rglob("*") if path.is_file())
    assert names == ["pyproject.toml", "src/entry.py", "src/words.json", "wrangler.jsonc"]
    assert not any("canary-value" in path.read_text() for path in out.rglob("*") if path.is_file())
    document = json.loads((out / "wrangler.jsonc").read_text())
    assert "dev" not in document
    assert document["kv_namespaces"] == [
        {"binding": "CACHE", "id": "<id of my-cache>"},
        {"binding": "REAL", "id": "0123456789abcdef0123456789abcdef"},
    ]
    assert document["rules"] == [{"type": "Data", "globs": ["words.json"], "fallthrough": True}]
    assert "kv namespace create my-cache" in done.out and "pywrangler deploy" in done.out
    assert "secret put TOKEN" in done.out and "canary-value" not in done.out
    assert "BASE" in done.out and "INSERT" not in done.out


def test_names_are_those_of_addresses(project):
    bound = '[[services]]\nbinding = "NEXT"\nservice = "the_next"\n[env.staging]\nname = "under_staging"\n'
    project.worker("under_score", wrangler=bound)
    project.worker("the_next")
    done = project.sandbox("export", "under_score", "out")
    assert done.code == 0, done.err
    document = json.loads((project.root / "out" / "wrangler.jsonc").read_text())
    assert document["name"] == "under-score"
    assert document["services"] == [{"binding": "NEXT", "service": "the-next"}]
    assert document["env"]["staging"]["name"] == "under-staging"
    assert "called under-score" in done.out and "the worker the-next" in done.out


def test_code_beside_pyproject_is_told_of(project):
    folder = project.worker("flat")
    (folder / "src" / "entry.py").rename(folder / "entry.py")
    file = folder / "wrangler.toml"
    file.write_text(file.read_text().replace("src/entry.py", "entry.py"))
    done = project.sandbox("export", "flat", "out")
    assert done.code == 0 and "put the code into src/" in done.out
    project.worker("kept")
    assert "src/" not in project.sandbox("export", "kept", "out2").out


def test_what_it_refuses(project):
    folder = project.worker("plain")
    assert project.sandbox("export", "plain", "out").code == 0
    again = project.sandbox("export", "plain", "out")
    assert again.code == 1 and "--force" in again.err and "Traceback" not in again.err
    assert project.sandbox("export", "plain", "out", "--force").code == 0
    assert project.sandbox("export", "nobody", "else").code == 1
    inside = project.sandbox("export", "plain", "workers/plain/out")
    assert inside.code == 1 and "inside" in inside.err
    (folder / "src" / "far.txt").symlink_to(project.root / "sandbox.toml")
    leads_out = project.sandbox("export", "plain", "third")
    assert leads_out.code == 1 and "far.txt" in leads_out.err and not (project.root / "third").exists()
    (folder / "src" / "far.txt").unlink()
    (folder / "src" / "entry.py").write_text("from sandbox import clock\n")
    more = project.sandbox("export", "plain", "fourth")
    assert more.code == 1 and "src/entry.py:1 imports sandbox.clock" in more.err


def test_a_worker_of_the_protocol_runs_from_where_it_was_exported(project, tmp_path):
    project.worker("speaker", SPEAKER, wrangler=NAMESPACES)
    done = project.sandbox("export", "speaker", "out", "--url", "https://speaker.example.dev", "--json")
    assert done.code == 0, done.err
    remaining = done.json["remaining"]
    assert "'https://speaker.example.dev', 'active', '{\"input_types\":[\"it''s\"]" in remaining["sql"]
    assert remaining["sql"].endswith("10, 1234);")
    assert len(remaining["namespaces"]) == 2
    assert remaining["secrets"] == [
        "npx wrangler secret put ORCHESTRATOR_URL --name speaker",
        "npx wrangler secret put WORKER_TOKEN --name speaker",
    ]
    (project.root / "registration.sql").write_text(remaining["sql"])
    applied = project.sandbox("registry", "apply", "registration.sql")
    assert applied.code == 0, applied.err

    out = project.root / "out"
    assert (out / "src" / "sandbox" / "handshake" / "worker.py").is_file()
    shutil.rmtree(project.root / "workers")
    file = out / "wrangler.jsonc"
    file.write_text(file.read_text().replace("<id of progress>", "progress").replace("<id of result>", "result"))
    shutil.move(out, project.root / "workers" / "speaker")
    probed = project.sandbox("probe", "speaker")
    assert probed.code == 0, probed.out + probed.err


def test_the_recorded_export_is_what_it_prints(project):
    shutil.copytree(ROOT / "workers" / "bitware_report_builder", project.root / "workers" / "bitware_report_builder")
    done = project.sandbox("export", "bitware_report_builder", "dist/report_builder")
    assert done.code == 0, done.err
    printed = re.sub(r"\d+ files", "N files", done.out.strip())
    for recording in ("README.md", "tests/sessions/export.txt"):
        assert printed in re.sub(r"\d+ files", "N files", (ROOT / recording).read_text()), recording
