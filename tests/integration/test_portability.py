"""What workers do while they run: each row has a worker that turns exactly it on, here as in its files."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from sandbox.app.hosting import Hosting
from sandbox.errors import WorkerFailed
from sandbox.portability.findings import ON_CLOUDFLARE
from sandbox.runtime.web import Request

ROWS = Path(__file__).parents[1] / "fixtures" / "portability"

SYNCHRONOUS = """
import asyncio
from pyodide.ffi import run_sync
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    def fetch(self, request):
        return Response(run_sync(asyncio.sleep(0, "waited")))
"""


@pytest.fixture
def served(start, tmp_path):
    """`await served(row)` serves that row's worker: the sandbox and the rows told when it has answered twice."""

    async def serve(row, **options):
        shutil.copytree(ROWS / row, tmp_path / "workers" / row)
        sandbox = await start(serve=False, **options)
        told = []
        sandbox.events.subscribe(told.append, "portability")
        await sandbox.portability.look()
        for _ in range(2):
            await ask(sandbox, row)
        return sandbox, told

    return serve


async def ask(sandbox, name):
    try:
        response = await sandbox.fetch(name, Request(f"{sandbox.url_of(name)}/"))
        return await response.text()
    except Exception as error:
        return error


@pytest.mark.parametrize("row", sorted(set(ON_CLOUDFLARE) - {"dependency"}))
async def test_exactly_this_row_when_it_runs(served, row):
    hosting = Hosting(watchdog=row == "cpu-time")
    sandbox, _ = await served(row, hosting=hosting)
    assert {finding.row for finding in sandbox.portability.findings} == {row}


async def test_each_place_is_told_once_with_file_line_and_remedy(served):
    _, (event,) = await served("time-sleep")
    found = event.fields
    assert (found["worker"], found["row"], found["line"]) == ("time-sleep", "time-sleep", 8)
    assert found["file"] == "workers/time-sleep/src/entry.py"
    assert found["remedy"] == "Use await asyncio.sleep." and not found["strict"]


@pytest.mark.parametrize(
    ("row", "line"), [("subrequests", 9), ("connections", 11), ("missed-get", 8), ("http-client", 8)]
)
async def test_the_place_is_the_workers_own_line(served, row, line):
    sandbox, _ = await served(row)
    assert [finding.line for finding in sandbox.portability.findings] == [line]


async def test_the_place_is_known_also_beside_a_worker_that_waits_by_run_sync(start, worker, tmp_path):
    pytest.importorskip("greenlet")
    shutil.copytree(ROWS / "connections", tmp_path / "workers" / "connections")
    worker("waits", SYNCHRONOUS)
    sandbox = await start(serve=False)
    assert await ask(sandbox, "waits") == "waited"
    await ask(sandbox, "connections")
    assert [(finding.row, finding.line) for finding in sandbox.portability.findings] == [("connections", 11)]


async def test_new_code_is_read_at_its_reload(start, worker):
    clean = (
        "from workers import Response, WorkerEntrypoint\nimport time\n\n\nclass Default(WorkerEntrypoint):\n    pass\n"
    )
    folder = worker("sleepy", clean)
    sandbox = await start(serve=False)
    await sandbox.portability.look()
    assert sandbox.portability.findings == ()
    told = asyncio.Event()
    sandbox.events.subscribe(lambda event: told.set(), "portability")
    (folder / "src" / "entry.py").write_text(clean + "\n    def nap(self):\n        time.sleep(1)\n")
    await sandbox.workers.reload("sleepy")
    await told.wait()
    (finding,) = sandbox.portability.findings
    assert (finding.row, finding.line) == ("time-sleep", 9)


STRICT = {
    "import-randomness": "Randomness is not allowed while a Worker is starting",
    "threads": "can't start new thread",
    "put-rate": "KV PUT failed: 429 Too Many Requests",
    "sockets": "raw sockets are not available",
    "subrequests": "Too many subrequests by single Worker invocation.",
    "import-io": "Disallowed operation called within global scope.",
    "kv-operations": "Too many API requests by single Worker invocation.",
}


@pytest.mark.parametrize("row", sorted(STRICT))
async def test_strict_fails_with_what_cloudflare_says(served, row):
    sandbox, told = await served(row, hosting=Hosting(strict=True))
    assert STRICT[row] in str(await ask(sandbox, row))
    assert all(event.fields["strict"] for event in told)


KEPT = """
from js import Promise
from workers import Response, WorkerEntrypoint, fetch

kept = {}


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        what = request.url.rsplit("/", 1)[1]
        if what == "source":
            return Response("hello")
        first = what not in kept
        if first:
            kept[what] = await self.make(what, request)
        return Response(await self.use(what, kept[what], first))

    async def make(self, what, request):
        if what == "request":
            return request
        if what == "promise":
            return Promise.new(lambda resolve, reject: None)
        if what == "kv-stream":
            await self.env.CACHE.put("key", "value")
            return await self.env.CACHE.get("key", "stream")
        response = await fetch(request.url.replace(what, "source"))
        return response.js_object.body if what == "stream" else response

    async def use(self, what, it, first):
        if first:
            return "kept"
        if what == "promise":
            await it
        if what.endswith("stream"):
            it.getReader()
            return "read"
        return await it.text()
"""


@pytest.mark.parametrize("what", ["request", "response", "stream", "promise", "kv-stream"])
async def test_what_one_request_made_is_not_anothers(start, worker, what):
    worker("keeper", KEPT, extra='[[kv_namespaces]]\nbinding = "CACHE"\nid = "cache"\n')
    sandbox = await start(serve=False, hosting=Hosting(strict=True))
    url = f"{sandbox.url_of('keeper')}/{what}"
    assert await (await sandbox.fetch("keeper", Request(url, {"method": "POST", "body": "hello"}))).text() == "kept"
    assert sandbox.portability.findings == ()
    with pytest.raises(WorkerFailed, match="Cannot perform I/O on behalf of a different request"):
        await sandbox.fetch("keeper", Request(url))
    assert [finding.row for finding in sandbox.portability.findings] == ["global-io"]


async def test_two_isolates_share_no_globals(start, tmp_path):
    shutil.copytree(ROWS / "global-state", tmp_path / "workers" / "counter")
    (tmp_path / "sandbox.toml").write_text("[sandbox]\nisolates = 2\n")
    sandbox = await start(serve=False)
    assert [await ask(sandbox, "global-state") for _ in range(4)] == ["1", "1", "2", "2"]
    entry = tmp_path / "workers" / "counter" / "src" / "entry.py"
    entry.write_text(entry.read_text().replace("seen = 0", "seen = 10"))
    assert (await sandbox.workers.reload("global-state")).generation == 2
    assert [await ask(sandbox, "global-state") for _ in range(4)] == ["11", "11", "12", "12"]
    assert not sandbox.workers.busy()


BY_TEXT = """
import importlib
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        what = request.url.rsplit("/", 1)[1]
        if what == "caught":
            try:
                importlib.import_module("ya" + "ml")
            except ImportError:
                pass
            return Response("caught")
        for name in ("json", "helpers", "snowball" + "stemmer"):
            importlib.import_module(name)
        return Response(__import__(what).__name__)
"""


async def test_an_import_by_text_is_held_to_what_is_declared(start, worker):
    folder = worker("texts", BY_TEXT)
    (folder / "src" / "helpers.py").write_text("")
    (folder / "pyproject.toml").write_text('[project]\nname = "texts"\ndependencies = ["snowballstemmer"]\n')
    sandbox = await start(serve=False)
    told, heard = [], asyncio.Event()
    sandbox.events.subscribe(lambda event: (told.append(event.fields), heard.set()), "portability")
    await sandbox.portability.look()
    for what in ("caught", "yaml", "yaml"):
        await sandbox.fetch("texts", Request(f"{sandbox.url_of('texts')}/{what}"))
    await heard.wait()
    (found,) = told
    assert (found["row"], found["line"]) == ("undeclared-import", 17)
    assert found["on_cloudflare"] == "ModuleNotFoundError: No module named 'yaml'"


async def test_an_import_by_text_fails_with_strict(start, worker):
    folder = worker("texts", BY_TEXT.replace('"helpers", ', ""))
    (folder / "pyproject.toml").write_text('[project]\nname = "texts"\ndependencies = ["snowballstemmer"]\n')
    sandbox = await start(serve=False, hosting=Hosting(strict=True))
    for what in ("yaml", "yaml"):
        with pytest.raises(WorkerFailed, match="No module named 'yaml'"):
            await sandbox.fetch("texts", Request(f"{sandbox.url_of('texts')}/{what}"))
    await sandbox.fetch("texts", Request(f"{sandbox.url_of('texts')}/json"))


async def test_calls_of_other_workers_are_subrequests(start, worker):
    bound = '[[services]]\nbinding = "OTHER"\nservice = "other"\n'
    worker("caller", CALLER, extra=bound)
    worker(
        "other",
        "from workers import WorkerEntrypoint\nclass Default(WorkerEntrypoint):\n    async def add(self, n):\n        return n\n",
    )
    sandbox = await start(serve=False)
    assert await ask(sandbox, "caller") == "1275"
    (finding,) = sandbox.portability.findings
    assert (finding.row, finding.line) == ("subrequests", 9)


CALLER = """
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        total = 0
        for n in range(51):
            total += await self.env.OTHER.add(n)
        return Response(str(total))
"""


ENVIRONMENT = """
import os
from workers import Response, WorkerEntrypoint

os.environb[b"MINE"] = b"own"


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        own, names = os.environ["MINE"], list(os.environb)
        del os.environb[b"MINE"]
        return Response.json([own, os.getenvb(b"PATH") is None, b"MINE" in names, b"PATH" in names])
"""


async def test_the_shell_is_not_there_in_bytes_either(start, worker):
    worker("reader", ENVIRONMENT)
    sandbox = await start(serve=False)
    answer = await sandbox.fetch("reader", Request(f"{sandbox.url_of('reader')}/"))
    assert json.loads(await answer.text()) == ["own", True, True, False]
    assert [finding.row for finding in sandbox.portability.findings] == ["os-environ"]


BULK = """
from workers import Response, WorkerEntrypoint


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        await self.env.CACHE.get(["first", "second"])
        await self.env.CACHE.put("second", "value")
        found = await self.env.CACHE.get(["second"])
        return Response(str(found["second"]))
"""


async def test_a_key_missed_by_a_bulk_read_is_read_again(start, worker):
    worker("bulk", BULK, extra='[[kv_namespaces]]\nbinding = "CACHE"\nid = "cache"\n')
    sandbox = await start(serve=False)
    assert await ask(sandbox, "bulk") == "value"
    (finding,) = sandbox.portability.findings
    assert (finding.row, finding.line) == ("missed-get", 9)
