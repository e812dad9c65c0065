"""How editors, git and people change files: each save once, none lost, none in its middle."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time

import pytest

from sandbox.loader import settling, watch
from sandbox.loader.watch import Watcher
from sandbox.runtime.exchange import new_request, read_text

HELLO = """
import utils
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self, request): return Response(utils.word)
"""
JSON = """
import json
from pathlib import Path
HERE = Path(__file__).parent
word = json.loads((HERE / "word.json").read_text())
"""


class Watched:
    """A worker whose `utils.word` is what it answers, under a watcher."""

    def __init__(self, registry, made, watcher, events) -> None:
        self.registry, self.made, self.watcher, self.events = registry, made, watcher, events
        self.src = made.root / "src"

    async def text(self) -> str:
        return await read_text(await self.registry.fetch("hello", new_request("http://x.localhost/")))

    async def until(self, word: str) -> None:
        async with asyncio.timeout(20):
            while await self.text() != word:
                await asyncio.sleep(0.002)

    @property
    def generation(self) -> int:
        return self.registry.status("hello").generation

    @property
    def failures(self) -> list:
        return self.events.of("reload.failed")


@pytest.fixture
async def watched(registry, folder, events, tmp_path):
    watchers = []

    async def watched(files=None, **environ) -> Watched:
        made = folder({"entry.py": HELLO, "utils.py": "word = 'one'", **(files or {})})
        registry.configs[made.root] = made.config()
        await registry.add(made.config())
        watchers.append(Watcher(registry, ignore=[tmp_path / "state"], emit=events.emit))
        await watchers[0].start()
        return Watched(registry, made, watchers[0], events)

    yield watched
    for watcher in watchers:
        await watcher.close()


async def test_a_file_saved_as_it_was_is_no_reload(watched):
    hello = await watched()
    os.utime(hello.src / "utils.py")
    hello.made.save({"utils.py": "word = 'one'"})
    os.utime(hello.made.root / "wrangler.toml")
    hello.made.save({"entry.py": HELLO + "\n# changed\n", "utils.py": "word = 'two'"})
    await hello.until("two")
    assert hello.generation == 2


async def test_a_file_mended_by_taking_the_error_back(watched):
    hello = await watched()
    hello.made.save({"utils.py": "def broken(:"})
    async with asyncio.timeout(20):
        while not hello.failures:
            await asyncio.sleep(0.002)
    hello.made.save({"utils.py": "word = 'one'"})
    async with asyncio.timeout(20):
        while hello.registry.status("hello").stale:
            await asyncio.sleep(0.002)


@pytest.fixture
def patient(monkeypatch):
    """As long as a busy machine may take for the middle of a save."""
    monkeypatch.setattr(watch, "GONE_S", 10.0)
    monkeypatch.setattr(watch, "HALF_S", 10.0)
    monkeypatch.setattr(settling, "LONGEST_S", 10.0)


async def test_an_editor_that_empties_a_file_and_then_writes_it_in_two_parts(watched, patient):
    hello = await watched()
    for word in ("two", "three"):
        with (hello.src / "utils.py").open("w") as file:
            await asyncio.sleep(0.025)
            file.write("word = (\n")
            file.flush()
            await asyncio.sleep(0.025)
            file.write(f"{word!r})\n")
        await hello.until(word)
    assert hello.failures == []


async def test_an_editor_that_moves_the_file_away_and_writes_it_anew(watched, patient):
    hello = await watched()
    (hello.src / "utils.py").rename(hello.src / "utils.py~")
    await asyncio.sleep(0.025)
    hello.made.save({"utils.py": "word = 'two'"})
    await hello.until("two")
    assert hello.failures == []


async def test_a_checkout_of_many_files_is_one_reload(watched, tmp_path):
    files = {f"pkg/m{number}.py": f"word = 'old {number}'" for number in range(120)}
    every = "".join(f"import pkg.m{number}\n" for number in range(120)) + "word = pkg.m119.word"
    hello = await watched({**files, "pkg/__init__.py": "", "utils.py": every})
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@x", "-c", "commit.gpgsign=false"]

    def run(*arguments: str) -> None:
        subprocess.run([*git, *arguments], check=True, capture_output=True)

    await asyncio.to_thread(run, "init", "-q", "-b", "old")
    await asyncio.to_thread(run, "add", ".")
    await asyncio.to_thread(run, "commit", "-qm", "old")
    await asyncio.to_thread(run, "checkout", "-qb", "new")
    hello.made.save({name: text.replace("old", "new") for name, text in files.items()})
    await hello.until("new 119")
    await asyncio.to_thread(run, "commit", "-qam", "new")
    before = hello.generation
    for branch in ("old", "new", "old"):
        await asyncio.to_thread(run, "checkout", "-q", branch)
        await hello.until(f"{branch} 119")
    assert hello.generation == before + 3
    assert hello.failures == []


async def test_a_package_that_is_renamed_and_named_back(watched):
    hello = await watched(
        {"pkg/__init__.py": "", "pkg/inner.py": "word = 'in pkg'", "utils.py": "from pkg.inner import word"}
    )
    assert await hello.text() == "in pkg"
    (hello.src / "pkg").rename(hello.src / "other")
    async with asyncio.timeout(20):
        while not hello.failures:
            await asyncio.sleep(0.002)
    assert "No module named 'pkg'" in hello.failures[0]["error"]
    (hello.src / "other" / "inner.py").write_text("word = 'renamed'")
    (hello.src / "other").rename(hello.src / "pkg")
    await hello.until("renamed")
    hello.made.save({"pkg/inner.py": "word = 'watched again'"})
    await hello.until("watched again")


async def test_a_file_read_at_import_and_one_read_for_a_request(watched):
    later = JSON.replace("word =", "def read(): return").replace("read_text())", "read_text())")
    hello = await watched({"word.json": '"from json"', "utils.py": JSON, "unread.json": "1"})
    assert await hello.text() == "from json"
    (hello.src / "unread.json").write_text("2")
    (hello.src / "word.json").write_text(json.dumps("edited"))
    await hello.until("edited")
    assert hello.generation == 2
    hello.made.save({"utils.py": later, "entry.py": HELLO.replace("utils.word", "utils.read()")})
    async with asyncio.timeout(20):
        while hello.generation == 2:
            await asyncio.sleep(0.002)
    before = hello.generation
    assert await hello.text() == "edited"
    (hello.src / "word.json").write_text(json.dumps("again"))
    async with asyncio.timeout(20):
        while hello.generation == before:
            await asyncio.sleep(0.002)


async def test_a_file_that_made_the_import_fail_mends_it(watched):
    hello = await watched()
    (hello.src / "word.json").write_text("[not json")
    hello.made.save({"utils.py": JSON})
    async with asyncio.timeout(20):
        while not hello.failures:
            await asyncio.sleep(0.002)
    (hello.src / "word.json").write_text(json.dumps("mended"))
    await hello.until("mended")
    before = len(hello.failures)
    hello.made.save({"utils.py": JSON.replace("word.json", "not_there.json")})
    async with asyncio.timeout(20):
        while len(hello.failures) == before:
            await asyncio.sleep(0.002)
    (hello.src / "not_there.json").write_text(json.dumps("there now"))
    await hello.until("there now")


async def test_what_a_worker_writes_does_not_reload_it(watched):
    writes = """
from pathlib import Path
LOG = Path(__file__).parent / "seen.json"
LOG.write_text("1")
word = LOG.read_text()
LOG.write_text("2")
"""
    hello = await watched({"utils.py": writes})
    assert await hello.text() == "1"
    hello.made.save({"utils.py": writes + "word = 'next'"})
    await hello.until("next")
    hello.made.save({"utils.py": writes + "word = 'last'"})
    await hello.until("last")
    assert hello.generation == 3


async def test_a_link_to_a_file_of_a_hidden_folder(watched):
    hello = await watched()
    shared = hello.made.root / ".shared"
    shared.mkdir()
    (shared / "real.py").write_text("word = 'linked'")
    (hello.src / "utils.py").unlink()
    (hello.src / "utils.py").symlink_to(shared / "real.py")
    await hello.until("linked")
    (shared / "real.py").write_text("word = 'edited where it is'")
    await hello.until("edited where it is")


async def test_a_save_while_the_reload_runs(watched):
    slow = "import time\ntime.sleep(0.3)\nword = 'slow'"
    hello = await watched()
    began = threading.Event()

    def save_again() -> None:
        began.wait(20)
        time.sleep(0.1)  # in the middle of the import
        hello.made.save({"utils.py": "word = 'saved meanwhile'"})

    thread = threading.Thread(target=save_again)
    thread.start()
    hello.made.save({"utils.py": slow})
    began.set()
    await hello.until("saved meanwhile")
    await asyncio.to_thread(thread.join)


async def test_a_folder_that_came_and_its_files_at_once(watched):
    hello = await watched({"utils.py": "try:\n    from late.part import word\nexcept ImportError:\n    word = 'none'"})
    for number in range(5):
        (hello.src / "late").mkdir(exist_ok=True)
        (hello.src / "late" / "part.py").write_text(f"word = 'late {number}'")
        await hello.until(f"late {number}")


async def test_polling_sees_two_saves_within_one_second(watched, monkeypatch):
    monkeypatch.setenv("WATCHFILES_FORCE_POLLING", "1")
    monkeypatch.setenv("WATCHFILES_POLL_DELAY_MS", "20")
    hello = await watched()
    assert hello.events.of("watch") == [{"reason": "WATCHFILES_FORCE_POLLING is set", "hint": None, "every_ms": 20}]
    for word in ("two", "six", "ten"):
        hello.made.save({"utils.py": f"word = {word!r}"})
        await hello.until(word)
    hello.made.save({"pkg/__init__.py": "word = 'new folder'", "utils.py": "from pkg import word"})
    await hello.until("new folder")
    hello.made.save({"pkg/__init__.py": "word = 'new folder, again'"})
    await hello.until("new folder, again")
    (hello.src / "utils.py").unlink()
    async with asyncio.timeout(20):
        while not hello.failures:
            await asyncio.sleep(0.002)


async def test_a_bug_in_taking_up_a_change_does_not_end_the_watching(watched, registry, caplog):
    hello = await watched()
    reload, registry.reload = registry.reload, lambda name, **options: 1 / 0
    hello.made.save({"utils.py": "word = 'lost'"})
    async with asyncio.timeout(20):
        while "ZeroDivisionError" not in caplog.text:
            await asyncio.sleep(0.002)
    registry.reload = reload
    hello.made.save({"utils.py": "word = 'found'"})
    await hello.until("found")


LATE = """
import asyncio
from workers import Response, WorkerEntrypoint
gate = asyncio.Event()
WORD = {word!r}
class Default(WorkerEntrypoint):
    async def fetch(self, request):
        if request.url.endswith("/open"):
            gate.set()
        elif request.url.endswith("/wait"):
            await gate.wait()
            import late, pkg.gone
            return Response(" ".join([WORD, late.word, pkg.gone.word]))
        return Response(WORD)
"""


async def test_what_a_request_imports_late_is_of_the_code_it_began_on(watched):
    files = {"late.py": "word = 'old'", "pkg/__init__.py": "", "pkg/gone.py": "word = 'old'"}
    hello = await watched({**files, "entry.py": LATE.format(word="old")})

    async def ask(path: str) -> str:
        return await read_text(await hello.registry.fetch("hello", new_request(f"http://x.localhost/{path}")))

    waiting = asyncio.ensure_future(ask("wait"))
    await asyncio.sleep(0)
    old = hello.registry.generation("hello")
    with old.lease():
        hello.made.save({"late.py": "word = 'new'", "entry.py": LATE.format(word="new")})
        (hello.src / "pkg" / "gone.py").unlink()
        await hello.until("new")
        old._exports.classes["Default"].cls.fetch.__globals__["gate"].set()
        assert await waiting == "old old old"
    hello.made.save({"pkg/gone.py": "word = 'back'"})
    before = hello.generation
    async with asyncio.timeout(20):
        while hello.generation == before:
            await asyncio.sleep(0.002)
    await ask("open")
    assert await ask("wait") == "new new back"


async def test_a_file_nobody_imported_yet_is_no_reload_and_is_imported_as_it_is_then(watched):
    hello = await watched({"late.py": "word = 'old'", "entry.py": LATE.format(word="one"), "pkg/gone.py": "word = ''"})
    generation = hello.registry.generation("hello")
    hello.made.save({"late.py": "word = 'edited'"})
    late = str(hello.src / "late.py")
    async with asyncio.timeout(20):
        while b"edited" not in generation._namespace.sources[late]:
            await asyncio.sleep(0.002)
    assert hello.generation == 1


async def test_a_package_of_ones_own_outside_of_the_workers_folder(watched, tmp_path, monkeypatch):
    lib = tmp_path / "lib" / "house_words"
    lib.mkdir(parents=True)
    (lib / "__init__.py").write_text("from house_words.words import word")
    (lib / "words.py").write_text("word = 'shared'")
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    hello = await watched({"utils.py": "import json\nfrom house_words import word"})
    assert await hello.text() == "shared"
    for word in ("edited", "twice."):
        (lib / "words.py").write_text(f"word = {word!r}")
        await hello.until(word)
    (lib / "words.py").write_text("def broken(:")
    async with asyncio.timeout(20):
        while not hello.failures:
            await asyncio.sleep(0.002)
    assert await hello.text() == "twice."
    (lib / "words.py").write_text("word = 'mended'")
    await hello.until("mended")
    for name in [name for name in sys.modules if name.startswith("house_words")]:
        del sys.modules[name]
