"""`breakpoint()` and `--pdb` at a real terminal: what is shown there, what waits meanwhile, and how it goes on."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

WORKER = """
import asyncio
from workers import Response, WorkerEntrypoint

async def slow(number):
    await asyncio.sleep(0.02)
    return number * 2

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        answer = 41
        if "/boom" in request.url:
            raise ValueError("the greeter is tired")
        if "/hello" in request.url:
            return Response("hello")
        breakpoint()
        answer += 1
        doubled = await slow(answer)
        return Response(f"answer {doubled}")
"""
HANDSHAKE = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "steps"
    async def process(self, job):
        print("before")
        STOP
        print("after")
        return {"done": True}
"""
CACHES = (
    'kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "progress" }, { binding = "RESULT_CACHE", id = "result" }]\n'
)
PROMPT = r"\(Pdb\) $"


@pytest.fixture
def terminal(project, make_terminal) -> Callable[..., object]:
    return lambda *arguments: make_terminal(*arguments, cwd=project.root)


@pytest.fixture
def up_here(terminal, asker):
    """`sandbox up` in a terminal, and a client of it."""

    def start(*arguments: str):
        shown = terminal("up", *arguments)
        port = int(shown.expect(r"is up at http://localhost:(\d+)").group(1))
        shown.expect("Ctrl-C stops it")
        return shown, asker(port)

    return start


def stopped(shown) -> None:
    """Wait for the prompt of a `breakpoint()`, and be on the line after it: since 3.13 it opens on its own line."""
    shown.expect(PROMPT)
    if sys.version_info >= (3, 13):
        shown.say("n")


def test_a_request_is_stepped_through_and_goes_on(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here()
    answer = client.begin("/", worker="greeter")
    stopped(shown)
    assert "41" in shown.say("p answer")
    assert "-> doubled = await slow(answer)" in shown.say("n")
    assert "def slow(number)" in shown.say("s")
    assert "await asyncio.sleep" in shown.say("n")
    assert "-> return number * 2" in shown.say("n")  # over an await, in the same request
    assert "aiohttp" not in shown.say("w")
    assert "-> doubled = await slow(answer)" in shown.say("u")
    assert "-> return number * 2" in shown.say("d")
    assert "--Return--" in shown.say("r")
    assert "-> return Response" in shown.say("n")
    assert "--Return--" in shown.say("n")
    shown.say("n", then=None)  # past the end of the handler: as c
    assert answer().text == "answer 84"
    assert client.ask("/hello", worker="greeter").text == "hello"


def test_q_at_a_breakpoint_ends_the_request_with_pdb_as_well(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here("--pdb")
    answer = client.begin("/", worker="greeter")
    shown.expect(PROMPT)
    shown.say("q", then=None)
    assert answer().status == 500
    assert "post mortem" not in shown.screen


def test_two_requests_at_once_have_their_turns(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here()
    answers = [client.begin(f"/{number}", worker="greeter") for number in (1, 2)]
    stopped(shown)
    shown.say("n")
    # The other one stops while the first one waits.
    there = shown.say("n")
    assert re.search(r"\(another request: GET http://greeter\.localhost:\d+/\d\)", there), there
    assert "-> answer += 1" in there or "-> breakpoint()" in there
    back = shown.say("c")
    assert "another request" in back
    assert "-> return Response" in back
    assert "84" in shown.say("p doubled")
    shown.say("c", then=None)
    assert [answer().text for answer in answers] == ["answer 84", "answer 84"]


def test_ctrl_d_ends_the_request_and_nothing_else(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here()
    answer = client.begin("/", worker="greeter")
    shown.expect(PROMPT)
    shown.press("\x04")
    error = answer().json["error"]
    assert error["code"] == "worker_exception"
    assert "ended in the debugger (q)" in error["message"]
    assert client.ask("/hello", worker="greeter").text == "hello"


def test_ctrl_c_takes_the_line_back_and_a_second_one_stops_the_sandbox(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here()
    answer = client.begin("/", worker="greeter")
    shown.expect(PROMPT)
    shown.press("p 1 +")
    shown.expect(r"p 1 \+$")  # a terminal throws unread keys away at Ctrl-C, and readline then waits for the next one
    shown.interrupt(until="Ctrl-C again stops the sandbox")
    shown.expect(PROMPT)
    assert "42" in shown.say("p 42")
    shown.interrupt(until="Ctrl-C again stops the sandbox")
    shown.expect(PROMPT)
    shown.interrupt(until="the sandbox was stopped while")
    assert shown.end() == 0
    assert answer().status == 500


def test_sigterm_at_the_prompt_stops_the_sandbox(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here()
    answer = client.begin("/", worker="greeter")
    shown.expect(PROMPT)
    shown.interrupt(until="^stopping", number=signal.SIGTERM)
    assert shown.end() == 0
    assert answer().status == 500


def test_log_lines_of_threads_wait_for_the_prompt(project, up_here):
    code = """
import logging, threading
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        go, said = threading.Event(), threading.Event()
        def work():
            go.wait(20)
            print("from a thread")
            logging.getLogger("lib").warning("a warning from a thread")
            said.set()
        threading.Thread(target=work, daemon=True).start()
        breakpoint()
        return Response("ok")
"""
    project.worker("noisy", code)
    shown, client = up_here()
    answer = client.begin("/", worker="noisy")
    shown.expect(PROMPT)
    shown.say("go.set()")
    told = shown.say("said.wait(20)")
    assert "from a thread" not in told
    shown.say("c", then=None)
    assert answer().text == "ok"
    shown.expect("from a thread")
    shown.expect("a warning from a thread")


def test_deadlines_stand_still_and_a_run_elsewhere_says_where_the_prompt_is(project, up_here, terminal):
    project.worker("steps", HANDSHAKE.replace("STOP", "breakpoint()"), wrangler=CACHES)
    project.toml('[pipelines.one]\n[[pipelines.one.stages]]\nname = "only"\nworker = "steps"\ntimeout_ms = 1000\n')
    shown, _ = up_here()
    run = terminal("run", "one")
    shown.expect(PROMPT)
    run.expect(r"steps is stopped at src/entry\.py:\d+ in the terminal of `sandbox up` \(pid \d+\)")
    # Longer than the stage's time limit.
    shown.say("import time; time.sleep(1.5)")
    shown.say("c", then=None)
    run.expect("steps goes on")
    run.expect("one  ok")
    assert run.end() == 0
    assert "failed" not in shown.screen


def test_a_run_of_its_own_draws_nothing_while_the_prompt_is_open(project, terminal):
    project.worker("steps", HANDSHAKE.replace("STOP", "breakpoint()"), wrangler=CACHES)
    run = terminal("run", "steps", "-p", "x=1")
    run.expect(PROMPT)
    drawn = len(run.raw)
    shown = run.say("import time; time.sleep(0.5)")
    assert "%" not in shown
    assert "\x1b[2K" not in run.raw[drawn:]
    run.say("c", then=None)
    run.expect("steps  ok")
    assert run.end() == 0


def test_pdb_stops_at_an_unhandled_exception_with_the_request(project, up_here):
    project.worker("greeter", WORKER)
    shown, client = up_here("--pdb")
    answer = client.begin("/boom?x=1", worker="greeter")
    shown.expect(r"GET http://greeter\.localhost:\d+/boom\?x=1 raised ValueError: the greeter is tired")
    shown.expect(PROMPT)
    assert "('/boom' in request.url" not in shown.screen
    assert "x=1" in shown.say("p request.url")
    assert "41" in shown.say("p answer")
    assert "the greeter is tired" in shown.say("p error")
    shown.say("c", then=None)
    assert answer().status == 500
    assert client.ask("/hello", worker="greeter").text == "hello"


def test_pdb_stops_in_process_and_where_the_error_began(project, terminal):
    project.worker(
        "steps",
        HANDSHAKE.replace("STOP", 'await self.env.OTHER.total([1, "two"])'),
        wrangler=CACHES + '[[services]]\nbinding = "OTHER"\nservice = "other"\n',
    )
    project.worker(
        "other",
        "from workers import WorkerEntrypoint\n\nclass Default(WorkerEntrypoint):\n"
        "    async def total(self, numbers):\n        return sum(numbers)\n",
    )
    project.toml(
        '[pipelines.one]\n[[pipelines.one.stages]]\nname = "only"\nworker = "steps"\nretry = { max_attempts = 1 }\n'
    )
    run = terminal("run", "one", "--pdb")
    run.expect(r"RPC total\(\) for POST http://steps\.localhost\S*/api/process raised TypeError")
    run.expect(PROMPT)
    assert "[1, 'two']" in run.say("p numbers")
    run.say("c", then=None)
    assert run.end() == 1  # one prompt: what it led to is not asked about again
    assert run.screen.count("(Pdb)") == 2


def test_without_a_terminal_both_say_what_to_do(project, up):
    project.worker("greeter", WORKER)
    refused = project.sandbox("up", "--pdb")
    assert refused.code == 2
    assert "--pdb needs a terminal" in refused.err
    running = up(project)
    assert running.ask("/", worker="greeter").text == "answer 84"
    running.wait(r"entry\.py:16: breakpoint\(\) skipped: standard input is not a terminal")
    elsewhere = project.sandbox("run", "greeter", "--pdb")
    assert elsewhere.code == 2


def test_closed_standard_input_is_no_terminal(project):
    project.worker("steps", HANDSHAKE.replace("STOP", "breakpoint()"), wrangler=CACHES)
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" -m sandbox run steps -p x=1 <&-', sys.executable],
        cwd=project.root,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("before") == 1
    assert "breakpoint() skipped: standard input is not a terminal" in done.stderr
