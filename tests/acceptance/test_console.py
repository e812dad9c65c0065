"""What workers say and how they fail, in the terminal of `sandbox up` and in the answer."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pytest

WORKER = """
import logging
from workers import Response, WorkerEntrypoint

log = logging.getLogger("mine")

def deeper(text):
    raise ValueError(text)

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "boom" in request.url:
            deeper("boom")
        print("printed", end="")
        print(" line")
        log.warning("careful")
        log.info("not shown without any configuration")
        return Response("fine")
"""
STOPPING = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        here = 41
        breakpoint()
        return Response(str(here + 1))
"""


@pytest.fixture(scope="module")
def talker(module_project, module_up):
    module_project.worker("talker", WORKER)
    module_project.worker("other", WORKER)
    return module_up(module_project)


def test_prints_and_logging_come_out_with_the_workers_name(talker):
    after = len(talker.lines)
    assert talker.ask(worker="talker").text == "fine"
    talker.wait("^talker printed line$", after=after)
    talker.wait("^talker careful$", after=after)
    talker.ask(worker="other")
    talker.wait("^other printed line$", after=after)
    talker.wait("^other careful$", after=after)  # stdout and stderr are read by themselves, in either order
    assert "not shown" not in talker.console


def test_an_exception_shows_the_workers_own_frames_first(talker):
    after = len(talker.lines)
    assert talker.ask("/boom", worker="talker").status == 500
    talker.wait(r"GET http://talker\.localhost:\d+/boom 500", after=after)
    said = [line for line in talker.lines[after:] if not line.startswith("other ")]
    assert said[0] == "talker: ValueError: boom (src/entry.py:8 in deeper)"
    assert said[1] == "Traceback (most recent call last):"
    frames = [line for line in said if line.startswith("  File ")]
    assert len(frames) == 2 and all("workers/talker/src/entry.py" in line for line in frames)
    assert "/site-packages/" not in "\n".join(said) and "sandbox/host" not in "\n".join(said)


def test_a_program_gets_json_and_a_browser_a_page(talker):
    answer = talker.ask("/boom", worker="talker")
    assert answer.headers["content-type"] == "application/json"
    error = answer.json["error"]
    assert answer.json["success"] is False
    assert (error["code"], error["worker"], error["message"]) == ("worker_exception", "talker", "ValueError: boom")
    assert "entry.py" in error["traceback"] and "in deeper" in error["traceback"]
    page = talker.ask("/boom", worker="talker", headers={"Accept": "text/html,*/*"})
    assert page.status == 500 and page.headers["content-type"].startswith("text/html")
    assert "ValueError: boom" in page.text and "deeper" in page.text and "<pre>" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_breakpoint_without_a_terminal_is_skipped_with_a_hint(project, up):
    project.worker("stopping", STOPPING)
    sandbox = up(project)
    assert sandbox.ask(worker="stopping").text == "42"
    sandbox.wait(r"entry\.py:7: breakpoint\(\) skipped: .*sandbox up.* in one")


class Terminal:
    """`sandbox up` in a terminal of its own."""

    def __init__(self, project):
        self.leader, follower = pty.openpty()
        environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONBREAKPOINT", "SANDBOX_STATE")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "up"],
            cwd=project.root,
            stdin=follower,
            stdout=follower,
            stderr=follower,
            start_new_session=True,
            env={**environment, "TERM": "xterm-256color", "COLUMNS": "200"},
        )
        os.close(follower)
        self.said = ""

    def wait(self, pattern):
        deadline = time.monotonic() + 30
        while (found := re.search(pattern, self.plain)) is None:
            assert time.monotonic() < deadline, f"{pattern!r} was not said:\n{self.said}"
            if select.select([self.leader], [], [], 0.5)[0]:
                try:
                    self.said += os.read(self.leader, 65536).decode("utf-8", "replace")
                except OSError:
                    assert re.search(pattern, self.plain), f"the terminal closed:\n{self.said}"
        return found

    @property
    def plain(self):
        return re.sub(r"\x1b\[[0-9;]*m", "", self.said)

    def type(self, line):
        os.write(self.leader, line.encode() + b"\n")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(30)
        os.close(self.leader)


@pytest.fixture
def terminal():
    opened = []

    def start(project):
        opened.append(Terminal(project))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


def test_breakpoint_in_the_terminal_of_up(project, terminal, begin):
    project.worker("stopping", STOPPING)
    shown = terminal(project)
    port = int(shown.wait(r"is up at http://localhost:(\d+)").group(1))
    shown.wait("Ctrl-C stops it")
    answer = begin(port, "/", worker="stopping")
    shown.wait(r"\(Pdb\) ")
    assert "-> return Response(str(here + 1))" in shown.plain or "-> breakpoint()" in shown.plain
    shown.type("p here + 1000")
    shown.wait(r"\n1041\r")
    shown.type("c")
    assert answer().text == "42"
    # Ctrl-C still belongs to the sandbox afterwards.
    os.killpg(shown.process.pid, signal.SIGINT)
    shown.wait("stopped")
    assert shown.process.wait(30) == 0


def test_colours_only_in_a_terminal(project, terminal, talker):
    project.worker("one")
    shown = terminal(project)
    shown.wait("Ctrl-C stops it")
    assert "\x1b[" in shown.said
    assert "\x1b[" not in talker.console
