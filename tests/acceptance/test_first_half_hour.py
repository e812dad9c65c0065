"""What a person stumbles over in the first half hour, and is told."""

from __future__ import annotations

import socket
import sys

import pytest

ANSWERS = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/text"):
            return "text"

class Admin(WorkerEntrypoint):
    async def who(self):
        return "me"
"""


@pytest.mark.parametrize(("path", "what"), [("/text", "a str"), ("/", "None")])
def test_where_a_handler_returned_no_response(project, up, path, what):
    project.worker("shop", ANSWERS)
    running = up(project)
    answer = running.ask(path, worker="shop")
    assert answer.status == 500
    told = rf"Default.fetch \(src/entry.py:5\) returned {what}, where a workers.Response is wanted."
    running.wait(told)
    assert told.replace("\\", "") in answer.json["error"]["traceback"]


def test_an_entrypoint_that_a_service_has_not(project, up):
    project.worker("shop", ANSWERS)
    bound = '[[services]]\nbinding = "{}"\nservice = "shop"\nentrypoint = "{}"\n'
    project.worker("asks", wrangler=bound.format("GOOD", "Admin") + bound.format("BAD", "Admn"))
    running = up(project)
    (line,) = [line for line in running.lines if "fails when used" in line]
    assert line == (
        "warning: asks: env.BAD fails when used: shop has no entrypoint called 'Admn' (its entrypoints: Default, Admin)"
    )


def test_a_workers_port_that_is_in_use(project):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        project.worker("shop", wrangler=f"[dev]\nport = {port}\n")
        done = project.sandbox("up")
    assert done.code == 1, done.err
    assert f"port {port} on 127.0.0.1, which shop asks for, is in use by " in done.err
    assert '"dev.port" of its wrangler file, or [workers.shop] port in sandbox.toml' in done.err
    assert "--port" not in done.err


def test_the_name_that_an_environment_gives_is_an_address(project, up):
    project.worker("api", text="served", wrangler='[env.staging]\nname = "api_at_staging"\n')
    running = up(project, "-e", "staging")
    assert running.ask(worker="api").text == "served"
    assert running.ask(worker="api_at_staging").text == "served"
    assert running.ask(worker="api_at_home").status == 404


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python is not far from that of the compatibility date")
def test_a_python_far_from_cloudflares_is_told_once(project, up):
    folder = project.worker("shop", ANSWERS)
    running = up(project)
    running.wait(r"note: Python 3\.11 here, 3\.14 on Cloudflare by the compatibility date of shop")
    (folder / "src" / "entry.py").write_text("import time\n" + ANSWERS + "        time.sleep(0)\n")
    running.wait("time-sleep")
    assert running.console.count("note: ") == 1


def test_a_syntax_error_is_told_once(project, up):
    project.worker("broken", "def f(:\n")
    project.worker("sleepy", "import time\ndef f():\n    time.sleep(1)\n" + ANSWERS)
    running = up(project)
    running.wait("time-sleep")  # the files have been read
    assert running.console.count("does not read this") == 0 and "SyntaxError" in running.console
