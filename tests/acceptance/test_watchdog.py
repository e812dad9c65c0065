"""A worker that keeps the event loop: told while it does, ended at its limit with error 1102, and nobody else suffers."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time

import pytest

LIMIT = "[limits]\ncpu_ms = 10\n"
BUSY = """
import asyncio, concurrent.futures, hashlib, logging, re, sys, time
from urllib.parse import urlsplit
from js import Object, ReadableStream, Uint8Array
from pyodide.ffi import create_proxy, to_js
from workers import Response, WorkerEntrypoint


def spin():
    while True:
        pass


def sleep():
    time.sleep(60)


def swallows_exceptions():
    while True:
        try:
            time.sleep(0.01)
        except Exception:
            pass


def swallows_all():
    while True:
        try:
            for _ in range(1000):
                pass
        except:
            pass


def swallows_by_name():
    while True:
        try:
            time.sleep(60)
        except BaseException as error:
            kept = error


def swallows_and_tidies():
    while True:
        try:
            time.sleep(60)
        except:
            pass
        finally:
            len([1])


def finally_spins():
    try:
        spin()
    finally:
        while True:
            try:
                spin()
            finally:
                continue


def swallows_once():
    try:
        spin()
    except BaseException:
        return


def logs():
    while True:
        logging.getLogger("quiet").debug("x")


def regex():
    re.match(r"(a+)+$", "a" * 60 + "b")


def waits_for_a_thread():
    concurrent.futures.Future().result()


def closes():
    def numbers():
        try:
            yield 1
        finally:
            spin()

    for _ in numbers():
        break


def traced():
    sys.settrace(lambda *arguments: None)
    time.sleep(1)
    sys.settrace(None)


def digest():
    hashlib.pbkdf2_hmac("sha256", b"a", b"b", 30_000_000)


class Default(WorkerEntrypoint):
    async def reads(self):
        while True:
            await self.env.NOTES.get("a")

    async def swallows_and_reads(self):
        while True:
            try:
                await self.reads()
            except BaseException:
                await self.env.NOTES.get("b")

    async def fetch(self, request):
        path = urlsplit(request.url).path.strip("/")
        if "reads" in path:
            await getattr(self, path)()
        elif path == "task":
            asyncio.create_task(self.at_once())
        elif path == "callback":
            asyncio.get_running_loop().call_soon(spin)
        elif path == "wait_until":
            self.ctx.waitUntil(self.later())
        elif path == "stream":
            return Response(self.parts())
        elif path:
            globals()[path]()
        return Response("ok")

    async def at_once(self):
        spin()

    async def later(self):
        await asyncio.sleep(0)
        spin()

    def parts(self):
        pulls = []

        def pull(controller):
            if pulls:
                spin()
            pulls.append(controller.enqueue(Uint8Array.new(to_js(b"one"))))

        return ReadableStream.new(to_js({"pull": create_proxy(pull)}, dict_converter=Object.fromEntries))

    async def busy(self):
        spin()

    async def scheduled(self, controller, env, ctx):
        spin()
"""
CALLER = """
import time
from urllib.parse import urlsplit
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "slow" in request.url:
            time.sleep(0.4)
            return Response("ok")
        try:
            if "rpc" in request.url:
                return Response(str(await self.env.BUSY.busy()))
            answer = await self.env.BUSY.fetch("http://busy/spin")
            return Response(str(answer.status))
        except Exception as error:
            return Response(f"{type(error).__name__}: {error}")
"""

SYNCHRONOUS = """
import asyncio
from pyodide.ffi import run_sync
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    def fetch(self, request):
        run_sync(asyncio.sleep(0))
        while True:
            pass
"""


@pytest.fixture(scope="module")
def up(module_project, module_up):
    notes = '[[kv_namespaces]]\nbinding = "NOTES"\nid = "notes"\n'
    module_project.worker("busy", BUSY, wrangler=LIMIT + notes)
    module_project.worker("hello", wrangler=LIMIT)
    module_project.worker("caller", CALLER, wrangler='services = [{ binding = "BUSY", service = "busy" }]\n')
    module_project.worker("synchronous", SYNCHRONOUS, wrangler=LIMIT)
    return module_up(module_project)


@pytest.mark.parametrize(
    ("path", "function"),
    [
        ("spin", "spin"),
        ("sleep", "sleep"),
        pytest.param("swallows_exceptions", "swallows_exceptions", marks=pytest.mark.nightly),
        ("swallows_all", "swallows_all"),
        pytest.param("swallows_by_name", "swallows_by_name", marks=pytest.mark.nightly),
        pytest.param("swallows_and_tidies", "swallows_and_tidies", marks=pytest.mark.nightly),
        pytest.param("finally_spins", "spin|finally_spins", marks=pytest.mark.nightly),
        pytest.param("swallows_once", "spin", marks=pytest.mark.nightly),
        pytest.param("logs", "logs", marks=pytest.mark.nightly),
        ("regex", "regex"),
        ("waits_for_a_thread", "waits_for_a_thread"),
        pytest.param("closes", "spin", marks=pytest.mark.nightly),
        pytest.param("reads", "reads", marks=pytest.mark.nightly),
        ("swallows_and_reads", "reads|swallows_and_reads"),
    ],
)
def test_it_is_ended_with_1102_and_the_others_answer(up, begin, path: str, function: str) -> None:
    seen = len(up.lines)
    began = time.monotonic()
    busy = begin(up.port, f"/{path}", worker="busy")
    assert up.ask(worker="hello").status == 200
    answer = busy()
    assert time.monotonic() - began < 20
    error = answer.json["error"]
    assert (answer.status, error["error_code"], error["code"]) == (503, 1102, "worker_exceeded_limits")
    assert error["message"].startswith("Worker exceeded resource limits at src/entry.py:")
    assert "the limit is 0.25 s" in error["message"] and "ending.py" not in error["traceback"]
    up.wait(rf"^busy: LimitExceeded: .* \(src/entry.py:\d+ in ({function})\)", after=seen)
    assert up.ask(worker="busy").text == "ok"


@pytest.mark.nightly
def test_a_browser_gets_a_page(up) -> None:
    answer = up.ask("/spin", worker="busy", headers={"Accept": "text/html"})
    assert answer.status == 503 and "Error 1102: Worker exceeded resource limits" in answer.text
    assert "while True:" in answer.text


@pytest.mark.parametrize("path", ["task", "callback", "wait_until"])
def test_work_that_no_request_waits_for_is_ended_too(up, path: str) -> None:
    seen = len(up.lines)
    assert up.ask(f"/{path}", worker="busy").text == "ok"
    up.wait(r"^busy is ended with error 1102 after \d+ ms at src/entry.py:\d+ in spin", after=seen)
    assert up.ask(worker="hello").status == 200


def test_a_streamed_answer_is_cut(up) -> None:
    seen = len(up.lines)
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        up.ask("/stream", worker="busy")
    up.wait(r"LimitExceeded: ", after=seen)
    assert up.ask(worker="hello").status == 200


def test_a_caller_learns_of_it_and_goes_on(up) -> None:
    assert "Worker exceeded resource limits" in up.ask("/fetch", worker="caller").text
    assert "Worker exceeded resource limits" in up.ask("/rpc", worker="caller").text


def test_a_scheduled_event_is_ended(up) -> None:
    seen = len(up.lines)
    assert up.ask("/cdn-cgi/handler/scheduled", worker="busy").text == "exceededCpu"
    up.wait(r"LimitExceeded: ", after=seen)


def test_code_that_has_waited_by_run_sync_is_ended(up) -> None:
    pytest.importorskip("greenlet")
    answer = up.ask("/", worker="synchronous")
    assert answer.status == 503 and "src/entry.py:9 in fetch" in answer.text
    assert up.ask(worker="hello").status == 200


def test_who_is_slow_is_told_with_file_line_and_call(up) -> None:
    seen = len(up.lines)
    assert up.ask("/slow", worker="caller").text == "ok"
    up.wait(r"^caller keeps the loop busy: \d+ ms at src/entry.py:\d+ in fetch, calling time.sleep$", after=seen)


def test_while_code_is_traced_nothing_is_ended(up) -> None:
    assert up.ask("/traced", worker="busy").text == "ok"


@pytest.mark.nightly
def test_what_cannot_be_ended_is_said_and_ends_when_it_returns(up, begin) -> None:
    seen = len(up.lines)
    answer = begin(up.port, "/digest", worker="busy")
    up.wait(r"does not end at src/entry.py:\d+ in digest, calling hashlib.pbkdf2_hmac: every worker waits", after=seen)
    assert answer().status == 503


def test_an_import_that_does_not_end(up, eventually) -> None:
    entry = up.project.root / "workers" / "hello" / "src" / "entry.py"
    before = entry.read_text()
    seen = len(up.lines)
    entry.write_text("while True:\n    pass\n")
    up.wait(r"^hello: LimitExceeded: .* \(src/entry.py:\d+ in <module>\)", after=seen)
    assert up.ask(worker="hello").headers["x-sandbox-stale"] == "1"
    entry.write_text(before)
    eventually(lambda: "x-sandbox-stale" not in up.ask(worker="hello").headers)


PIPELINE = """
[pipelines.work]
[[pipelines.work.stages]]
name = "only"
worker = "endless"
retry = { max_attempts = 3, initial_delay_ms = 1 }
"""
ENDLESS = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "endless"
    async def process(self, job):
        while True:
            pass
"""


def test_a_stage_fails_with_it_at_once(project) -> None:
    caches = [f'[[kv_namespaces]]\nbinding = "{name}_CACHE"\nid = "{name}"\n' for name in ("PROGRESS", "RESULT")]
    project.worker("endless", ENDLESS, wrangler=LIMIT + "".join(caches))
    project.toml(PIPELINE)
    done = project.sandbox("run", "work", "--json")
    assert done.code == 1
    execution = json.loads(done.out)["execution"]
    stage = execution["stages"][0]
    assert stage["error"]["code"] == "worker_exceeded_limits"
    assert "src/entry.py" in stage["error"]["message"]
    assert len(stage["packets"]) == 1


# The thread that looks never runs, as when an expression begins before it has: only the kernel's timer is left.
BLIND = """
import sys
import sandbox.loader.watchdog as watchdog
from sandbox.cli import main

watchdog.TICK_S = 3600.0
main(["run", "work", "--json"])
"""


def test_an_expression_is_ended_although_the_watchdog_has_not_looked_once(project) -> None:
    caches = [f'[[kv_namespaces]]\nbinding = "{name}_CACHE"\nid = "{name}"\n' for name in ("PROGRESS", "RESULT")]
    code = "import re\n" + ENDLESS.replace("while True:\n            pass", 're.match(r"(a+)+$", "a" * 60 + "b")')
    project.worker("endless", code, wrangler=LIMIT + "".join(caches))
    project.toml(PIPELINE)
    done = subprocess.run(
        [sys.executable, "-c", BLIND], cwd=project.root, capture_output=True, text=True, timeout=45, check=False
    )
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["execution"]["stages"][0]["error"]["code"] == "worker_exceeded_limits"


STOPS = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        breakpoint()
        return Response("went on")
"""


def test_while_a_prompt_is_open_nothing_is_ended(project, make_terminal, asker) -> None:
    project.worker("stops", STOPS, wrangler=LIMIT)
    shown = make_terminal("up", cwd=project.root)
    port = int(shown.expect(r"is up at http://localhost:(\d+)").group(1))
    answer = asker(port).begin("/", worker="stops")
    shown.expect(r"\(Pdb\) $")
    shown.say("import time; time.sleep(1)")  # four times the limit
    shown.say("c", then=None)
    assert answer().text == "went on"
    assert "LimitExceeded" not in shown.screen and "keeps the loop" not in shown.screen
