"""Hosts one project of the SDK's `workerd-test` folder in a real Sandbox and calls its `test` handler.

A process of its own: `python hosting.py PROJECT SUITES SCRATCH`, where PROJECT is sdk, asgi or python-rpc, SUITES the folder
`tests/workerd-test` of the source distribution and SCRATCH an empty one. Each project's service graph (its `.wd-test` file)
stands here as the wrangler and sandbox files that mean the same.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import aiohttp
from jsworker import JsWorker

from sandbox.app import Sandbox
from sandbox.bindings.services import Fetcher
from sandbox.clock import SystemClock
from sandbox.config.load import load_sandbox
from sandbox.runtime import exchange
from sandbox.runtime.protocols import Outbound
from sandbox.runtime.values import HostObject, js_method
from sandbox.runtime.web import Request, Response

WRANGLER = """
name = "{name}"
main = "src/{module}.py"
compatibility_date = "2026-11-01"
compatibility_flags = ["python_workers", "service_binding_extra_handlers"]
"""
SELF = '[[services]]\nbinding = "SELF"\nservice = "{name}"\n'
# What the workers' own configuration adds: (worker, main module, wrangler lines).
PROJECTS = {
    "sdk": [("python-sdk", "worker", "[vars]\ncolor = false\n" + SELF), ("internet", "server", "")],
    "asgi": [("python-asgi", "worker", SELF)],
    "wsgi": [("python-wsgi", "worker", "[vars]\ncolor = false\n" + SELF)],
    "python-rpc": [
        (
            "py",
            "worker",
            '[vars]\nFOO = "text binding"\n'
            '[[services]]\nbinding = "PythonRpc"\nservice = "py"\nentrypoint = "PythonRpcTester"\n',
        )
    ],
}
OVER_HTTP = {"asgi": "ASGI_HTTP", "wsgi": "WSGI_HTTP"}
"""The binding by which a suite reaches its worker over a real socket."""
INTERNET = '[[egress.routes]]\nmatch = "*"\nworker = "internet"\n'
METADATA = "/session/metadata"
"""Where the platform shows a worker's own files."""


def write_project(project: str, suites: Path, root: Path) -> Path:
    """Lay the project out as worker folders below `root`; the folder of the worker under test."""
    folders = []
    for name, module, lines in PROJECTS[project]:
        source = root / "workers" / name / "src"
        source.mkdir(parents=True)
        shutil.copy(suites / project / f"{module}.py", source)
        text = WRANGLER.format(name=name, module=module) + lines.format(name=name)
        (source.parent / "wrangler.toml").write_text(text, encoding="utf-8")
        folders.append(source)
    if (suites / project / "tests").is_dir():
        shutil.copytree(suites / project / "tests", folders[0] / "tests")
    (root / "sandbox.toml").write_text(INTERNET if project == "sdk" else "", encoding="utf-8")
    return folders[0]


class SocketFetcher(HostObject):
    """A service reached through this sandbox's own HTTP port, so that responses are written to a socket and read back
    as `fetch` reads them. The port belongs to another thread's loop: requests are sent from there."""

    js_name = "Fetcher"

    def __init__(self, base: str, loop: asyncio.AbstractEventLoop) -> None:
        self._base = base
        self._loop = loop

    @js_method
    async def fetch(self, resource: Any, init: Any) -> Response:
        request = Request(resource, init)
        sent = asyncio.run_coroutine_threadsafe(self._send(request), self._loop)
        status, headers, body = await asyncio.wrap_future(sent)
        return exchange.make_response(body, status=status, headers=headers)

    async def _send(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        url = self._base + exchange.path_of(request)
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, headers=exchange.header_pairs(request)) as answer,
        ):
            return answer.status, [(k.lower(), v) for k, v in answer.headers.items()], await answer.read()


class OnLoop:
    """An `Outbound` whose calls run on the sandbox's own loop: its files and connections belong to that thread."""

    def __init__(self, outbound: Outbound, loop: asyncio.AbstractEventLoop) -> None:
        self._outbound = outbound
        self._loop = loop

    async def fetch(self, worker: str, request: Request) -> Response:
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self._outbound.fetch(worker, request), self._loop)
        )


def map_metadata(folder: Path) -> None:
    """Let `os.chdir("/session/metadata/...")` lead to the worker's folder."""
    real = os.chdir

    def chdir(path: Any) -> None:
        text = os.fspath(path)
        real(folder / text.removeprefix(METADATA).lstrip("/") if text.startswith(METADATA) else text)

    os.chdir = chdir  # type: ignore[assignment]


async def host(project: str, suites: Path, scratch: Path) -> None:
    map_metadata(write_project(project, suites, scratch))
    loaded = load_sandbox(scratch, overrides={"port": 0, "state": str(scratch / "state")})
    async with Sandbox(loaded, serve=project in OVER_HTTP, watch=False) as sandbox:
        tested = PROJECTS[project][0][0]
        generation = sandbox.workers.generation(tested)
        assert generation is not None, sandbox.workers.status(tested).error
        if project == "python-rpc":
            js = Fetcher(JsWorker(), SystemClock(), "js", "JsRpcTester")
            generation.context.env.JsRpc = js
            await generation.test()
            await JsWorker.drive(Fetcher(sandbox.workers, SystemClock(), "py", "PythonRpcTester"))
            print("both directions ran to the end")
            return
        loop = asyncio.get_running_loop()
        generation.context.outbound = OnLoop(generation.context.outbound, loop)
        if project in OVER_HTTP:
            base = f"http://127.0.0.1:{sandbox.port}/workers/{tested}"
            setattr(generation.context.env, OVER_HTTP[project], SocketFetcher(base, loop))
        await in_thread(generation.test)


async def in_thread(test: Any) -> None:
    """Call the `test` handler, which blocks for as long as pytest runs, beside the loop that serves."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    failures: list[BaseException] = []

    def run() -> None:
        try:
            asyncio.run(test())
        except BaseException as error:
            failures.append(error)
        loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run).start()
    await done.wait()
    if failures:
        raise failures[0]


if __name__ == "__main__":
    logging.basicConfig()
    asyncio.run(host(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
