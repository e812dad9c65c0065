"""Small promises that need the whole: what a worker may ask of us, and what it says."""

from __future__ import annotations

import sys

import pytest

from sandbox.runtime.exchange import new_request, read_json, read_text

CALLER = """
from workers import Response, WorkerEntrypoint, fetch
from js import console

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        console.log("asking", 1, True)
        answer = await fetch(self.env.ORCHESTRATOR_URL + request.headers["x-path"])
        return Response(await answer.text(), status=answer.status)
"""
NEEDS = """
import not_there_yet
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(not_there_yet.WORD)
"""


@pytest.mark.parametrize(
    "path",
    [
        "/api/references",
        "/api/references/ref_x?raw=1",
        "/api/kv/namespaces",
        "/api/executions",
        "/api/workers/caller",
        "/api/registry",
        "/api/probe",
    ],
)
async def test_a_worker_gets_nothing_of_ours_without_its_token(worker, start, path):
    worker("caller", CALLER)
    sandbox = await start(serve=False)
    answer = await sandbox.fetch("caller", new_request("http://caller.localhost/", headers={"x-path": path}))
    assert answer.status == 403
    assert (await read_json(answer))["error"]["code"] == "not_for_workers"


async def test_a_worker_may_ask_for_data_and_its_console_is_heard(worker, start):
    worker("caller", CALLER)
    sandbox = await start(serve=False)
    said = []
    sandbox.events.subscribe(lambda event: said.append((event.fields["level"], event.fields["text"])), "log")
    request = new_request("http://caller.localhost/", headers={"x-path": "/api/data/ref_x"})
    assert (await sandbox.fetch("caller", request)).status == 401
    assert said == [("log", "asking 1 true")]


async def test_a_package_that_is_installed_meanwhile_is_found(worker, start, tmp_path, monkeypatch):
    worker("needs", NEEDS)
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(str(site))
    sandbox = await start(serve=False)
    assert sandbox.workers.status("needs").generation is None
    (site / "not_there_yet.py").write_text("WORD = 'installed'\n", encoding="utf-8")
    try:
        answer = await sandbox.fetch("needs", new_request("http://needs.localhost/"))
        assert await read_text(answer) == "installed"
    finally:
        sys.modules.pop("not_there_yet", None)
