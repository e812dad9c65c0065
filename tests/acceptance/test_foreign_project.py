"""Somebody else's monorepo, which knows nothing of us: three workers in `apps/*`, as Cloudflare's documentation has them.

It is served without an edit. Only the ports that its files name are moved in a copy, since tests run side by side.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

MONOREPO = Path(__file__).parents[1] / "foreign_project"
PORTS = ("8788", "8789", "8790", "5173")


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for opened in sockets:
            opened.bind(("127.0.0.1", 0))
        return [opened.getsockname()[1] for opened in sockets]
    finally:
        for opened in sockets:
            opened.close()


def copy_to(folder: Path) -> dict[str, int]:
    """A copy of the monorepo whose ports are free ones; which stands for which."""
    shutil.copytree(MONOREPO, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    for path in (*folder.glob("apps/*/wrangler.jsonc"), folder / "web" / "config.js"):
        text = path.read_text(encoding="utf-8")
        for old, new in ports.items():
            text = text.replace(old, str(new))
        path.write_text(text, encoding="utf-8")
    return ports


@pytest.fixture(scope="module")
def monorepo(make_project, tmp_path_factory):
    folder = tmp_path_factory.mktemp("foreign") / "tideline"
    ports = copy_to(folder)
    project = make_project(folder)
    (folder / "sandbox.toml").unlink()
    project.ports = ports
    return project


@pytest.fixture(scope="module")
def served(monorepo, module_up):
    return module_up(monorepo, "--port", "0")


def test_its_workers_are_found_and_their_addresses_told(served, monorepo):
    for name, port in (("tideline-api", "8788"), ("tideline-ingest", "8789"), ("tideline-mailer", "8790")):
        own = monorepo.ports[port]
        served.wait(rf"  {name} +http://{name}\.localhost:{served.port}  http://localhost:{own}$")
    assert "does not load" not in served.console and "warning" not in served.console


def test_request_url_is_the_address_that_was_asked(served, monorepo):
    own = monorepo.ports["8788"]
    answer = served.ask("/", port=own)
    assert answer.status == 200 and answer.headers.get("x-sandbox-stale") is None
    assert answer.json["url"] == f"http://localhost:{own}/"
    assert answer.json["docs"] == f"http://localhost:{own}/docs"
    answer = served.ask("/", worker="tideline-api")
    assert answer.json["url"] == f"http://tideline-api.localhost:{served.port}/"
    # FastAPI sends to the address with the slash, and must not send to another origin.
    assert served.ask("/spots", port=own).headers["location"] == f"http://localhost:{own}/spots/"


@pytest.mark.parametrize("way", ["port", "host", "path"])
def test_a_worker_answers_preflights_and_origins_itself(served, monorepo, way):
    where = {"port": {"port": monorepo.ports["8788"]}, "host": {"worker": "tideline-api"}, "path": {}}[way]
    path = "/workers/tideline-api/subscriptions" if way == "path" else "/subscriptions"
    web = f"http://localhost:{monorepo.ports['5173']}"
    ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-client"}
    allowed = served.ask(path, method="OPTIONS", headers={"Origin": web, "Sec-Fetch-Site": "same-site", **ask}, **where)
    assert allowed.status == 200
    assert allowed.headers["access-control-allow-origin"] == web
    assert allowed.headers["access-control-allow-credentials"] == "true"
    other = served.ask(path, method="OPTIONS", headers={"Origin": "http://localhost:1", **ask}, **where)
    assert other.status == 400 and "access-control-allow-origin" not in other.headers
    given = {"email": "cors@example.org", "spot": "hossegor"}
    answer = served.ask(
        path, method="POST", json_body=given, headers={"Origin": web, "Sec-Fetch-Site": "cross-site"}, **where
    )
    assert answer.status == 201 and answer.headers["access-control-allow-origin"] == web


def test_a_subscription_goes_through_both_services(served, monorepo):
    own = monorepo.ports["8788"]
    answer = served.ask(
        "/subscriptions", method="POST", json_body={"email": "a@example.org", "spot": "ericeira"}, port=own
    )
    assert answer.status == 201, answer.text
    cookie = answer.headers["set-cookie"].partition(";")[0]
    me = served.ask("/me", headers={"Cookie": cookie}, port=own)
    assert me.json == {"email": "a@example.org", "spots": ["ericeira"]}
    outbox = served.ask("/", port=monorepo.ports["8790"]).json
    assert outbox["outbox"] >= 1 and outbox["from"] == "dev@localhost"
    refused = served.ask("/spots/refresh", method="POST", port=own)
    assert refused.status == 502 and json.loads(refused.text)["detail"] == "forecast failed: ConnectError"


@pytest.fixture
def web(monorepo):
    """`web(port)` serves the front end there, as its README says."""
    started = []

    def serve(port):
        command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", "web"]
        process = subprocess.Popen(command, cwd=monorepo.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(process)
        return f"http://localhost:{port}/"

    yield serve
    for process in started:
        process.kill()
        process.wait()


def listens(port):
    with socket.socket() as asked:
        return asked.connect_ex(("127.0.0.1", port)) == 0


async def said(tab, *beginnings):
    """The page's status line, once it begins with one of these."""
    deadline = time.monotonic() + 30
    while True:
        text = await tab.value("document.querySelector('#status').textContent")
        if text.startswith(beginnings):
            return text
        assert time.monotonic() < deadline, (text, tab.complaints)
        await asyncio.sleep(0.02)


async def test_its_front_end_in_a_browser(served, monorepo, web, browser, eventually):
    port, other = monorepo.ports["5173"], free_ports(1)[0]
    here, elsewhere = web(port), web(other)
    eventually(lambda: listens(port) and listens(other))
    tab = await browser.opened(here)
    # GET with a preflight, over FastAPI's redirect to the address with the slash.
    assert await said(tab, "ready", "failed") == "ready: 0 spots"
    await tab.value("document.querySelector('#subscribe button').click() ?? true")
    # POST with a preflight sets a cookie, which the next call sends: the two ports are one site.
    assert await said(tab, "ana", "failed") == "ana@example.org watches ericeira"
    assert tab.complaints == []
    # The worker allows that one origin, and the browser holds every other one to it.
    tab = await browser.opened(elsewhere)
    assert await said(tab, "ready", "failed") == "failed: Failed to fetch"
    assert any("CORS policy" in text for text in tab.complaints), tab.complaints
