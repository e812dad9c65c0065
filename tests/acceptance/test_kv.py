"""`sandbox kv`: the same with a sandbox that is up and on the state folder alone."""

from __future__ import annotations

import json
import time

import pytest

READER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(await self.env.THINGS.get("key") or "nothing")
"""
BINDING = '[[kv_namespaces]]\nbinding = "{}"\nid = "{}"\n'


def _things(project):
    project.worker("one", READER, wrangler=BINDING.format("THINGS", "things-1"))
    project.worker("two", READER, wrangler=BINDING.format("THINGS", "things-1") + BINDING.format("OTHER", "x-2"))
    project.worker("three", READER, wrangler=BINDING.format("OTHER", "x-3"))
    project.running = None
    return project


@pytest.fixture
def down(project):
    return _things(project)


@pytest.fixture
def running(project, up):
    _things(project)
    project.running = up(project)
    return project


@pytest.fixture(params=["running", "down"])
def things(request):
    return request.getfixturevalue(request.param)


def key(project, *arguments, **options):
    return project.sandbox("kv", "key", *arguments, **options)


def test_values_of_any_kind(things):
    assert key(things, "put", "key", "wörd", "--binding", "THINGS").code == 0
    if things.running is not None:
        assert things.running.ask(worker="one").text == "wörd"
    assert key(things, "get", "key", "--binding", "THINGS", "--text").out == "wörd\n"
    blob = bytes(range(256)) * 40
    (things.root / "blob").write_bytes(blob)
    assert key(things, "put", "odd/../key ?&", "--path", "blob", "--namespace-id", "things-1").code == 0
    assert key(things, "get", "odd/../key ?&", "--namespace-id", "things-1").code == 0
    assert things.raw == blob
    names = [row["name"] for row in key(things, "list", "--binding", "THINGS").json]
    assert names == ["key", "odd/../key ?&"]
    if things.running is not None:
        assert [row["name"] for row in key(things, "list", "--binding", "THINGS", "--prefix", "od").json] == names[1:]
    assert key(things, "delete", "key", "--binding", "THINGS").code == 0
    gone = key(things, "get", "key", "--binding", "THINGS")
    assert gone.code == 1 and "no value under the key 'key'" in gone.err and gone.out == ""


def test_ttl_and_metadata(running):
    things = running
    before = time.time()
    done = key(things, "put", "key", "v", "--binding", "THINGS", "--ttl", "3600", "--metadata", '{"a": "ü"}')
    assert done.code == 0, done.err
    (row,) = key(things, "list", "--binding", "THINGS").json
    assert row["name"] == "key" and row["metadata"] == {"a": "ü"}
    assert before + 3590 < row["expiration"] < time.time() + 3610
    for wrong in (["--ttl", "5"], ["--metadata", json.dumps("m" * 2000)]):
        done = key(things, "put", "key", "v", "--binding", "THINGS", *wrong)
        assert done.code in (1, 2) and "Traceback" not in done.err and len(done.err) < 500, wrong
    assert key(things, "get", "key", "--binding", "THINGS").out == "v"


def test_which_namespace_is_meant(down):
    things = down
    shown = things.sandbox("kv", "namespace", "list").out
    assert "one: THINGS, two: THINGS" in shown and "things-1" in shown
    two = key(things, "put", "k", "v", "--binding", "OTHER")
    assert two.code == 2 and "x-2" in two.err and "x-3" in two.err and "--worker" in two.err
    assert key(things, "put", "k", "v", "--binding", "OTHER", "--worker", "three").code == 0
    assert key(things, "get", "k", "--namespace-id", "x-3").out == "v"
    unknown = key(things, "get", "k", "--binding", "THIGNS")
    assert unknown.code == 1 and "THINGS" in unknown.err


def test_what_was_put_before_is_there_when_it_comes_up(project, up):
    project.worker("one", READER, wrangler=BINDING.format("THINGS", "things-1"))
    assert key(project, "put", "key", "kept", "--binding", "THINGS").code == 0
    assert up(project).ask(worker="one").text == "kept"


def test_an_environments_namespaces(project, up):
    production = '[env.production]\nkv_namespaces = [{ binding = "THINGS", id = "live" }]\n'
    project.worker("one", READER, wrangler=BINDING.format("THINGS", "draft") + production)
    assert key(project, "put", "key", "live", "--binding", "THINGS", "-e", "production").code == 0
    assert key(project, "put", "key", "draft", "--binding", "THINGS").code == 0
    assert key(project, "get", "key", "--text", "--binding", "THINGS", CLOUDFLARE_ENV="production").out == "live\n"

    running = up(project, "-e", "production")
    running.wait("environment production of the wrangler files")
    assert running.ask(worker="one").text == "live"
    for asked in ((), ("-e", "production")):
        assert key(project, "get", "key", "--text", "--binding", "THINGS", *asked).out == "live\n"
    other = key(project, "get", "key", "--binding", "THINGS", "-e", "staging")
    assert other.code == 2, other.err
    assert "serves environment production, and not environment staging\n hint: " in other.err
    assert running.stop() == 0

    running = up(project)
    other = key(project, "delete", "key", "--binding", "THINGS", CLOUDFLARE_ENV="production")
    assert other.code == 2 and "serves the top level of the wrangler files, and not" in other.err
    assert running.ask(worker="one").text == "draft"
    assert running.stop() == 0
    assert key(project, "get", "key", "--binding", "THINGS", "-e", "staging").code == 1


def test_wranglers_flags(down):
    assert key(down, "put", "key", "value", "--binding", "THINGS", "--local").code == 0
    assert key(down, "get", "key", "--binding", "THINGS", "--local", "--text").out == "value\n"
    assert down.sandbox("kv", "namespace", "list", "--local").code == 0
    refused = key(down, "delete", "key", "--binding", "THINGS", "--remote")
    assert refused.code == 2 and "which this sandbox never reaches" in refused.err
    assert key(down, "get", "key", "--binding", "THINGS", "--text").out == "value\n"
