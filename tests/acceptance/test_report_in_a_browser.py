"""The report in a real browser, driven over the DevTools protocol: it fits a phone and a desk, and asks for nothing."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
from pathlib import Path

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


class Tab:
    """One page of a headless browser."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session_id: str) -> None:
        self._socket, self._session_id = socket, session_id
        self._ids = itertools.count(1)
        self.requests: list[str] = []
        self.complaints: list[str] = []

    async def call(self, method: str, **params):
        number = next(self._ids)
        await self._socket.send_json({"id": number, "method": method, "params": params, "sessionId": self._session_id})
        while True:
            message = await self._socket.receive_json()
            self._note(message)
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]

    async def until(self, event: str) -> None:
        while True:
            message = await self._socket.receive_json()
            self._note(message)
            if message.get("method") == event:
                return

    def _note(self, message) -> None:
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(message["params"]["request"]["url"])
        if message.get("method") == "Log.entryAdded":
            self.complaints.append(message["params"]["entry"]["text"])

    async def value(self, expression: str):
        return (await self.call("Runtime.evaluate", expression=expression, returnByValue=True))["result"]["value"]


@pytest.fixture
async def browser(tmp_path):
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={tmp_path / 'profile'}",
        "about:blank",
        stderr=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stderr is not None
        address = None
        while address is None:
            line = (await process.stderr.readline()).decode()
            assert line, "the browser ended before it listened"
            found = re.search(r"DevTools listening on (ws://\S+)", line)
            address = found and found.group(1)
        async with aiohttp.ClientSession() as session, session.ws_connect(address, max_msg_size=0) as socket:
            yield socket
    finally:
        process.kill()
        await process.wait()


async def opened(socket, width: int, url: str) -> Tab:
    await socket.send_json({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}})
    target = (await socket.receive_json())["result"]["targetId"]
    attach = {"targetId": target, "flatten": True}
    await socket.send_json({"id": 0, "method": "Target.attachToTarget", "params": attach})
    session_id = None
    while session_id is None:
        message = await socket.receive_json()
        session_id = message.get("result", {}).get("sessionId")
    tab = Tab(socket, session_id)
    for domain in ("Page", "Network", "Log"):
        await tab.call(f"{domain}.enable")
    await tab.call(
        "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
    )
    await tab.call("Page.navigate", url=url)
    await tab.until("Page.loadEventFired")
    return tab


@pytest.fixture
def report(project):
    """The report of the sample newsroom, made by the real command."""
    out = project.root / "out"
    done = project.sandbox("run", "topic_report", "--persist-to", str(project.state), "--out", str(out), cwd=ROOT)
    assert done.code == 0, done.err
    return out / "report.html"


@pytest.mark.parametrize("width", [390, 1440])
async def test_it_fits_and_asks_for_nothing(browser, report, width):
    tab = await opened(browser, width, report.as_uri())
    assert await tab.value("document.documentElement.scrollWidth") <= width
    assert tab.requests == [report.as_uri()]
    assert tab.complaints == []
    assert await tab.value("document.querySelectorAll('svg.chart').length") >= 2
    assert await tab.value("document.querySelectorAll('ol.articles > li').length") >= 5
    # Every mark of a sentence leads to an article that is on the page.
    assert await tab.value("[...document.querySelectorAll('a.cite')].every(a => document.querySelector(a.hash))")
    # Nothing is so small that it cannot be read.
    smallest = await tab.value(
        "Math.min(...[...document.querySelectorAll('p, h3, li, svg text')].map(e => {"
        " const r = e.getBoundingClientRect(); const f = parseFloat(getComputedStyle(e).fontSize);"
        " const s = e.ownerSVGElement; return s ? f * s.getBoundingClientRect().width / s.viewBox.baseVal.width : f; }))"
    )
    assert smallest >= 9.5
