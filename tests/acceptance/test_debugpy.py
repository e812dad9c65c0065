"""An editor at work: `sandbox up --debugpy`, spoken to by the debug adapter protocol itself."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("debugpy")

WORKER = """
from workers import Response, WorkerEntrypoint

def double(number):
    doubled = number * 2
    return doubled

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "/hello" in request.url:
            return Response("hello")
        if "/stop" in request.url:
            breakpoint()
        return Response(str(double(21)))
"""
HANDSHAKE = """
from sandbox.handshake import HandshakeWorker

class Default(HandshakeWorker):
    name = "steps"
    async def process(self, job):
        done = True
        return {"done": done}
"""
CACHES = (
    'kv_namespaces = [{ binding = "PROGRESS_CACHE", id = "progress" }, { binding = "RESULT_CACHE", id = "result" }]\n'
)


class Editor:
    """The smallest client of the protocol: requests with their answers, and events waited for by name."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._file = self._socket.makefile("rb")
        self._numbers = itertools.count(1)
        self._events: list[dict[str, Any]] = []

    def attach(self) -> None:
        self.request("initialize", adapterID="test", clientID="test", pathFormat="path", linesStartAt1=True)
        number = self.send("attach", justMyCode=True)
        self.event("initialized")
        self._attaching = number

    def ready(self) -> None:
        self.request("configurationDone")
        self.answer(self._attaching)

    def breakpoints(self, path: Path, *lines: int) -> list[dict[str, Any]]:
        body = self.request(
            "setBreakpoints", source={"path": str(path)}, breakpoints=[{"line": line} for line in lines]
        )
        return body["breakpoints"]

    def stopped(self) -> tuple[int, dict[str, Any]]:
        """The thread that stopped, and its innermost frame."""
        thread = self.event("stopped")["threadId"]
        return thread, self.request("stackTrace", threadId=thread)["stackFrames"][0]

    def go_on(self, thread: int) -> None:
        self.request("continue", threadId=thread)

    def send(self, command: str, **arguments: Any) -> int:
        number = next(self._numbers)
        body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        self._socket.sendall(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        return number

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        return self.answer(self.send(command, **arguments))

    def answer(self, number: int) -> dict[str, Any]:
        while True:
            message = self._read()
            if message["type"] == "response" and message["request_seq"] == number:
                assert message["success"], message
                return message.get("body") or {}
            self._keep(message)

    def event(self, name: str) -> dict[str, Any]:
        while True:
            for message in self._events:
                if message["event"] == name:
                    self._events.remove(message)
                    return message.get("body") or {}
            self._keep(self._read())

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def _keep(self, message: dict[str, Any]) -> None:
        if message["type"] == "event":
            self._events.append(message)

    def _read(self) -> dict[str, Any]:
        length = 0
        while line := self._file.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        assert length, "the adapter closed the connection"
        return json.loads(self._file.read(length))


@pytest.fixture
def edit(project, up) -> Iterator[Callable[..., tuple[Any, Editor]]]:
    """`edit()` starts `sandbox up --debugpy 0` and attaches an editor, which has still to say that it is ready."""
    editors: list[Editor] = []

    def start() -> tuple[Any, Editor]:
        running = up(project, "--debugpy", "0")
        editor = Editor(int(running.wait(r"an editor may attach on 127\.0\.0\.1:(\d+)").group(1)))
        editors.append(editor)
        editor.attach()
        return running, editor

    yield start
    for editor in editors:
        editor.close()


def line_of(path: Path, text: str) -> int:
    return next(number for number, line in enumerate(path.read_text().split("\n"), 1) if text in line)


def test_breakpoints_are_hit_and_survive_a_hot_reload(project, edit):
    path = project.worker("greeter", WORKER) / "src" / "entry.py"
    running, editor = edit()
    line = line_of(path, "return doubled")
    assert editor.breakpoints(path, line)[0]["verified"]
    editor.ready()

    answer = running.begin("/", worker="greeter")
    thread, frame = editor.stopped()
    assert (frame["source"]["path"], frame["line"], frame["name"]) == (str(path), line, "double")
    value = editor.request("evaluate", expression="doubled + 1", frameId=frame["id"])
    assert value["result"] == "43"
    editor.go_on(thread)
    assert answer().text == "42"

    # Below the breakpoint: the editor has nothing new to say.
    said = len(running.lines)
    path.write_text(WORKER.replace("str(double(21))", "'new ' + str(double(21))"))
    running.wait("greeter reloaded", after=said)
    answer = running.begin("/", worker="greeter")
    thread, frame = editor.stopped()
    assert frame["line"] == line
    editor.go_on(thread)
    assert answer().text == "new 42"

    # Above it: the line moves, and the editor moves its breakpoint with it, as editors do when they save.
    said = len(running.lines)
    path.write_text(WORKER.replace("number * 2", "number * 2\n    doubled += 1\n    doubled += 1"))
    running.wait("greeter reloaded", after=said)
    editor.breakpoints(path, line + 2)
    answer = running.begin("/", worker="greeter")
    thread, frame = editor.stopped()
    assert frame["line"] == line + 2 == line_of(path, "return doubled")
    assert editor.request("evaluate", expression="doubled", frameId=frame["id"])["result"] == "44"
    editor.go_on(thread)
    assert answer().text == "44"


def test_deadlines_stand_still_and_breakpoint_stops_in_the_editor(project, edit):
    project.toml('[pipelines.one]\n[[pipelines.one.stages]]\nname = "only"\nworker = "steps"\ntimeout_ms = 1000\n')
    path = project.worker("steps", HANDSHAKE, wrangler=CACHES) / "src" / "entry.py"
    greeter = project.worker("greeter", WORKER) / "src" / "entry.py"
    running, editor = edit()
    editor.breakpoints(path, line_of(path, "return"))
    editor.ready()
    run = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "run", "one"],
        cwd=project.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    thread, frame = editor.stopped()
    # Longer than the stage's time limit; the protocol's own requests are answered meanwhile.
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        assert editor.request("evaluate", expression="done", frameId=frame["id"])["result"] == "True"
    editor.go_on(thread)
    told, _ = run.communicate(timeout=50)
    assert run.returncode == 0, told
    assert "steps is stopped at src/entry.py:8 in the editor attached to `sandbox up`" in told, told

    answer = running.begin("/stop", worker="greeter")
    thread, frame = editor.stopped()
    assert frame["source"]["path"] == str(greeter)
    assert frame["line"] in (line_of(greeter, "breakpoint()"), line_of(greeter, "double(21)"))
    editor.go_on(thread)
    assert answer().text == "42"
    editor.request("disconnect", terminateDebuggee=False)
    assert running.ask("/hello", worker="greeter").text == "hello"
    assert running.stop() == 0


def test_a_taken_port_is_said_in_two_lines(project):
    project.worker("greeter", WORKER)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = project.sandbox("up", "--debugpy", str(port))
    assert done.code == 1
    assert f"port {port} (--debugpy) is taken" in done.err
    assert "Traceback" not in done.err


def test_without_debugpy_the_way_to_install_it_is_said(project, tmp_path):
    project.worker("greeter", WORKER)
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "debugpy.py").write_text("raise ImportError('not here')\n")
    done = project.sandbox("up", "--debugpy", "0", PYTHONPATH=os.pathsep.join([str(hidden)]))
    assert done.code == 1
    assert "--debugpy needs the package debugpy" in done.err
    assert "pip install debugpy" in done.err
    assert "Traceback" not in done.err
