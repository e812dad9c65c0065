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


IN_ENVIRONMENTS = """
[[d1_databases]]
binding = "DB"
database_name = "orders"
[[r2_buckets]]
binding = "FILES"
bucket_name = "papers"
[[services]]
binding = "BILLING"
service = "Other_Teams_billing"
[env.production]
kv_namespaces = [{ binding = "CACHE", id = "live" }]
services = [{ binding = "NEXT", service = "the_next-production" }]
[env.staging]
name = "tried_out"
vars = { MODE = "staging" }
"""


def test_an_environment_is_exported_with_its_own_commands(project, up):
    project.worker("under_score", wrangler=WRANGLER + IN_ENVIRONMENTS)
    project.worker("the_next")
    top = project.sandbox("export", "under_score", "top", "--json").json
    assert (top["name"], top["environment"]) == ("under-score", None)
    assert top["remaining"]["namespaces"] == [
        "npx wrangler kv namespace create my-cache",
        "npx wrangler d1 create orders",
        "npx wrangler r2 bucket create papers",
    ]
    assert top["placeholders"] == {"my-cache": "<id of my-cache>", "orders": "<id of orders>"}
    document = json.loads((project.root / "top" / "wrangler.jsonc").read_text())
    assert document["d1_databases"][0]["database_id"] == "<id of orders>"
    # A worker of somebody else is called as it is written.
    assert document["services"] == [{"binding": "BILLING", "service": "Other_Teams_billing"}]
    assert document["env"]["production"]["services"] == [{"binding": "NEXT", "service": "the-next-production"}]

    running = up(project)  # serves the top level
    live = project.sandbox("export", "under_score", "live", "-e", "production", "--json").json
    assert (live["name"], live["environment"]) == ("under-score-production", "production")
    assert live["remaining"]["namespaces"] == ["npx wrangler kv namespace create live"]
    assert live["remaining"]["deploy"] == "cd live && uvx --from workers-py pywrangler deploy --env production"
    assert any("NEXT is bound to the worker the-next-production" in note for note in live["notes"])
    tried = project.sandbox("export", "under_score", "tried", "--json", CLOUDFLARE_ENV="staging").json
    assert (tried["name"], tried["remaining"]["namespaces"]) == ("tried-out", [])
    assert running.stop() == 0


def test_an_environment_of_a_worker_of_the_protocol(project, up):
    project.worker(
        "speaker",
        SPEAKER,
        wrangler=NAMESPACES + '[env.live]\nname = "loud"\n' + NAMESPACES.replace("[[", "[[env.live."),
    )
    running = up(project)
    done = project.sandbox("export", "speaker", "out", "-e", "live")
    assert done.code == 0 and not done.err, done.err
    assert "'https://loud.<SUBDOMAIN>.workers.dev'" in done.out and "secret put WORKER_TOKEN --name loud" in done.out
    assert running.stop() == 0


def test_why_there_is_no_sql(project):
    project.worker("speaker", SPEAKER.replace("capabilities =", "capabilities = 1 or"), wrangler=NAMESPACES)
    done = project.sandbox("export", "speaker", "out")
    assert done.code == 0 and "INSERT" not in done.out
    assert done.err.startswith("note: there is no SQL, for the handshake with speaker failed: TypeError"), done.err


def test_rules_upload_every_file(project):
    rules = """
rules = [{ type = "Data", globs = ["a.json"] }, { type = "Data", globs = ["b.json"], fallthrough = true }]
[env.live]
rules = [{ type = "Text", globs = ["a.json"] }]
"""
    folder = project.worker("ruled", wrangler=rules)
    for name in ("a.json", "b.json", "c.json"):
        (folder / "src" / name).write_text("1")
    checked = project.sandbox("check", "ruled")
    assert "b.json has no effect" in checked.out + checked.err, checked
    assert project.sandbox("export", "ruled", "out").code == 0
    document = json.loads((project.root / "out" / "wrangler.jsonc").read_text())
    assert document["rules"] == [
        {"type": "Data", "globs": ["b.json", "c.json"], "fallthrough": True},
        {"type": "Data", "globs": ["a.json"], "fallthrough": True},
        {"type": "Data", "globs": ["b.json"], "fallthrough": True},
    ]
    assert document["env"]["live"]["rules"] == [
        {"type": "Data", "globs": ["b.json", "c.json"], "fallthrough": True},
        {"type": "Text", "globs": ["a.json"]},
    ]


def test_assets_of_the_repository_are_served_and_exported(project, up):
    (project.root / "web" / "dist").mkdir(parents=True)
    (project.root / "web" / "dist" / "index.html").write_text("<p>front")
    (project.root / "web" / "dist" / ".env").write_text("TOKEN=canary-value")
    folder = project.worker("api", wrangler='[assets]\ndirectory = "../../web/dist"\n')
    (folder / "dist").mkdir()
    (folder / "dist" / "own.txt").write_text("")
    running = up(project)
    assert running.ask("/", worker="api").text == "<p>front"
    assert running.ask("/.env", worker="api").text != "TOKEN=canary-value"
    assert running.stop() == 0
    assert project.sandbox("export", "api", "out").code == 0
    out = project.root / "out"
    assert json.loads((out / "wrangler.jsonc").read_text())["assets"] == {"directory": "./dist-2"}
    assert [path.name for path in (out / "dist-2").iterdir()] == ["index.html"]

    file = folder / "wrangler.toml"
    file.write_text(file.read_text().replace("../../web/dist", "./public"))
    (folder / "public").mkdir()
    assert project.sandbox("export", "api", "empty").code == 0
    assert (project.root / "empty" / "public").is_dir()
    (folder / "public").rmdir()
    (folder / "public").symlink_to(project.root / "web")
    assert "leads out of the worker's folder" in project.sandbox("check").err
    file.write_text(file.read_text().replace("./public", "../.."))
    assert "holds the worker's own folder" in project.sandbox("check").err


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
