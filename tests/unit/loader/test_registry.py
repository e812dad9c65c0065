"""Which generation serves, while code changes under it."""

from __future__ import annotations

import asyncio
import gc
import linecache
import logging
import os
import sys
import weakref

import pytest

from sandbox.errors import NotFound, UserError, WorkerFailed, WorkerUnavailable
from sandbox.loader.registry import WorkerRegistry
from sandbox.runtime.exchange import new_request, read_text

HELLO = """
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response("{}")
"""
REQUEST = "http://hello.localhost/"


async def add(registry, folder, **changes):
    config = folder.config(**changes)
    registry.configs[folder.root] = config
    return await registry.add(config)


async def ask(registry, name: str = "hello", url: str = REQUEST) -> str:
    return await read_text(await registry.fetch(name, new_request(url)))


async def test_names_are_compared_folded(registry, folder):
    await add(registry, folder({"entry.py": HELLO.format("hi")}, "feed_fetcher"))
    for spelling in ("feed_fetcher", "feed-fetcher", "Feed-Fetcher"):
        assert await ask(registry, spelling) == "hi"
    assert registry.names() == ["feed_fetcher"]
    with pytest.raises(NotFound, match="no worker called 'absent'"):
        await ask(registry, "absent")
    with pytest.raises(UserError, match="two workers are called"):
        await add(registry, folder({"entry.py": ""}, "other"), name="Feed-Fetcher")


async def test_a_reload_serves_the_new_code_and_says_so(registry, folder, events):
    hello = folder({"entry.py": HELLO.format("one")})
    await add(registry, hello)
    assert await ask(registry) == "one"
    hello.save({"entry.py": HELLO.format("two")})
    status = await registry.reload("hello")
    assert await ask(registry) == "two"
    assert (status.generation, status.stale, status.error) == (2, False, None)
    assert [event["generation"] for event in events.of("reload")] == [1, 2]
    assert all(event["ms"] > 0 for event in events.of("reload"))


async def test_module_state_lives_as_long_as_its_generation(registry, folder):
    count = """
import state
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self):
        state.n += 1
        return Response(str(state.n))
"""
    await add(registry, folder({"entry.py": count, "state.py": "n = 0"}))
    assert [await ask(registry), await ask(registry)] == ["1", "2"]
    await registry.reload("hello")
    assert await ask(registry) == "1"


async def test_with_broken_code_the_last_good_generation_serves_and_says_so(registry, folder, events):
    hello = folder({"entry.py": HELLO.format("good")})
    await add(registry, hello)
    hello.save({"entry.py": "import utils", "utils.py": "1 / 0"})
    status = await registry.reload("hello")
    assert (status.generation, status.stale) == (1, True)
    assert status.error == "hello: ZeroDivisionError: division by zero (src/utils.py:1 in <module>)"
    assert events.of("reload.failed")[0]["stale"] is True
    for _ in range(2):
        response, stale = await registry.fetch_with_status("hello", new_request(REQUEST))
        assert (await read_text(response), stale) == ("good", True)
    assert len(events.of("request.stale")) == 2
    hello.save({"utils.py": "", "entry.py": HELLO.format("mended")})
    assert (await registry.reload("hello")).error is None
    response, stale = await registry.fetch_with_status("hello", new_request(REQUEST))
    assert (await read_text(response), stale) == ("mended", False)


async def test_on_error_fail(registry, folder, events):
    failing = WorkerRegistry(registry._make_context, registry._load_config, events.emit, on_error="fail")
    failing.configs = registry.configs
    hello = folder({"entry.py": HELLO.format("good")})
    await add(failing, hello)
    hello.save({"entry.py": "def broken(:"})
    await failing.reload("hello")
    with pytest.raises(WorkerUnavailable, match="SyntaxError") as caught:
        await ask(failing)
    assert isinstance(caught.value.__cause__, SyntaxError)
    hello.save({"entry.py": HELLO.format("again")})
    await failing.reload("hello")
    assert await ask(failing) == "again"
    await failing.close(0)


async def test_a_worker_that_never_loaded_answers_with_the_install_line(registry, folder, events):
    status = await add(registry, folder({"entry.py": "import sklearn"}))
    assert status.generation is None
    with pytest.raises(WorkerUnavailable, match=r"No module named 'sklearn' \(src/entry.py:1") as caught:
        await ask(registry)
    assert caught.value.hint.startswith("pip install scikit-learn, and add")
    assert "hint: pip install scikit-learn" in events.of("reload.failed")[0]["error"]
    assert events.of("reload.failed")[0]["stale"] is False


async def test_a_configuration_that_cannot_be_read_is_a_failed_reload(registry, folder, events):
    hello = folder({"entry.py": HELLO.format("good")})
    await add(registry, hello)
    registry._load_config = lambda root: (_ for _ in ()).throw(UserError("wrangler.toml: line 3: no value"))
    status = await registry.reload("hello")
    assert (status.stale, status.error) == (True, "wrangler.toml: line 3: no value")
    assert await ask(registry) == "good"


async def test_a_renamed_worker_needs_a_restart(registry, folder):
    hello = folder({"entry.py": HELLO.format("good")})
    await add(registry, hello)
    registry.configs[hello.root] = hello.config(name="other")
    assert (await registry.reload("hello")).error == "hello is called other now"


async def test_a_new_configuration_reaches_the_code(registry, folder):
    entry = HELLO.format("").replace('Response("")', "Response(self.env.GREETING)")
    hello = folder({"entry.py": entry})
    await add(registry, hello, vars={"GREETING": "hi"})
    assert await ask(registry) == "hi"
    registry.configs[hello.root] = hello.config(vars={"GREETING": "ho"})
    await registry.reload("hello")
    assert await ask(registry) == "ho"


@pytest.mark.parametrize("raised", ["ValueError('boom')", "SystemExit(3)"])
async def test_a_workers_exception_is_wrapped_and_reported(registry, folder, events, raised):
    await add(registry, folder({"entry.py": HELLO.format("").replace('return Response("")', f"raise {raised}")}))
    with pytest.raises(WorkerFailed) as caught:
        await ask(registry)
    assert caught.value.worker == "hello"
    assert isinstance(caught.value.__cause__, ValueError | SystemExit)
    assert "(src/entry.py:5 in fetch)" in events.of("exception")[0]["text"]


async def test_removed_workers_are_gone(registry, folder):
    await add(registry, folder({"entry.py": HELLO.format("hi")}))
    await ask(registry)
    await registry.remove("hello")
    with pytest.raises(NotFound):
        await ask(registry)


GATE = """
import asyncio
from typing import Optional
import logging
import os
from workers import Response, WorkerEntrypoint
gate = asyncio.Event()
class Thing: pass
def kept(x: Optional[Thing] = None): pass
logging.getLogger(__name__).addHandler(logging.NullHandler())
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if "open" in request.url:
            gate.set()
        await gate.wait()
        return Response("VERSION")
"""


async def test_a_request_held_across_a_save_ends_on_old_code_and_then_that_generation_is_freed(registry, folder):
    hello = folder({"entry.py": GATE.replace("VERSION", "old")})
    await add(registry, hello)
    old = registry.generation("hello")
    prefix = old._namespace.prefix
    module = sys.modules[prefix + ".entry"]
    gone = [weakref.ref(each) for each in (module, module.Thing, module.Default)]
    del module
    handlers = len(logging.getLogger("entry").handlers)
    with old.lease():
        held = asyncio.create_task(ask(registry))
        await asyncio.sleep(0)
        hello.save({"entry.py": GATE.replace("VERSION", "new")})
        await registry.reload("hello")
        assert await ask(registry, url=REQUEST + "open") == "new"
        assert not held.done()
        sys.modules[prefix + ".entry"].gate.set()
        assert await held == "old"
    assert old.released
    assert registry.generation("hello").number == 2
    assert len(logging.getLogger("entry").handlers) == handlers
    del old, held
    gc.collect()
    assert [ref() for ref in gone] == [None, None, None]
    assert not [name for name in sys.modules if name.startswith(prefix)]


async def test_a_failed_reload_leaves_nothing_behind(registry, folder):
    hello = folder({"entry.py": HELLO.format("good")})
    await add(registry, hello)
    before = {name for name in sys.modules if name.startswith("sandbox_workers")}
    hello.save({"entry.py": "import utils\n1 / 0", "utils.py": ""})
    await registry.reload("hello")
    assert {name for name in sys.modules if name.startswith("sandbox_workers")} == before


async def test_tracebacks_after_a_reload_show_the_new_lines(registry, folder, events):
    raising = HELLO.format("").replace('return Response("")', "raise ValueError('{}')")
    hello = folder({"entry.py": raising.format("one")})
    await add(registry, hello)
    for word in ("one", "two longer than before"):
        hello.save({"entry.py": raising.format(word)})
        await registry.reload("hello")
        with pytest.raises(WorkerFailed):
            await ask(registry)
        assert f"    raise ValueError('{word}')" in events.of("exception")[-1]["text"]
    assert linecache.getline(str(hello.root / "src" / "entry.py"), 5).strip().startswith("raise")


async def test_requests_during_reloads_never_fail(registry, folder):
    hello = folder({"entry.py": HELLO.format("0")})
    await add(registry, hello)
    stop = asyncio.Event()
    answers: list[str] = []

    async def client() -> None:
        while not stop.is_set():
            answers.append(await ask(registry))
            await asyncio.sleep(0)

    clients = [asyncio.create_task(client()) for _ in range(5)]
    for version in range(1, 21):
        hello.save({"entry.py": HELLO.format(version) if version % 5 else "def broken(:"})
        await registry.reload("hello")
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    stop.set()
    await asyncio.gather(*clients)
    assert {"1", "4", "19"} <= set(answers)


async def test_close_waits_for_what_runs(registry, folder):
    entry = """
import asyncio
from workers import Response, WorkerEntrypoint
done = []
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        self.ctx.waitUntil(self.later("forever" in request.url))
        return Response("x")
    async def later(self, forever):
        for _ in range(3): await asyncio.sleep(0)
        if forever: await asyncio.Event().wait()
        print("finished")
"""
    await add(registry, folder({"entry.py": entry}))
    await ask(registry)
    generation = registry.generation("hello")
    assert await registry.close(10) == []
    assert generation.released


async def test_close_cuts_what_does_not_end(registry, folder):
    entry = GATE.replace('return Response("VERSION")', "").replace(
        "        await gate.wait()", "        self.ctx.waitUntil(gate.wait())\n        return Response('x')"
    )
    await add(registry, folder({"entry.py": entry}))
    await ask(registry)
    generation = registry.generation("hello")
    assert await registry.close(0.05) == ["hello"]
    assert generation.released


async def storm(registry, folder, reloads: int) -> int:
    """Reload a small worker many times, with a request each; the growth of traced memory in bytes."""
    import tracemalloc

    files = {"entry.py": "import utils, pkg.inner\n" + HELLO.format("x"), "utils.py": "from typing import Optional\n"}
    files |= {"pkg/__init__.py": "", "pkg/inner.py": "class A: pass\ndef f(a: 'A | None' = None): return a\n"}
    hello = folder(files)
    await add(registry, hello)

    async def once(number: int) -> None:
        hello.save({"utils.py": f"from typing import Optional\nn = {number}\nclass U: pass\nx = Optional[U]\n"})
        await registry.reload("hello")
        assert await ask(registry) == "x"

    for number in range(20):
        await once(number)
    gc.collect()
    modules = set(sys.modules)
    tracemalloc.start()
    try:
        start = tracemalloc.get_traced_memory()[0]
        for number in range(reloads):
            await once(number)
        gc.collect()
        growth = tracemalloc.get_traced_memory()[0] - start
    finally:
        tracemalloc.stop()
    assert len([name for name in set(sys.modules) - modules if not name.startswith("sandbox_workers.hello_g")]) == 0
    assert len(sys.modules) == len(modules)
    return growth


async def test_100_reloads_grow_neither_modules_nor_memory(registry, folder, events):
    registry._emit = lambda kind, **fields: None
    assert await storm(registry, folder, 100) < 2**20


@pytest.mark.nightly
@pytest.mark.timeout(600)
async def test_5000_reloads_grow_neither_modules_nor_memory(registry, folder):
    registry._emit = lambda kind, **fields: None
    assert await storm(registry, folder, 5000) < 5 * 2**20


@pytest.mark.parametrize("entry", ["import utils", "from utils import word"])
async def test_code_that_was_read_in_the_middle_of_a_save_is_not_taken(registry, folder, events, entry):
    hello = folder({"entry.py": "import utils\n" + HELLO.format("one"), "utils.py": "word = 1"})
    await add(registry, hello)
    real, utils = registry._load, hello.root / "src" / "utils.py"

    def load_amid_a_save(*arguments):
        utils.write_text("")
        try:
            return real(*arguments)
        finally:
            utils.write_text("word = 2")

    hello.save({"entry.py": entry + "\n" + HELLO.format("two")})
    registry._load = load_amid_a_save
    modules = set(sys.modules)
    status = await registry.reload("hello")
    assert (status.settled, status.generation, status.error) == (False, 1, None)
    assert await ask(registry) == "one" and events.of("reload.failed") == [] and set(sys.modules) == modules
    registry._load = real
    status = await registry.reload("hello")
    assert (status.settled, status.generation) == (True, 2)
    assert await ask(registry) == "two"
    utils.write_text("")  # emptied for good: believed when it has been so for a moment
    assert not (await registry.reload("hello")).settled
    old = utils.stat().st_mtime - 1
    os.utime(utils, (old, old))
    assert (await registry.reload("hello")).settled
