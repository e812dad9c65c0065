"""The traceback of a failure that came through a service call, as the console, a browser and a program get it."""

from __future__ import annotations

import html
import logging

import aiohttp
import pytest

from sandbox.runtime.exchange import new_request

CALLER = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "/rpc" in request.url:
            return Response(str(await self.env.TOTALS.total([1, "two"])))
        return await self.env.TOTALS.fetch("http://totals/boom")
"""
CALLEE = {
    "entry.py": """
from sums import add
from workers import WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return add([1, "two"])

    async def total(self, numbers):
        return add(numbers)
""",
    "sums.py": "def add(numbers):\n    return sum(numbers)\n",
}


@pytest.mark.parametrize("path", ["/rpc", "/fetch"])
async def test_a_traceback_is_chained_to_the_callees(worker, start, path):
    worker("caller", CALLER, extra='[[services]]\nbinding = "TOTALS"\nservice = "totals"\n')
    callee = worker("totals", CALLEE)
    sandbox = await start(serve=True)
    said: list[str] = []
    sandbox.events.subscribe(lambda event: said.append(event.fields["text"]), "exception")
    async with (
        aiohttp.ClientSession() as session,
        session.get(url := f"http://127.0.0.1:{sandbox.port}/workers/caller{path}") as answer,
        session.get(url, headers={"Accept": "text/html"}) as page,
    ):
        assert answer.status == page.status == 500
        text = (await answer.json())["error"]["traceback"]
        assert html.escape(text) in await page.text()
    assert text in said
    lines = text.split("\n")
    assert lines[0].startswith("caller: ")
    assert "TypeError: unsupported operand" in lines[0]
    assert "(src/entry.py:" in lines[0]
    assert lines[0].endswith(", from totals src/sums.py:2 in add)")
    # The callee's first, said to be the callee's, down to the line that raised.
    assert lines[1] == "Traceback (most recent call last), in worker totals:"
    assert lines[2].startswith(f'  File "{callee / "src" / "entry.py"}"')
    raised = lines.index(f'  File "{callee / "src" / "sums.py"}", line 2, in add')
    joint = lines.index("The above exception was the direct cause of the following exception:")
    own = len(lines) - 1 - lines[::-1].index("Traceback (most recent call last):")
    assert raised < joint < own
    assert lines[own + 1].endswith("in fetch")
    assert "caller" in lines[own + 1]
    assert not any("/sandbox/" in line and "File" in line for line in lines)


async def test_a_logged_traceback_is_folded_too(worker, start, monkeypatch):
    monkeypatch.setattr(
        logging.root, "handlers", []
    )  # pytest's own: without one, records take the way they take in `up`
    code = """
import logging
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        try:
            await self.env.TOTALS.total([1, "two"])
        except Exception:
            logging.getLogger("sums").exception("no total")
        return Response("ok")
"""
    worker("caller", code, extra='[[services]]\nbinding = "TOTALS"\nservice = "totals"\n')
    worker("totals", CALLEE)
    sandbox = await start(serve=False)
    said: list[str] = []
    sandbox.events.subscribe(lambda event: said.append(event.fields["text"]), "log")
    await sandbox.fetch("caller", new_request("http://caller.localhost/"))
    assert "no total" in said
    assert "Traceback (most recent call last), in worker totals:" in said
    assert "Traceback (most recent call last):" in said
    assert any("frames of the sandbox" in line for line in said)
    assert not any("fetcher.py" in line for line in said)
