"""What a dev server must not do, asked of the real one. The long lists are tested at the guard itself."""

from __future__ import annotations

import json
import socket
import time

import pytest

LEAKY = """
import logging
from workers import Response, WorkerEntrypoint, fetch

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        kind = request.url.rpartition("/")[2]
        secret = getattr(self.env, "CANARY_" + kind.rpartition("-")[2], "none")
        if kind.startswith("raise"):
            raise ValueError("it was " + secret)
        if kind.startswith("cause"):
            try:
                {}[secret]
            except KeyError as error:
                raise RuntimeError("worse") from error
        if kind.startswith("print"):
            print("it is", secret)
            logging.getLogger("x").error("again %s", secret)
            return Response("ok")
        if kind.startswith("fetch"):
            await fetch("https://elsewhere.test/?key=" + secret, headers={"Authorization": "Bearer " + secret})
        if kind.startswith("header"):
            return Response("x", headers={"X-Bad": "a" + chr(10) + secret})
        if kind.startswith("body"):
            raise ValueError(await request.text())
        if kind.startswith("html"):
            return Response("<script>1</script>", headers={"Content-Type": "text/html"})
        return Response("ok")
"""
CANARIES = {f"CANARY_{number}": f"canary-{number:02}-{'%x' % (7919**5 + number * 104729)}/+=&" for number in range(20)}


@pytest.fixture(scope="module")
def server(module_project, module_up):
    folder = module_project.worker("leaky", LEAKY)
    module_project.worker("plain")
    (folder / ".dev.vars").write_text("".join(f"{name}='{value}'\n" for name, value in CANARIES.items()))
    return module_up(module_project, "--log-level", "debug")


def test_it_listens_on_this_machine_alone(server):
    """Row 1."""
    own = {
        info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None) if info[4][0] not in ("127.0.0.1", "::1")
    }
    for address in own:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family) as client:
            client.settimeout(2)
            if not address.startswith("127."):
                assert client.connect_ex((address, server.port)) != 0, address
    done = server.project.sandbox("up", "--ip", "0.0.0.0", "--persist-to", "other")
    assert done.code == 2 and "other machines" in done.err and "--token" in done.err


@pytest.mark.parametrize(
    "host",
    [
        "evil.com",
        "localhost.evil.com",
        "127.0.0.1.nip.io",
        "0177.0.0.1",
        "127.1",
        "0.0.0.0",
        "[::::",
        "localhost.",
        "a@localhost",
    ],
)
def test_foreign_hosts_are_refused(server, host):
    """Row 2."""
    answer = server.ask("/health", host=host if "[" in host else f"{host}:{server.port}")
    assert answer.status in (400, 403) and answer.json["success"] is False


def test_an_absolute_target_does_not_override_host(server):
    """Row 2."""
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(f"GET http://evil.com/health HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        assert client.recv(4096).split()[1] == b"400"
    assert server.ask("/health").status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "null"},
        {"Origin": "http://evil.com"},
        {"Origin": "http://localhost:1"},
        {"Origin": "https://localhost:{port}"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_foreign_origins_change_nothing(server, headers):
    """Row 3."""
    sent = {name: value.replace("{port}", str(server.port)) for name, value in headers.items()}
    for method, path in (("POST", "/api/executions"), ("PUT", "/api/references/x"), ("POST", "/api/registry")):
        assert server.ask(path, method=method, body="{}", headers=sent).status == 403, (method, path)
    own = {"Origin": f"http://localhost:{server.port}", "Sec-Fetch-Site": "same-origin"}
    assert server.ask("/api/executions", method="POST", body="{}", headers=own).status == 400


def test_headers_of_our_own_answers(server):
    """Rows 4 and 5."""
    for path in ("/", "/health", "/api/workers", "/nothing"):
        answer = server.ask(path, headers={"Origin": "http://evil.com", "Accept": "text/html"})
        assert "access-control-allow-origin" not in answer.headers
        assert answer.headers["x-content-type-options"] == "nosniff"
    page = server.ask("/")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "script-src" not in page.headers["content-security-policy"] and "<script" not in page.text
    assert server.ask("/workers/leaky/html").headers["content-security-policy"] == "sandbox"
    assert "content-security-policy" not in server.ask("/html", worker="leaky").headers


@pytest.mark.parametrize(
    "path", ["/api/../x", "/api/%2e%2e/x", "/api/a%2fb", "/api/a%00b", "/api/a\\b", "/" + "a" * 2100]
)
def test_odd_paths_of_our_own_routes(server, path):
    """Row 5."""
    assert server.ask(path).status == 400


@pytest.mark.parametrize("name", ["a/b", "..", "ä", "x" * 65, "a b"])
def test_names(project, name):
    """Row 6."""
    project.worker("good", wrangler=f'[[kv_namespaces]]\nbinding = "KV"\nid = {json.dumps(name)}\n')
    bad = project.worker("bad", folder="bad")
    (bad / "wrangler.toml").write_text(f'name = {json.dumps(name)}\nmain = "src/entry.py"\n')
    done = project.sandbox("up")
    assert done.code == 1 and "Traceback" not in done.err
    assert "bad/wrangler.toml: name" in done.err and "kv_namespaces[0].id" in done.err


def test_a_link_out_of_a_workers_folder_is_not_followed(project, up):
    """Row 5."""
    outside = project.root / "outside.py"
    outside.write_text("SECRET = 1\n")
    folder = project.worker(
        "one", "import linked\nfrom workers import WorkerEntrypoint\nclass Default(WorkerEntrypoint): pass\n"
    )
    (folder / "src" / "linked.py").symlink_to(outside)
    sandbox = up(project)
    answer = sandbox.ask(worker="one")
    assert answer.status == 503 and "linked" in answer.text


def test_canaries_never_come_out(server):
    """Row 10: error pages, JSON errors, our API, the console and the journal."""
    answers = []
    for number, value in enumerate(CANARIES.values()):
        for kind in ("raise", "cause", "print", "fetch", "header"):
            for accept in ("text/html", "*/*"):
                answers.append(server.ask(f"/{kind}-{number}", worker="leaky", headers={"Accept": accept}))
        sent = {"Authorization": f"Bearer {value}", "X-Sandbox-Token": value, "Cookie": f"a={value}"}
        answers.append(server.ask(f"/body-{number}", worker="leaky", method="POST", body=value, headers=sent))
        answers.append(server.ask(f"/workers/nobody/{number}", headers=sent))
        answers.append(server.ask("/api/data/ref_x", headers=sent))
        answers.append(server.ask("/api/executions", method="POST", body=json.dumps({"pipeline": value}), headers=sent))
    assert sum(answer.status >= 400 for answer in answers) > 200
    for path in ("/api/workers", "/api/workers/leaky", "/api/executions", "/api/references", "/health", "/"):
        answers.append(server.ask(path))
    server.ask("/print-0", worker="leaky")
    server.ask("/last", worker="leaky")
    server.wait("/last 200")
    told = "\n".join(answer.text for answer in answers) + server.console
    assert "[secret]" in told
    for name, value in CANARIES.items():
        for form in (value, json.dumps(value)[1:-1], value.replace("&", "&amp;"), value.partition("/")[0]):
            assert form not in told, name
    shown = server.project.sandbox("workers", "show", "leaky")
    assert "CANARY_3" in shown.out and "canary-" not in shown.out
    for path in server.project.state.rglob("*"):
        if path.is_file():
            assert b"canary-" not in path.read_bytes(), path


STAGE = """
import asyncio
from pathlib import Path
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "{name}"

    async def process(self, job):
        while Path({gate!r}).exists() and self.name == "two":
            await asyncio.sleep(0.02)
        return {{"by": self.name, "padding": "x" * 2000}}
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
[pipelines.p]
[[pipelines.p.stages]]
name = "first"
worker = "one"
[[pipelines.p.stages]]
name = "second"
worker = "two"
needs = ["first"]
"""


def test_who_may_read_which_reference(project, up, eventually):
    """Row 11: own, input of a live packet, foreign, input of a finished one, and random ids."""
    gate = project.root / "gate"
    gate.touch()
    for name in ("one", "two", "three"):
        project.worker(name, STAGE.format(name=name, gate=str(gate)), wrangler=KV)
    project.toml(PIPELINE)
    sandbox = up(project)
    tokens = {
        row["name"]: row["token"]
        for row in (project.sandbox("workers", "show", name, "--json").json for name in ("one", "two", "three"))
    }
    execution = project.sandbox("run", "p", "--detach", "--json").json["execution_id"]

    def stages():
        shown = sandbox.ask(f"/api/executions/{execution}").json["execution"]
        return {stage["name"]: stage for stage in shown["stages"]}

    eventually(lambda: stages()["second"]["state"] == "running" and stages()["second"]["packets"])
    reference = stages()["first"]["output_ref"]["ref_id"]

    def read(name, ref=reference, *, token=None, claimed=None):
        headers = {"Authorization": f"Bearer {token or tokens[name]}", "X-Worker-ID": claimed or name}
        return sandbox.ask(f"/api/data/{ref}", headers=headers)

    assert read("one").status == 200 and read("one").json["by"] == "one"
    eventually(lambda: read("two").status == 200)
    missing = read("three")
    assert missing.status == 404
    unknown = read("three", "ref_" + "0" * 32)
    assert unknown.status == 404
    assert unknown.text.replace("ref_" + "0" * 32, "REF") == missing.text.replace(reference, "REF")
    assert read("three", token=tokens["one"]).status in (401, 403, 404)
    assert read("three", claimed="one").status in (401, 403, 404)
    assert sandbox.ask(f"/api/data/{reference}").status in (401, 403, 404)
    gate.unlink()
    eventually(lambda: sandbox.ask(f"/api/executions/{execution}").json["execution"]["state"] == "completed")
    assert read("two").status == 404
    assert read("one").status == 200
    assert all(read("one", f"ref_{number:032x}").status == 404 for number in range(200))


def test_a_hanging_head_of_a_request_stops_nobody(server):
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost:")
        began = time.monotonic()
        assert server.ask(worker="plain").text == "plain"
        assert time.monotonic() - began < 10
