"""`sandbox types`: the stubs say what the worker's `env` and the runtime's modules have; mypy and pyright read them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tomllib

import pytest

WRANGLER = """
[vars]
GREETING = "hello"
LIMIT = 3
WHOLE = 4.0
RATIO = 0.5
PLACE = { city = "Lisbon" }
[[kv_namespaces]]
binding = "CACHE"
id = "cache"
[[services]]
binding = "PRICES"
service = "prices"
[[services]]
binding = "ELSEWHERE"
service = "prices"
entrypoint = "Made"
[assets]
directory = "public"
binding = "ASSETS"
[[ratelimits]]
name = "LIMITER"
namespace_id = "1"
simple = { limit = 3, period = 60 }
[version_metadata]
binding = "VERSION"
"""
PRICES = """
from workers import WorkerEntrypoint

def made():
    return WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def total(self, prices: list[float], currency: "str" = "EUR") -> float:
        return sum(prices)

    def raw(self, given: bytes, what: Decimal) -> bytes:
        return given

    async def fetch(self, request):
        return None

    def _hidden(self):
        pass

class Made(made()):
    pass
"""
CODE = """
from typing import TYPE_CHECKING

import js
from js import Object, console
from pyodide.ffi import JsProxy, create_proxy, run_sync, to_js
from workers import Request, Response, WorkerEntrypoint, asgi, fetch, handler, wsgi

if TYPE_CHECKING:
    from worker_configuration import Env

class Default(WorkerEntrypoint):
    env: "Env"

    async def scheduled(self, controller: js.ScheduledController, env: None, ctx: None) -> None:
        console.log(controller.cron, controller.scheduledTime)
        controller.noRetry()

    async def fetch(self, request: Request) -> Response:
        env = self.env
        await env.CACHE.put("a", env.GREETING + env.SECRET, expirationTtl=60, metadata={"a": 1})
        await env.CACHE.put("b", b"bytes", {"expiration": 2_000_000_000})
        text = await env.CACHE.get("a")
        assert text is not None
        print(text.upper(), (await env.CACHE.get("a", "json"))["x"], await env.CACHE.get("a", type="json"))
        for word in (await env.CACHE.get("a", None), await env.CACHE.get("a", type="text", cacheTtl=60)):
            print(word.lower() if word is not None else range(env.LIMIT)[env.WHOLE], env.RATIO.hex())
        print((await env.CACHE.getWithMetadata("a", type="json")).value, await env.CACHE.get(["a"], type="json"))
        buffer: memoryview | None = await env.CACHE.get("a", type="arrayBuffer")
        print(buffer, (await env.CACHE.get(["a", "b"])).items(), (await env.CACHE.getWithMetadata("a")).metadata)
        print((await env.CACHE.list(prefix="a", limit=3))["keys"])
        await env.CACHE.delete("a")
        cents: float = await env.PRICES.total([1.5, env.LIMIT]) * 100
        view: memoryview = await env.PRICES.raw(b"x", 3)
        print(cents, view.nbytes, await env.ELSEWHERE.anything("x"), env.PLACE.city)
        answer = await env.PRICES.fetch("http://prices/", method="POST", headers={"a": "b"}, body=b"x")
        print(answer.status, await answer.json(), (await env.PRICES.scheduled(cron="* * * * *")).outcome)
        if not (await env.LIMITER.limit({"key": "k"})).success or not (await env.LIMITER.limit(key="k"))["success"]:
            return Response("later", status=429, headers={"retry-after": "60"})
        options = to_js({"a": env.VERSION.id}, dict_converter=Object.fromEntries)
        proxy: JsProxy = options
        print(proxy.a, js.URL.new(request.url).pathname, await js.Response.new("x", status=201).text())
        hit = await js.caches.default.match(request.js_object)
        self.ctx.waitUntil(js.caches.default.put("http://x.test/", js.Response.json(options)))
        if hit is None and request.headers.get("x"):
            return Response.json({"a": 1}, status=400)
        outside = await fetch("https://example.com/", method="GET")
        return Response(await outside.bytes()) if outside.ok else await env.ASSETS.fetch(request)
"""
# A line in place of one above, and what mypy says of it.
WRONG = {
    "+ env.SECRET": ("+ env.SECRETS", '"Env" has no attribute "SECRETS"'),
    'env.CACHE.get("a")': ('env.CACHE.gett("a")', '"KvNamespace" has no attribute "gett"'),
    "expirationTtl=60": ("expiration_ttl=60", 'Unexpected keyword argument "expiration_ttl"'),
    'put("b", b"bytes"': ('put("b", {"a": 1}', 'incompatible type "dict[str, int]"'),
    "env.LIMIT]": ("env.GREETING]", 'expected "float"'),
    "PRICES.total(": ("PRICES.totall(", '"Service_PRICES" has no attribute "totall"'),
    "cents: float": ("cents: str", 'expression has type "float"'),
    "env.VERSION.id": ("env.VERSION.ident", '"VersionMetadata" has no attribute "ident"'),
    ".pathname": (".path_name", '"URL" has no attribute "path_name"'),
    "js.Response.new(": ("js.Response(", 'expected "Never"'),
    "import Object, console": ("import Objekt, console", 'has no attribute "Objekt"'),
    "wsgi\n": ("wsgy\n", 'has no attribute "wsgy"'),
    "outside.ok": ("outside.okay", '"Response" has no attribute "okay"'),
    '{"a": 1}, status=400': ('{"a": 1}, statuss=400', 'Unexpected keyword argument "statuss"'),
    "env.RATIO.hex()": ("env.LIMIT.hex()", '"int" has no attribute "hex"'),
    "word.lower() if": ("word.lowr() if", '"str" has no attribute "lowr"'),
    "controller.noRetry": ("controller.retry", '"ScheduledController" has no attribute "retry"'),
}


def mypy(folder, stubs, *more):
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir=.cache",
        *(more or ["entry.py"]),
    ]
    env = os.environ | {"MYPYPATH": str(stubs)}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=50)


def typed(project):
    """A worker that uses what the stubs tell of, and one it calls."""
    folder = project.worker("typed", CODE, wrangler=WRANGLER)
    (folder / ".dev.vars").write_text("SECRET=canary-value\n")
    (folder / "public").mkdir()
    project.worker("prices", PRICES)
    return folder


def variants(folder):
    """The worker's code with one slip each, by file name."""
    names = []
    for number, (good, (bad, _)) in enumerate(WRONG.items()):
        assert CODE.count(good) == 1, good
        names.append(f"wrong{number}.py")
        (folder / "src" / names[-1]).write_text(CODE.replace(good, bad))
    return names


def test_mypy_reads_the_stubs(project):
    folder = typed(project)
    done = project.sandbox("types")
    assert done.code == 0, done.err
    stub = (folder / "src" / "worker_configuration.pyi").read_text()
    assert "canary-value" not in stub and "Lisbon" not in stub and "    LIMIT: int\n" in stub
    assert "async def total(self, prices: list[float], currency: str = ..., /) -> float: ..." in stub
    assert "async def raw(self, given: bytes, what: Any, /) -> memoryview: ..." in stub
    written = sorted(project.root.glob("typings/**/*.pyi"))
    assert all(str(project.root) not in path.read_text() for path in written)
    right = mypy(folder / "src", project.root / "typings")
    assert right.returncode == 0, right.stdout
    names = variants(folder)
    wrong = mypy(folder / "src", project.root / "typings", *names)
    for name, (_, expected) in zip(names, WRONG.values(), strict=True):
        said = [line for line in wrong.stdout.splitlines() if line.startswith(f"{name}:") and ": error:" in line]
        assert any(expected in line for line in said), (name, said, expected)


@pytest.mark.skipif(shutil.which("pyright") is None, reason="pyright is not installed")
def test_pyright_reads_the_stubs_where_it_looks_by_itself(project):
    folder = typed(project)
    assert project.sandbox("types", "--settings").code == 0
    names = variants(folder)
    command = ["pyright", "--outputjson", "--pythonpath", sys.executable]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=55)
    said = {}
    for item in json.loads(done.stdout)["generalDiagnostics"]:
        said.setdefault(os.path.relpath(item["file"], project.root), []).append(item["message"])
    # Only the slips are told, each in its file: nothing of the right code, and nothing of the stubs.
    assert said.pop("workers/prices/src/entry.py") == ['"Decimal" is not defined']
    assert sorted(said) == sorted(f"workers/typed/src/{name}" for name in names), said


SETTINGS = {
    "tool": {
        "pyright": {"reportMissingModuleSource": False},
        "mypy": {"mypy_path": "$MYPY_CONFIG_FILE_DIR/typings", "check_untyped_defs": True},
    }
}


def test_the_checkers_are_told_of_the_stubs(project):
    folder = project.worker("plain", "import js\n\ndef fetch(request):\n    return js.Response.new(1)\n")
    done = project.sandbox("types", "--settings", "--json")
    assert [item["file"] for item in done.json["added"]] == ["pyrightconfig.json", "mypy.ini"]
    assert json.loads((project.root / "pyrightconfig.json").read_text()) == SETTINGS["tool"]["pyright"]
    command = [sys.executable, "-m", "mypy", "--cache-dir=.cache", "workers/plain/src"]
    checked = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=50)
    assert checked.returncode == 0, checked.stdout
    (folder / "src" / "entry.py").write_text("import js\n\ndef fetch(request):\n    return js.Response.neww(1)\n")
    checked = subprocess.run(command, cwd=project.root, capture_output=True, text=True, timeout=50)
    assert 'has no attribute "neww"' in checked.stdout
    again = project.sandbox("types", "--settings", "--json")
    assert "added" not in again.json and "to_add" not in again.json
    assert project.sandbox("types", "--settings", "--check").code == 2


def test_settings_go_into_pyproject_where_there_is_one_and_change_nothing_there(project):
    project.worker("plain", "")
    file = project.root / "pyproject.toml"
    file.write_text('[project]\nname = "mine"   # mine')
    assert project.sandbox("types", "--settings").code == 0
    assert (
        file.read_text().startswith('[project]\nname = "mine"   # mine\n')
        and tomllib.loads(file.read_text()).items() >= SETTINGS.items()
    )
    file.write_text('[tool.pyright]\nstubPath = "hints"\n[tool.mypy]\nstrict = true\n')
    done = project.sandbox("types", "--settings")
    assert file.read_text().endswith("strict = true\n")
    assert "please add to pyproject.toml: reportMissingModuleSource = false" in done.out
    assert 'please add to pyproject.toml: mypy_path = "$MYPY_CONFIG_FILE_DIR/hints"' in done.out


def test_the_stubs_themselves_are_sound(project):
    project.worker("plain", "")
    assert project.sandbox("types").code == 0
    modules = "-p js -p pyodide -p workers -m asgi".split()
    done = mypy(project.root, "typings", *modules)
    assert done.returncode == 0, done.stdout


def test_check_and_print_and_a_file_in_the_way(project):
    folder = project.worker("plain", "", wrangler='[vars]\nGREETING = "hello"\n')
    assert project.sandbox("types", "--check").code == 1
    assert project.sandbox("types").code == 0
    again = project.sandbox("types")
    assert again.code == 0 and "up to date" in again.out
    assert project.sandbox("types", "--check").code == 0
    with (folder / "wrangler.toml").open("a") as file:
        file.write("COUNT = 3\n")
    late = project.sandbox("types", "--check", "--json")
    assert late.code == 1 and late.json["out_of_date"] == ["workers/plain/src/worker_configuration.pyi"]
    shown = project.sandbox("types", "--print")
    assert "    COUNT: int" in shown.out and project.sandbox("types", "--check").code == 1
    assert "WORKER_TOKEN" not in shown.out
    (folder / "src" / "speaks.py").write_text("from sandbox.handshake import HandshakeWorker\n")
    assert "    WORKER_TOKEN: str\n" in project.sandbox("types", "--print").out
    (project.root / "typings" / "js" / "_old.pyi").write_text("# Written by `sandbox types` long ago\n")
    (project.root / "typings" / "js" / "_mine.pyi").write_text("x: int\n")
    assert project.sandbox("types").code == 0
    assert sorted(path.name for path in (project.root / "typings" / "js").glob("_[mo]*")) == ["_mine.pyi"]
    (project.root / "typings" / "asgi.pyi").write_text("x: int\n")
    refused = project.sandbox("types")
    assert refused.code == 1 and "typings/asgi.pyi was not written by sandbox types" in refused.err
    assert project.sandbox("types", "nobody").code == 1


def test_the_folder_that_the_project_names(project):
    project.worker("plain", "")
    (project.root / ".vscode").mkdir()
    settings = project.root / ".vscode" / "settings.json"
    text = '{\n  // ours\n  "python.analysis.stubPath": "${workspaceFolder}/stubs",\n}\n'
    settings.write_text(text)
    assert project.sandbox("types").code == 0
    assert (project.root / "stubs" / "js" / "__init__.pyi").exists() and settings.read_text() == text
    (project.root / "pyrightconfig.json").write_text('{"stubPath": "../outside"}')
    assert project.sandbox("types").code == 0
    assert (project.root / "typings" / "js" / "__init__.pyi").exists()
