"""`pyodide.ffi.run_sync` in a worker: synchronous code waits, and everybody else goes on meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

pytest.importorskip("greenlet")

from sandbox.runtime.exchange import new_request, read_bytes  # noqa: E402
from sandbox.runtime.switching import Switching  # noqa: E402

WORKER = """
import asyncio
from contextvars import ContextVar
from pyodide.ffi import can_run_sync, run_sync
from workers import Response, WorkerEntrypoint

WHO = ContextVar("who", default="nobody")
EVENT = asyncio.Event()
SEEN = []
AT_IMPORT = can_run_sync()

async def slow(value):
    await asyncio.sleep(0)
    return value

async def fails():
    await asyncio.sleep(0)
    raise LookupError("not there")

async def nested(depth):
    await asyncio.sleep(0)
    return depth if depth == 0 else 1 + run_sync(nested(depth - 1))

def plain(env):
    run_sync(env.KV.put("k", "v"))
    return run_sync(env.KV.get("k"))

class Default(WorkerEntrypoint):
    def fetch(self, request):
        path = request.url.rpartition("/")[2]
        return getattr(self, path)()

    def sync(self):
        return Response(f"{plain(self.env)} {run_sync(slow(2))} {can_run_sync()} {AT_IMPORT}")

    async def nested(self):
        return Response(str(run_sync(nested(5))))

    async def fails(self):
        try:
            run_sync(fails())
        except LookupError as error:
            frames, traceback = [], error.__traceback__
            while traceback:
                frames.append(traceback.tb_frame.f_code.co_name)
                traceback = traceback.tb_next
            return Response(f"{error} {'fails' in frames}")

    async def variables(self):
        WHO.set("me")
        async def inner():
            seen = WHO.get()
            WHO.set("inner")
            await asyncio.sleep(0)
            return seen
        seen = run_sync(inner())
        await asyncio.sleep(0)
        return Response(f"{seen} {WHO.get()}")

    async def waits(self):
        SEEN.append("waits")
        try:
            run_sync(EVENT.wait())
        except asyncio.CancelledError:
            SEEN.append("cancelled")
            raise
        SEEN.append("goes on")
        return Response("waited")

    async def sets(self):
        EVENT.set()
        return Response(",".join(SEEN))

    async def seen(self):
        return Response(",".join(SEEN))

    async def self(self):
        return Response(run_sync(run_sync(self.env.SELF.fetch("http://w/sync")).text()))

    async def rpc(self):
        return Response(str(await self.env.SELF.total(3)))

    def total(self, number):
        return number + run_sync(slow(4))

    async def task(self):
        async def body():
            return run_sync(slow(4))
        return Response(str(await asyncio.gather(body(), asyncio.create_task(body()))))

    async def callback(self):
        told = asyncio.get_running_loop().create_future()
        def call():
            try:
                run_sync(slow(1))
            except RuntimeError as error:
                told.set_result(str(error))
        asyncio.get_running_loop().call_soon(call)
        return Response(await told)

    async def many(self):
        return Response(str(sum(run_sync(slow(n)) for n in range(300))))
"""
CLASS = """
from workers import WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response({})
"""
EXTRA = """
[[kv_namespaces]]
binding = "KV"
id = "kv"

[[services]]
binding = "SELF"
service = "w"
"""


@pytest.fixture
async def ask(worker, start):
    worker("w", WORKER, extra=EXTRA)
    sandbox = await start(serve=False)

    async def ask(path):
        response = await sandbox.workers.fetch("w", new_request(f"http://w/{path}"))
        return (await read_bytes(response)).decode()

    return ask


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("sync", "v 2 True False"),
        ("nested", "5"),
        ("fails", "not there True"),
        ("variables", "me me"),
        ("self", "v 2 True False"),
        ("rpc", "7"),
        ("many", "44850"),
    ],
)
async def test_synchronous_code_waits(ask, path, told):
    assert await ask(path) == told


async def test_others_are_served_meanwhile(ask):
    waiting = asyncio.create_task(ask("waits"))
    while await ask("seen") != "waits":
        await asyncio.sleep(0)
    assert [await ask("sync") for _ in range(3)] == ["v 2 True False"] * 3
    assert await ask("sets") == "waits"
    assert await waiting == "waited"
    assert await ask("seen") == "waits,goes on"


async def test_who_is_cancelled_while_it_waits_learns_of_it(ask):
    waiting = asyncio.create_task(ask("waits"))
    while await ask("seen") != "waits":
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await ask("seen") == "waits,cancelled"
    assert await ask("sync") == "v 2 True False"


async def test_tasks_of_its_own_wait_so_too(ask):
    assert await ask("task") == "[4, 4]"


async def test_a_callback_cannot_wait_so(ask):
    told = await ask("callback")
    assert told.startswith("run_sync() cannot wait here") and "this is a callback. Await it in a task instead." in told


async def test_a_library_that_needs_it_is_helped_from_the_second_event_on(worker, start, tmp_path, monkeypatch):
    monkeypatch.setattr(Switching, "for_library", False)
    library = tmp_path / "library"
    library.mkdir()
    (library / "late_waiter.py").write_text(
        "import asyncio\ndef wait():\n    from pyodide.ffi import run_sync\n    return run_sync(asyncio.sleep(0, 'waited'))\n"
    )
    monkeypatch.syspath_prepend(str(library))
    code = "import late_waiter\nfrom workers import Response, WorkerEntrypoint\nclass Default(WorkerEntrypoint):\n"
    code += "    async def fetch(self, request):\n        try:\n            return Response(late_waiter.wait())\n"
    code += "        except RuntimeError as error:\n            return Response(str(error))\n"
    worker("w", code)
    sandbox = await start(serve=False)

    async def ask():
        response = await sandbox.workers.fetch("w", new_request("http://w/"))
        return (await read_bytes(response)).decode()

    assert "the first event that needs it. Ask again." in await ask()
    assert await ask() == "waited"


async def test_a_library_that_says_so_when_it_is_imported_waits_from_the_first_event_on(
    worker, start, tmp_path, monkeypatch
):
    monkeypatch.setattr(Switching, "for_library", False)
    library = tmp_path / "library"
    library.mkdir()
    text = "import asyncio\nfrom pyodide.ffi import run_sync\ndef wait():\n    return run_sync(asyncio.sleep(0, 'waited'))\n"
    (library / "early_waiter.py").write_text(text)
    monkeypatch.syspath_prepend(str(library))
    worker("w", "import early_waiter\nfrom workers import Response\n" + CLASS.format("early_waiter.wait()"))
    sandbox = await start(serve=False)
    assert await read_bytes(await sandbox.workers.fetch("w", new_request("http://w/"))) == b"waited"


def test_without_greenlet_the_error_says_what_to_install_and_no_restart_is_needed(worker, tmp_path):
    worker("w", WORKER, extra=EXTRA)
    program = f"""
import asyncio, sys
sys.modules["greenlet"] = None
from pathlib import Path
from sandbox.app import Sandbox
from sandbox.config.load import load_sandbox
from sandbox.errors import WorkerFailed
from sandbox.runtime.exchange import new_request

async def main():
    loaded = load_sandbox(Path({str(tmp_path)!r}), overrides={{"port": 0, "state": {str(tmp_path / "state")!r}}})
    async with Sandbox(loaded, serve=False, watch=False) as sandbox:
        for _ in range(3):
            try:
                print(await (await sandbox.workers.fetch("w", new_request("http://w/sync"))).text())
            except WorkerFailed as failed:
                print(failed.__cause__)
            sys.modules.pop("greenlet", None)  # as if it were installed now

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50, check=True)
    first, second, third = done.stdout.splitlines()
    assert "pip install 'greenlet>=3.1'" in first
    assert "Ask again" in second and "run_sync" not in third, done.stdout + done.stderr
