"""What a command says of the sandbox it waits for, and that its own deadlines wait, too."""

from __future__ import annotations

import asyncio

from sandbox.cli import stopped
from sandbox.storage import StateFolder

STOP = {"worker": "feeds", "place": "src/entry.py:12", "attached": False, "since": 1.0}


async def test_it_says_where_and_its_own_clock_stands_still(tmp_path):
    loop = asyncio.get_running_loop()
    folder = StateFolder.open(tmp_path / "state")
    folder.lock({"address": "http://localhost:1"})
    said: list[str] = []
    heard = asyncio.Event()

    def say(text: str) -> None:
        said.append(text)
        heard.set()

    async with stopped.told(folder.path, say):
        assert said == []
        folder.lock({"address": "http://localhost:1", "stopped": STOP})
        await heard.wait()
        assert said[0].startswith("feeds is stopped at src/entry.py:12 in the terminal of `sandbox up` (pid ")
        assert loop.time() == loop.time()
        heard.clear()
        folder.lock({"address": "http://localhost:1", "stopped": None})
        await heard.wait()
        assert said[1:] == ["feeds goes on"]
        folder.lock({"stopped": {**STOP, "attached": True}})
    assert "in the editor attached to `sandbox up`" in said[2]
    folder.release()
