"""A headless Chromium, driven over the DevTools protocol."""

from __future__ import annotations

import asyncio
import itertools
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


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


class Browser:
    """Opens tabs; `socket` is the browser's own DevTools connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket

    async def opened(self, url: str, width: int = 1000) -> Tab:
        """A tab that has loaded `url`."""
        socket = self._socket
        await socket.send_json({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}})
        target = (await self._result())["targetId"]
        attach = {"targetId": target, "flatten": True}
        await socket.send_json({"id": 0, "method": "Target.attachToTarget", "params": attach})
        tab = Tab(socket, (await self._result())["sessionId"])
        for domain in ("Page", "Network", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600
        )
        await tab.call("Page.navigate", url=url)
        await tab.until("Page.loadEventFired")
        return tab

    async def _result(self):
        while True:
            message = await self._socket.receive_json()
            if message.get("id") == 0:
                return message["result"]


@asynccontextmanager
async def launched(profile: Path) -> AsyncIterator[Browser]:
    """A browser with a profile of its own; it is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        CHROMIUM,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
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
            yield Browser(socket)
    finally:
        process.kill()
        await process.wait()
