"""The project a reload storm is let loose on: every answer tells which generation began it and which ended it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

# `TOKEN` is another object in each generation. `helper` is imported again at the end of each answer: a generation that was
# taken down under a request cannot import it any more, and one that was mixed with another finds a helper of that one.
SHARED = """
import asyncio, json, random
import helper
from workers import Response, WorkerEntrypoint

TOKEN = helper.owner = object()
NAME, VERSION = {name!r}, {version}


def began():
    return helper, helper.VERSION, TOKEN


async def ended(start):
    await asyncio.sleep(random.random() * 0.06)
    import helper as again, late
    module, version, token = start
    one = again is module and again.VERSION == version and again.owner is token is TOKEN and late.owner is token
    return {{"worker": NAME, "version": VERSION, "generation": id(TOKEN), "one": one, "word": helper.VERSION}}
"""
FRONT = (
    SHARED
    + """
from js import TransformStream, Uint8Array


class Default(WorkerEntrypoint):
    async def fetch(self, request):
        start, kind = began(), request.url.rpartition("/")[2]
        if kind == "streamed":
            return self.streamed(start)
        body = await request.bytes() if request.method in ("POST", "PUT", "PATCH") else b""
        told = {{"bytes": len(body), "method": request.method}}
        if kind == "hop":
            told["other"] = json.loads(await (await self.env.BACK.fetch("http://back/")).text())
        if kind == "rpc":
            told["other"] = (await self.env.BACK.whole("x"))
        return Response.json({{**told, **await ended(start)}}, headers={{"x-version": str(VERSION)}})

    def streamed(self, start):
        pipe = TransformStream.new()

        async def write():
            writer = pipe.writable.getWriter()
            for number in range(4):
                line = json.dumps({{"part": number, **await ended(start)}}) + "\\n"
                await writer.write(Uint8Array.new(list(line.encode())))
            await writer.close()

        self.ctx.waitUntil(write())
        return Response(pipe.readable)
"""
)
BACK = (
    SHARED
    + """

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response.json(await ended(began()))

    async def whole(self, word):
        return await ended(began())
"""
)
# Keeps, where all workers of the process see it, which generation got which message of which packet.
STEP = (
    SHARED
    + """
import builtins, time
from sandbox.handshake import HandshakeWorker


class Default(HandshakeWorker):
    name = {name!r}

    async def fetch(self, request):
        if request.method == "POST":
            packet = json.loads(await request.clone().text())["packet_id"]
            seen = builtins.__dict__.setdefault("storm_ledger", {{}}).setdefault(packet, [])
            seen.append((request.url.rpartition("/")[2], VERSION, id(TOKEN), time.monotonic(), NAME))
            self.seen.add(packet)
        return await super().fetch(request)

    seen = set()

    async def process(self, job):
        start = began()
        await job.progress(50, "half")
        assert job.packet_id in self.seen
        return {{"steps": [*(job.input or {{}}).get("steps", []), await ended(start)]}}
"""
)
CENSUS = """
import asyncio, builtins, gc, json, sys
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        gc.collect()
        alive = {}
        for each in gc.get_objects():
            if type(each).__name__ == "Generation" and type(each).__module__ == "sandbox.loader.generation":
                alive.setdefault(each.config.name, []).append(each.number)
        roots = sorted({".".join(name.split(".")[:2]) for name in sys.modules if name.startswith("sandbox_workers.")})
        return Response.json({"alive": alive, "roots": roots, "tasks": len(asyncio.all_tasks()),
                              "ledger": builtins.__dict__.get("storm_ledger", {})})
"""
HELPER = "VERSION = {version}\nowner = None\n"
LATE = "import helper\nVERSION = {version}\nowner = helper.owner\n"
STEPS = ("step_one", "step_two", "step_three")
BROKEN = "\ndef broken(:\n"
SOURCES = {"front": FRONT, "back": BACK, **dict.fromkeys(STEPS, STEP)}
TOML = """
[pipelines.steps]
""" + "".join(
    f'[[pipelines.steps.stages]]\nname = "{name}"\nworker = "{name}"\n'
    + (f'needs = ["{STEPS[at - 1]}"]\n' if at else "")
    for at, name in enumerate(STEPS)
)


def entry(name: str, version: int) -> str:
    return SOURCES[name].format(name=name, version=version)


def write(project: Any) -> None:
    """Write five workers that are saved again and again, and one that counts what is left of them."""
    caches = "".join(
        f'[[kv_namespaces]]\nbinding = "{name}"\nid = "{name.lower()}"\n' for name in ("PROGRESS_CACHE", "RESULT_CACHE")
    )
    for name in SOURCES:
        services = '[[services]]\nbinding = "BACK"\nservice = "back"\n' if name == "front" else caches
        folder: Path = project.worker(name, entry(name, 0), wrangler=services)
        (folder / "src" / "helper.py").write_text(HELPER.format(version=0))
        (folder / "src" / "late.py").write_text(LATE.format(version=0))
    project.worker("census", CENSUS)
    project.toml(TOML)
