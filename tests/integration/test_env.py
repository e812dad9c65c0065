"""`env` from the files to the worker: vars, secrets, the sandbox's own values, bindings that are not there yet."""

from __future__ import annotations

import pytest

from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox
from sandbox.runtime.exchange import new_request, read_json

SHOW = """
from workers import Response, WorkerEntrypoint, env

AT_IMPORT = env.NAME

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        async def later():
            return env.NAME
        import asyncio
        task = asyncio.ensure_future(later())
        return Response.json([AT_IMPORT, env.NAME, self.env.NAME, await task])
"""
VALUES = """
import js
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        names = [name for name in request.url.partition("?")[2].split(",") if name]
        found = {}
        for name in names:
            value = getattr(self.env, name, "absent")
            plain = value.to_py() if hasattr(value, "to_py") else value
            found[name] = [type(plain).__name__, plain]
        return Response.json(found)
"""
UNSUPPORTED = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        found = ["works until it is used"]
        for use in (
            lambda: self.env.DB.prepare("SELECT 1"),
            lambda: self.env.BUCKET.get("k"),
            lambda: self.env.QUEUE.send({"a": 1}),
            lambda: self.env.ROOMS.idFromName("a"),
            lambda: self.env.AI.run("model", {}),
        ):
            try:
                await use()
            except Exception as error:
                found.append(f"{type(error).__name__} {error}")
        return Response.json(found)
"""
ASKS = """
[[d1_databases]]
binding = "DB"
database_name = "db"
database_id = "1"
[[r2_buckets]]
binding = "BUCKET"
bucket_name = "b"
[[queues.producers]]
binding = "QUEUE"
queue = "q"
[[durable_objects.bindings]]
name = "ROOMS"
class_name = "Room"
[ai]
binding = "AI"
"""


async def ask(sandbox, name, query=""):
    return await read_json(await sandbox.fetch(name, new_request(f"http://{name}/?{query}")))


async def test_each_worker_has_its_own_env_at_import_and_in_handlers(worker, start):
    for name in ("one", "two"):
        worker(name, SHOW, extra=f'[vars]\nNAME = "{name}"\n')
    sandbox = await start(serve=False)
    assert [await ask(sandbox, name) for name in ("one", "two", "one")] == [["one"] * 4, ["two"] * 4, ["one"] * 4]


async def test_vars_of_every_type(worker, start):
    lines = """[vars]
TEXT = "text"
EMPTY = ""
NUMBER = 3
FLOAT = 1.5
FLAG = true
LIST = [1, "two", { three = 3 }]
OBJECT = { a = 1, deep = { b = [true] } }
"""
    worker("vars", VALUES, extra=lines)
    sandbox = await start(serve=False)
    assert await ask(sandbox, "vars", "TEXT,EMPTY,NUMBER,FLOAT,FLAG,LIST,OBJECT,MISSING") == {
        "TEXT": ["str", "text"],
        "EMPTY": ["str", ""],
        "NUMBER": ["int", 3],
        "FLOAT": ["float", 1.5],
        "FLAG": ["bool", True],
        "LIST": ["list", [1, "two", {"three": 3}]],
        "OBJECT": ["dict", {"a": 1, "deep": {"b": [True]}}],
        "MISSING": ["str", "absent"],
    }


async def test_a_json_var_is_a_javascript_object(worker, start):
    code = """
from pyodide.ffi import JsProxy
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        value = self.env.OBJECT
        return Response.json([isinstance(value, JsProxy), value.deep.b[0], isinstance(value, dict)])
"""
    worker("json", code, extra="[vars]\nOBJECT = { deep = { b = [7] } }\n")
    assert await ask(await start(serve=False), "json") == [True, 7, False]


SECRETS = [
    ({".dev.vars": "A=dev", ".env": "A=env\nB=env"}, None, ["dev", "from vars"]),
    ({".env": "A=env\nB=env"}, None, ["env", "env"]),
    ({".env": "A=env\nB=env", ".env.local": "B=local"}, None, ["env", "local"]),
    ({".dev.vars": "A=dev", ".dev.vars.staging": "B=staged"}, "staging", ["absent", "staged"]),
    ({".env": "A=env", ".env.staging": "A=staged", ".env.staging.local": "B=mine"}, "staging", ["staged", "mine"]),
    ({}, None, ["absent", "from vars"]),
]


@pytest.mark.parametrize(("files", "env", "values"), SECRETS)
async def test_secrets_precedence_end_to_end(worker, tmp_path, files, env, values):
    lines = '[vars]\nB = "from vars"\n[env.staging]\n[env.staging.vars]\nC = "x"\n'
    folder = worker("secret", VALUES, extra=lines)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    loaded = load_sandbox(tmp_path, env=env, overrides={"state": str(tmp_path / "state")}, environ={})
    async with Sandbox(loaded, serve=False, watch=False) as sandbox:
        found = await ask(sandbox, sandbox.workers.names()[0], "A,B")
    assert [found["A"][1], found["B"][1]] == values


async def test_the_sandboxs_own_values(worker, start):
    worker("plain", VALUES)
    worker("own", VALUES, extra='[vars]\nORCHESTRATOR_URL = "https://mine.test"\n').joinpath(".dev.vars").write_text(
        "WORKER_TOKEN=mine\n"
    )
    worker("third", VALUES)
    sandbox = await start()
    query = "ORCHESTRATOR_URL,WORKER_TOKEN"
    plain, own, third = [await ask(sandbox, name, query) for name in ("plain", "own", "third")]
    assert plain["ORCHESTRATOR_URL"] == third["ORCHESTRATOR_URL"] == ["str", f"http://localhost:{sandbox.port}"]
    assert own == {"ORCHESTRATOR_URL": ["str", "https://mine.test"], "WORKER_TOKEN": ["str", "mine"]}
    tokens = [plain["WORKER_TOKEN"][1], third["WORKER_TOKEN"][1]]
    assert tokens == [sandbox.orchestrator.token("plain"), sandbox.orchestrator.token("third")]
    assert len(set(tokens)) == 2 and all(len(token) >= 20 for token in tokens)


async def test_bindings_that_are_not_there_yet_say_so_on_first_use(worker, start):
    worker("asks", UNSUPPORTED, extra=ASKS)
    sandbox = await start(serve=False)
    first, *errors = await ask(sandbox, "asks")
    assert first == "works until it is used"
    uses = ["DB.prepare", "BUCKET.get", "QUEUE.send", "ROOMS.idFromName", "AI.run"]
    assert len(errors) == len(uses)
    for use, error in zip(uses, errors, strict=True):
        assert error.startswith(f"JsException Error: env.{use}: ") and "not supported" in error


async def test_a_changed_var_arrives_with_the_next_reload(worker, start):
    worker("changing", SHOW, extra='[vars]\nNAME = "before"\n')
    sandbox = await start(serve=False)
    assert await ask(sandbox, "changing") == ["before"] * 4
    worker("changing", SHOW, extra='[vars]\nNAME = "after"\n')
    await sandbox.workers.reload("changing")
    assert await ask(sandbox, "changing") == ["after"] * 4
