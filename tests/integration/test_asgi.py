"""A FastAPI app in a worker, by `asgi.fetch`, over HTTP."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest

APP = """
import asyncio
import logging
from contextlib import asynccontextmanager
from typing import Annotated

import asgi
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask
from workers import WorkerEntrypoint

LIFE = []
logging.getLogger("asgi").addHandler(logging.StreamHandler())

@asynccontextmanager
async def lifespan(app):
    LIFE.append("up")
    yield
    LIFE.append("down")

app = FastAPI(lifespan=lifespan)

class Item(BaseModel):
    name: str
    price: float = 1.5

def binding(request: Request):
    return request.scope["env"].GREETING

@app.get("/env")
async def from_scope(request: Request):
    return {"greeting": request.scope["env"].GREETING}

@app.get("/depends")
async def from_dependency(env: Annotated[object, asgi.env], greeting: Annotated[str, Depends(binding)]):
    await env.KV.put("asked", greeting)
    return {"greeting": env.GREETING, "by": greeting, "kept": await env.KV.get("asked")}

@app.get("/sync/{number}")
def sync_handler(number: int, q: str = "none"):
    return {"number": number, "q": q}

@app.post("/items", status_code=201)
async def create(item: Item):
    return item

@app.get("/gone")
async def gone():
    raise HTTPException(410, "gone for good")

@app.get("/broken")
async def broken():
    raise LookupError("broken handler")

@app.post("/upload")
async def upload(request: Request):
    size = pieces = 0
    async for piece in request.stream():
        size += len(piece)
        pieces += 1
    return {"size": size, "streamed": pieces > 2}

@app.get("/stream")
async def stream():
    async def parts():
        for number in range(3):
            yield f"part {number};"
            await asyncio.sleep(0)
    return StreamingResponse(parts(), media_type="text/plain")

@app.get("/gated")
async def gated(request: Request):
    env = request.scope["env"]
    async def parts():
        yield "first"
        while await env.KV.get("gate") is None:
            await asyncio.sleep(0.01)
        yield "last"
    return StreamingResponse(parts())

@app.get("/open")
async def open_gate(request: Request):
    await request.scope["env"].KV.put("gate", "open")
    return "opened"

@app.get("/background")
async def background(request: Request):
    kv = request.scope["env"].KV
    async def note():
        while await kv.get("go") is None:
            await asyncio.sleep(0.01)
        await kv.put("background", "done")
    async def parts():
        yield "answered"
    return StreamingResponse(parts(), background=BackgroundTask(note))

@app.get("/life")
async def life():
    return LIFE

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return await asgi.fetch(app, request.js_object, self.env, self.ctx)
"""
LINES = '[vars]\nGREETING = "hello"\n[[kv_namespaces]]\nbinding = "KV"\nid = "fastapi"\n'


@pytest.fixture
async def sandbox(worker, start):
    worker("api", APP, extra=LINES)
    return await start()


@pytest.fixture
async def app(sandbox):
    async with aiohttp.ClientSession(f"http://127.0.0.1:{sandbox.port}/workers/api/") as session:
        yield session


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("env", {"greeting": "hello"}),
        ("depends", {"greeting": "hello", "by": "hello", "kept": "hello"}),
        ("sync/7?q=two%20words", {"number": 7, "q": "two words"}),
    ],
)
async def test_env_dependencies_and_sync_handlers(app, path, body):
    async with app.get(path) as answer:
        assert (answer.status, await answer.json()) == (200, body)


async def test_validation_and_http_errors(app):
    async with app.post("items", json={"name": "pen"}) as answer:
        assert (answer.status, await answer.json()) == (201, {"name": "pen", "price": 1.5})
    async with app.post("items", json={"price": "much"}) as answer:
        assert answer.status == 422
        assert [error["loc"][-1] for error in (await answer.json())["detail"]] == ["name", "price"]
    async with app.get("gone") as answer:
        assert (answer.status, await answer.json()) == (410, {"detail": "gone for good"})
    async with app.get("nowhere") as answer:
        assert answer.status == 404


async def test_an_upload_arrives_in_pieces(app):
    async with app.post("upload", data=io.BytesIO(bytes(2_000_000))) as answer:
        assert await answer.json() == {"size": 2_000_000, "streamed": True}


async def test_a_streamed_answer_arrives_while_it_is_made(app):
    async with app.get("stream") as answer:
        assert (answer.content_type, await answer.text()) == ("text/plain", "part 0;part 1;part 2;")
    async with app.get("gated") as answer:
        assert await asyncio.wait_for(answer.content.readany(), 10) == b"first"
        async with app.get("open") as opened:
            assert await opened.json() == "opened"
        assert await asyncio.wait_for(answer.content.read(), 10) == b"last"


async def test_background_tasks_are_done_before_the_sandbox_stops(app, sandbox):
    written = []
    sandbox.events.subscribe(lambda event: written.append(event.fields["key"]), "kv.put")
    async with app.get("background") as answer:
        assert await answer.text() == "answered"
    assert written == []
    await sandbox.kv.get("fastapi").put("go", b"")
    await sandbox.stop()
    assert written == ["go", "background"]


async def test_a_broken_handler_is_a_500_and_is_logged_under_the_workers_name(app, sandbox):
    told = []
    sandbox.events.subscribe(lambda event: told.append(event.fields), "log")
    async with app.get("broken") as answer:
        assert answer.status == 500
        assert await answer.text() == "Internal Server Error"
    assert {fields["worker"] for fields in told} == {"api"}
    lines = [fields["text"] for fields in told]
    assert "LookupError: broken handler" in lines
    assert any(line.endswith("in broken") for line in lines)
    async with app.get("env") as answer:
        assert answer.status == 200


async def test_the_lifespan_runs_with_each_request(app):
    """As on Cloudflare, where there is no process whose beginning and end it could be."""
    for number in (1, 2):
        async with app.get("life") as answer:
            assert await answer.json() == ["up", "down"] * (number - 1) + ["up"]
