"""`sandbox up`: what it says, where it answers, how it ends."""

from __future__ import annotations

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

SLOW = """
import asyncio
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        seconds = float(request.url.rpartition("/")[2])
        print("began", seconds)
        await asyncio.sleep(seconds)
        return Response("done")
"""

HELLO_PRINTING = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        print("said")
        return Response("x")
"""


def test_it_says_what_a_person_needs_and_answers_at_every_address(project, up):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        own_port = probe.getsockname()[1]
    project.worker("feed_fetcher", text="feeds")
    project.worker("other")
    project.toml(f"[workers.other]\nport = {own_port}\n")
    sandbox = up(project)

    assert f"Python {platform.python_version()}" in sandbox.console
    assert "workers-runtime-sdk 1." in sandbox.console
    assert "state state" in sandbox.console
    assert f"page http://localhost:{sandbox.port}/" in sandbox.console
    assert f"feed_fetcher  http://feed-fetcher.localhost:{sandbox.port}" in sandbox.console
    assert f"http://localhost:{own_port}" in sandbox.console

    health = sandbox.ask("/health")
    assert health.status == 200
    assert health.json["success"] is True and set(health.json["workers"]) == {"feed_fetcher", "other"}
    assert sandbox.ask(worker="feed_fetcher").text == "feeds"
    assert sandbox.ask("/workers/feed_fetcher/").text == "feeds"
    assert sandbox.ask("/workers/feed-fetcher/").text == "feeds"
    assert sandbox.ask(port=own_port).text == "other"
    page = sandbox.ask("/", headers={"Accept": "text/html"})
    assert page.status == 200 and "feed_fetcher" in page.text
    missing = sandbox.ask("/workers/nobody/")
    assert missing.status == 404 and missing.json["success"] is False and "nobody" in missing.json["error"]["message"]
    assert sandbox.ask("/api/nothing").json["error"]["code"] == "no_route"


def test_one_worker_folder_without_a_sandbox_toml(project, up):
    folder = project.worker("solo")
    (project.root / "sandbox.toml").unlink()
    sandbox = up(project, "--port", "0", cwd=folder)
    assert sandbox.ask(worker="solo").text == "solo"
    assert (folder / "kv_data").is_dir()


def test_spaces_and_letters_beyond_ascii_in_paths(tmp_path, make_project, up):
    project = make_project(tmp_path / "mein Örtchen" / "日本")
    project.worker("hello", folder="der wörker")
    sandbox = up(project)
    assert sandbox.ask(worker="hello").text == "hello"


def test_ctrl_c_lets_requests_in_flight_finish_and_says_so(project, up):
    project.worker("slow", SLOW)
    sandbox = up(project)
    first = sandbox.begin("/1.5", worker="slow")
    sandbox.wait("began 1.5")
    assert sandbox.stop() == 0
    assert first().text == "done"
    assert "1 request in flight" in sandbox.console
    assert "stopped; 1 request was finished" in sandbox.console
    assert "Traceback" not in sandbox.console


def test_what_takes_longer_than_five_seconds_is_cut_and_said_so(project, up):
    project.worker("slow", SLOW)
    sandbox = up(project)
    short, long = sandbox.begin("/0.8", worker="slow"), sandbox.begin("/60", worker="slow")
    sandbox.wait("began 0.8")
    sandbox.wait("began 60")
    assert sandbox.stop() == 0
    assert short().text == "done"
    assert isinstance(long(), Exception)
    assert "1 request was finished, 1 was cut" in sandbox.console
    assert "Traceback" not in sandbox.console


def test_a_second_ctrl_c_ends_it_at_once(project, up):
    project.worker("slow", SLOW)
    sandbox = up(project)
    sandbox.begin("/60", worker="slow")
    sandbox.wait("began 60")
    sandbox.send_signal(signal.SIGINT)
    sandbox.wait("stopping")
    assert sandbox.stop() == 130
    assert sandbox.lines[-2] == "stopped at once"


def test_an_endless_loop_can_be_ended_by_ctrl_c(project, up):
    code = HELLO_PRINTING.replace('print("said")', 'print("said")\n        while True: pass')
    project.worker("endless", code)
    sandbox = up(project)
    sandbox.begin("/", worker="endless")
    sandbox.wait("endless said")
    sandbox.send_signal(signal.SIGINT)
    # The second must not be merged with the first: it counts when the first has been taken.
    deadline = time.monotonic() + 30
    while sandbox.process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
        sandbox.send_signal(signal.SIGINT)
    assert sandbox.end() == 130
    up(project)  # the state folder is free again


def test_sigterm_stops_it_cleanly(project, up):
    project.worker("hello")
    sandbox = up(project)
    assert sandbox.stop(signal.SIGTERM) == 0
    assert sandbox.lines[-2] == "stopped"


def test_a_busy_port_names_who_has_it(project, up):
    project.worker("hello")
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        done = project.sandbox("up", "--port", str(port))
    assert done.code == 1
    lines = done.err.splitlines()
    assert len(lines) == 2 and "Traceback" not in done.err
    assert f"port {port}" in lines[0]
    if sys.platform == "linux":
        assert f"process {os.getpid()}" in lines[0]
    assert "--port" in lines[1]


def test_a_second_sandbox_on_the_same_state_is_refused_and_names_the_first(project, up):
    project.worker("hello")
    sandbox = up(project)
    done = project.sandbox("up")
    assert done.code == 1 and "Traceback" not in done.err
    assert str(sandbox.process.pid) in done.err and f"localhost:{sandbox.port}" in done.err
    assert "--persist-to" in done.err
    other = up(project, "--persist-to", "elsewhere")
    assert other.ask(worker="hello").text == "hello"


def test_the_state_folder_is_private(project, up):
    project.worker("hello", wrangler='[[kv_namespaces]]\nbinding = "KV"\nid = "things"\n')
    up(project)
    assert project.sandbox("kv", "key", "put", "a", "b", "--binding", "KV").code == 0
    assert project.state.stat().st_mode & 0o777 == 0o700
    files = [path for path in project.state.rglob("*") if path.is_file()]
    assert files and all(path.stat().st_mode & 0o077 == 0 for path in files)


def test_json_lines(project, up):
    project.worker("hello", HELLO_PRINTING)
    sandbox = up(project, "--log-format", "json", ready=False)
    sandbox.wait('"kind": "up"')
    lines = [json.loads(line) for line in sandbox.lines]
    address = next(line for line in lines if line["kind"] == "up")["address"]
    sandbox.port = int(address.rpartition(":")[2])
    sandbox.ask(worker="hello")
    sandbox.wait('"kind": "log"')
    assert sandbox.stop() == 0
    logs = [json.loads(line) for line in sandbox.lines[:-1] if '"log"' in line]
    assert logs[0]["worker"] == "hello" and logs[0]["text"] == "said"


def test_vars_by_the_command_line(project, up):
    code = HELLO_PRINTING.replace('Response("x")', "Response(self.env.WORD)")
    project.worker("hello", code, wrangler='[vars]\nWORD = "file"\n')
    sandbox = up(project, "--var", "WORD:line:with:colons")
    assert sandbox.ask(worker="hello").text == "line:with:colons"


def test_the_installed_command_is_the_same(root):
    script = Path(sys.executable).with_name("sandbox")
    if not script.exists():
        pytest.skip("the sandbox command is not installed beside this interpreter")
    done = subprocess.run([script, "--version"], capture_output=True, text=True)
    module = subprocess.run([sys.executable, "-m", "sandbox", "--version"], capture_output=True, text=True, cwd=root)
    assert (done.returncode, done.stdout) == (module.returncode, module.stdout) == (0, done.stdout)
    assert done.stdout.startswith("sandbox")
