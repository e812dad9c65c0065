"""Rate limits and the version's metadata."""

from __future__ import annotations

import re

from sandbox.app import Sandbox
from sandbox.clock import FakeClock
from sandbox.config.load import load_sandbox
from sandbox.runtime.exchange import new_request, read_json

CODE = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("version"):
            version = self.env.VERSION
            return Response.json({"id": version.id, "tag": version.tag, "timestamp": version.timestamp})
        if request.url.endswith("wrong"):
            found = []
            for options in ({"keys": "a"}, {"key": 5}, {"period": 30}, {"limit": "x"}, None):
                try:
                    await (self.env.FEW.limit(**options) if options else self.env.FEW.limit())
                except Exception as error:
                    found.append(str(error))
            return Response.json(found)
        key = request.url.rsplit("/", 1)[1]
        few, old = await self.env.FEW.limit(key=key), await self.env.OLD.limit(key=key)
        return Response.json([few.success, old.success])
"""
EXTRA = """
[[ratelimits]]
name = "FEW"
namespace_id = "1001"
simple = { limit = 2, period = 10 }
[[unsafe.bindings]]
name = "OLD"
type = "ratelimit"
namespace_id = "1002"
simple = { limit = 3, period = 60 }
[version_metadata]
binding = "VERSION"
"""


async def test_rate_limits_and_version(worker, tmp_path):
    worker("limited", CODE, extra=EXTRA)
    worker("sharing", CODE, extra=EXTRA.replace("1002", "1003"))
    clock = FakeClock(1_800_000_000.0)
    loaded = load_sandbox(tmp_path, overrides={"state": str(tmp_path / "state")})
    assert not [problem for problem in loaded.warnings if "limit" in str(problem)]
    async with Sandbox(loaded, clock=clock, serve=False, watch=False) as sandbox:

        async def ask(path, name="limited"):
            return await read_json(await sandbox.fetch(name, new_request(f"http://x/{path}")))

        assert [await ask("a") for _ in range(4)] == [[True, True], [True, True], [False, True], [False, False]]
        assert await ask("b") == [True, True]  # each key for itself
        assert await ask("a", "sharing") == [False, True]  # the same namespace
        clock.advance(10)
        assert await ask("a") == [True, False]
        clock.advance(50)
        assert await ask("a") == [True, True]
        version = await ask("version")
        assert re.fullmatch(r"[0-9a-f-]{36}", version["id"]) and version["tag"] == ""
        assert version["timestamp"] == "2027-01-15T08:00:00.000Z"
        assert await ask("wrong") == [
            "Error: bad rate limit options: [keys]",
            "Error: invalid key: 5",
            "Error: unsupported period: 30",
            "Error: limit must be a number: x",
            "Error: invalid rate limit options",
        ]
