"""Events reach a worker's code as workerd gives them."""

from __future__ import annotations

import asyncio
import gc
import sys

import pytest

from sandbox.errors import NotFound
from sandbox.runtime.context import current_invocation, current_worker
from sandbox.runtime.exchange import new_request, read_text, take_body
from sandbox.runtime.values import JsArray, JsException, JsObject

REQUEST = "http://hello.localhost/path?x=1"
HELLO = "from workers import Response, WorkerEntrypoint\n"


async def text_of(generation, url: str = REQUEST, **options) -> str:
    return await read_text(await generation.fetch(new_request(url), **options))


@pytest.mark.parametrize(
    ("declaration", "answer"),
    [
        ("async def fetch(self): return Response('none')", "none"),
        ("async def fetch(self, request): return Response(request.url)", REQUEST),
        ("async def fetch(self, request, env): return Response(str(env))", "None"),
        ("async def fetch(self, request, env, ctx): return Response(f'{env} {ctx}')", "None None"),
        ("async def fetch(self, *args): return Response(str(len(args)))", "3"),
        ("async def fetch(self, request, env=1, *, ctx=2): return Response(f'{env} {ctx}')", "None 2"),
        ("def fetch(self, request): return Response('not async')", "not async"),
        ("@staticmethod\n    async def fetch(request): return Response(request.method.value)", "GET"),
        ("async def fetch(self, request): import js; return js.Response.new('raw')", "raw"),
    ],
)
async def test_fetch_in_every_arity(load, declaration, answer):
    generation = load(HELLO + f"class Default(WorkerEntrypoint):\n    {declaration}")
    assert await text_of(generation) == answer


@pytest.mark.parametrize("value", ["'text'", "None", "{'a': 1}", "42"])
async def test_an_answer_that_is_no_response(load, value):
    generation = load(HELLO + f"class Default(WorkerEntrypoint):\n    async def fetch(self): return {value}")
    with pytest.raises(TypeError, match="the Promise did not resolve to 'Response'"):
        await text_of(generation)


async def test_a_missing_argument_is_the_workers_type_error(load):
    generation = load(HELLO + "class Default(WorkerEntrypoint):\n    async def fetch(self, a, b, c, d): pass")
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        await text_of(generation)


async def test_an_instance_per_event_with_env_and_ctx(load):
    generation = load(
        HELLO
        + """
class Default(WorkerEntrypoint):
    def __init__(self, ctx, env):
        super().__init__(ctx, env)
        self.count = 0
    async def fetch(self, request):
        self.count += 1
        return Response(f"{self.count} {self.env.GREETING} {self.ctx.props.who}")
""",
        env={"GREETING": "hi"},
    )
    assert await text_of(generation, props={"who": "me"}) == "1 hi me"
    assert await text_of(generation, props={"who": "you"}) == "1 hi you"


async def test_named_entrypoints(load):
    generation = load(
        HELLO
        + """
class Base(WorkerEntrypoint):
    async def fetch(self, request): return Response(type(self).__name__)
class Default(Base): pass
class Admin(Base): pass
"""
    )
    assert await text_of(generation) == "Default"
    assert await text_of(generation, entrypoint="Admin") == "Admin"
    assert set(generation.entrypoints) == {"Base", "Default", "Admin"}
    with pytest.raises(NotFound, match="no entrypoint called 'Absent'"):
        await text_of(generation, entrypoint="Absent")


async def test_all_limits_what_is_exported(load):
    generation = load(
        HELLO + "__all__ = ['Default']\nclass Hidden(WorkerEntrypoint): pass\nclass Default(WorkerEntrypoint): pass"
    )
    assert generation.entrypoints == ("Default",)


@pytest.mark.parametrize("entry", ["x = 1", HELLO + "class Default(WorkerEntrypoint): pass"])
async def test_a_worker_without_fetch(load, entry):
    with pytest.raises(TypeError, match=r"Handler does not export a fetch\(\) function"):
        await text_of(load(entry))


LEGACY = """
from workers import Response
async def on_fetch(request, env): return Response(f"{request.constructor.name} {env.A}")
"""


@pytest.mark.parametrize(
    ("date", "flags", "served"),
    [
        ("2025-08-13", (), True),
        ("2025-08-14", (), False),
        ("2026-01-01", ("disable_python_no_global_handlers",), True),
        ("2025-01-01", ("python_no_global_handlers",), False),
    ],
)
async def test_module_level_handlers_by_compatibility_date(load, date, flags, served):
    generation = load(LEGACY, env={"A": "x"}, compatibility_date=date, compatibility_flags=flags)
    if served:
        assert await text_of(generation) == "Request x"
    else:
        with pytest.raises(TypeError, match="does not export"):
            await text_of(generation)


async def test_legacy_handler_with_the_sdks_decorator(load):
    entry = "from workers import handler, Response\n@handler\nasync def on_fetch(request, env, ctx):\n"
    entry += "    return Response(request.url)"
    assert await text_of(load(entry, compatibility_date="2025-01-01")) == REQUEST


async def test_scheduled_gets_exactly_three_arguments(load):
    generation = load(
        HELLO
        + """
seen = []
class Default(WorkerEntrypoint):
    async def scheduled(self, controller, env, ctx):
        seen.append((controller.scheduledTime, controller.cron, env, ctx))
        controller.noRetry()
    async def fetch(self): return Response(str(seen))
class Short(WorkerEntrypoint):
    async def scheduled(self, controller): pass
class Without(WorkerEntrypoint): pass
"""
    )
    await generation.scheduled(scheduled_time_ms=5000, cron="* * * * *")
    assert await text_of(generation) == "[(5000, '* * * * *', None, None)]"
    with pytest.raises(TypeError, match="takes 2 positional arguments but 4 were given"):
        await generation.scheduled(scheduled_time_ms=0, cron="", entrypoint="Short")
    with pytest.raises(TypeError, match=r"does not export a scheduled\(\) function"):
        await generation.scheduled(scheduled_time_ms=0, cron="", entrypoint="Without")


RPC = (
    HELLO
    + """
class Default(WorkerEntrypoint):
    constant = 3
    async def add(self, a, b): return a + b
    def shape(self, value): return {"kind": type(value).__name__, "items": [None, value["n"]]}
    async def none(self): return None
    def _private(self): return 1
    @staticmethod
    def twice(n): return n * 2
"""
)


async def test_rpc_converts_arguments_and_results(load):
    generation = load(RPC)
    assert await generation.rpc("add", [1, 2]) == 3
    assert await generation.rpc("twice", [4]) == 8
    result = await generation.rpc("shape", [JsObject({"n": JsArray([1])})])
    assert isinstance(result, JsObject)
    assert result.kind == "JsDict"
    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        await generation.rpc("add", [1])


@pytest.mark.parametrize("name", ["absent", "_private", "__init__", "constant", "fetch", "constructor", "ctx"])
async def test_rpc_refuses_what_is_no_public_method(load, name):
    generation = load(RPC)
    with pytest.raises(JsException, match=f'TypeError: The RPC receiver does not implement the method "{name}"'):
        await generation.rpc(name, [])


async def test_worker_and_invocation_are_current_only_during_the_event(load):
    generation = load(
        HELLO
        + """
import asyncio
from sandbox.runtime.context import current_worker, current_invocation
at_import = current_worker.get().name
class Default(WorkerEntrypoint):
    async def fetch(self):
        async def task(): return current_invocation.get().worker.name
        return Response(at_import + " " + current_worker.get().name + " " + await asyncio.create_task(task()))
"""
    )
    assert await text_of(generation) == "w0 w0 w0"
    assert current_worker.get() is None
    assert current_invocation.get() is None


async def test_wait_until_holds_the_generation_and_its_errors_are_reported(load, events):
    generation = load(
        HELLO
        + """
import asyncio
gate = asyncio.Event()
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "open" in request.url:
            gate.set()
        else:
            self.ctx.waitUntil(self.later())
        return Response("x")
    async def later(self):
        await gate.wait()
        print("unfinished line", end="")
        raise ValueError("late")
"""
    )
    await text_of(generation)
    assert generation.busy
    await text_of(generation, "http://hello.localhost/open")
    await generation.idle()
    assert not generation.busy
    assert "in waitUntil: w0: ValueError: late (src/entry.py:" in events.of("exception")[0]["text"]


async def test_a_failure_of_wait_until_before_the_answer_is_reported_too(load, events):
    generation = load(
        HELLO
        + """
import asyncio
class Default(WorkerEntrypoint):
    async def fetch(self):
        async def now(): raise KeyError("early")
        self.ctx.waitUntil(now())
        for _ in range(5): await asyncio.sleep(0)
        return Response("x")
"""
    )
    await text_of(generation)
    await generation.idle()
    assert "KeyError: 'early'" in events.of("exception")[0]["text"]


async def test_a_retired_generation_goes_when_its_last_event_ends(load):
    generation = load(
        HELLO
        + """
import asyncio
gate = asyncio.Event()
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "open" in request.url: gate.set()
        await gate.wait()
        import late
        return Response(late.word)
""",
        files={"late.py": "word = 'late'"},
    )
    held = asyncio.create_task(text_of(generation))
    await asyncio.sleep(0)
    generation.retire()
    assert not generation.released
    await text_of(generation, "http://hello.localhost/open")
    assert await held == "late"
    assert generation.released
    assert not [name for name in sys.modules if name.startswith("sandbox_workers.w0_")]


async def test_a_streamed_answer_holds_the_generation(load):
    generation = load(
        HELLO
        + """
class Default(WorkerEntrypoint):
    async def fetch(self):
        from js import TransformStream, TextEncoder
        import asyncio
        pipe = TransformStream.new()
        async def write():
            writer = pipe.writable.getWriter()
            for word in ("a", "b"):
                import late
                await writer.write(TextEncoder.new().encode(word + late.word))
            await writer.close()
        asyncio.create_task(write())
        return Response(pipe.readable)
""",
        files={"late.py": "word = '!'"},
    )
    response = await generation.fetch(new_request(REQUEST))
    generation.retire()
    assert generation.busy
    assert not generation.released
    parts = [bytes(part) async for part in take_body(response)]
    assert b"".join(parts) == b"a!b!"
    del response
    gc.collect()
    assert generation.released


async def test_a_lease_holds_until_released(load):
    generation = load("x = 1")
    with generation.lease() as lease:
        generation.retire()
        assert not generation.released
        lease.release()
        assert generation.released


async def test_tasks_nobody_waits_for_end_with_the_generation(load):
    generation = load(
        HELLO
        + """
import asyncio
ended = []
async def forever(word):
    try:
        await asyncio.Event().wait()
    finally:
        word.append(1)
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        self.task = asyncio.create_task(forever(ended))
        keep.append(self.task)
        return Response("x")
keep = []
"""
    )
    await text_of(generation)
    tasks = [task for task in asyncio.all_tasks() if task.get_coro().__name__ == "forever"]
    assert len(tasks) == 1
    generation.retire()
    await asyncio.wait(tasks, timeout=10)
    assert tasks[0].cancelled()


async def test_code_that_exits_while_imported_does_not_end_the_sandbox(load):
    with pytest.raises(ImportError, match=r"called sys.exit\(3\)"):
        load("import sys; sys.exit(3)")
    assert not [name for name in sys.modules if name.startswith("sandbox_workers.w0_")]


def test_a_main_module_named_like_a_loaded_one_is_refused(folder, events):
    from sandbox.loader.generation import load_generation
    from sandbox.runtime.context import WorkerContext

    made = folder({"json.py": ""})
    with pytest.raises(ImportError, match=r"json\.py cannot be a main module"):
        load_generation(made.config(main=made.root / "src" / "json.py"), 1, WorkerContext("x"))


async def test_a_fast_api_app_runs_through_asgi(load):
    generation = load(
        HELLO
        + """
from fastapi import FastAPI
from pydantic import BaseModel
app = FastAPI()
class Item(BaseModel):
    n: int
@app.get("/items/{n}")
async def item(n: int) -> Item: return Item(n=n)
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        import asgi
        return await asgi.fetch(app, request.js_object, self.env)
"""
    )
    assert await text_of(generation, "http://hello.localhost/items/7") == '{"n":7}'
