"""Saving a file reloads the worker it belongs to, and no other."""

from __future__ import annotations

import asyncio

import pytest
from watchfiles import Change

from sandbox.config.models import ModuleRule
from sandbox.loader.concerns import concerns, is_temporary
from sandbox.loader.watch import Watcher
from sandbox.runtime.exchange import new_request, read_text

HELLO = """
import utils
from workers import Response, WorkerEntrypoint
class Default(WorkerEntrypoint):
    async def fetch(self): return Response(utils.word)
"""


@pytest.mark.parametrize(
    ("path", "change", "broken", "expected"),
    [
        ("src/entry.py", Change.modified, False, True),
        ("src/entry.py", Change.added, False, True),
        ("src/unused.py", Change.modified, False, False),
        ("src/unused.py", Change.modified, True, True),
        ("src/new.py", Change.added, False, True),
        ("src/gone.py", Change.deleted, False, True),
        ("src/.#entry.py", Change.added, True, False),
        ("src/entry.py~", Change.added, True, False),
        ("src/.venv/x.py", Change.added, True, False),
        ("src/__pycache__/x.py", Change.added, True, False),
        ("wrangler.toml", Change.modified, False, True),
        (".dev.vars", Change.added, False, True),
        ("README.md", Change.modified, False, False),
        ("tests/test_x.py", Change.modified, True, False),
        ("src/pages/a.html", Change.modified, False, True),
        ("src/a.txt", Change.modified, False, True),
        ("src/a.json", Change.modified, False, False),
        ("src/data/b.csv", Change.modified, False, True),
        ("tables/read.json", Change.modified, False, True),
        ("tables/other.json", Change.modified, False, False),
        ("tables", Change.deleted, False, True),
        ("src", Change.deleted, False, True),
    ],
)
def test_what_a_change_concerns(folder, path, change, broken, expected):
    made = folder({"entry.py": "", "unused.py": ""})
    config = made.config(rules=(ModuleRule("Data", ("**/*.csv",)),))
    files = {str((made.root / "src" / "entry.py").resolve())}
    opened = {str((made.root / "tables" / "read.json").resolve())}
    assert concerns(config, files, opened, broken, change, made.root / path) is expected


@pytest.mark.parametrize(
    "name",
    [
        *("4913", "5036", "entry.py~", ".entry.py.swp", ".entry.py.swx", "#entry.py#", ".#entry.py"),
        *("entry.py___jb_tmp___", "entry.py___jb_old___", ".goutputstream-X1", "entry.py.tmp", "entry.py.kate-swp"),
    ],
)
def test_what_editors_write_beside_a_file_is_left_out(folder, name):
    made = folder({"entry.py": ""})
    config = made.config(rules=(ModuleRule("Data", ("**/*",)),))
    assert is_temporary(name)
    for change in Change:
        assert not concerns(config, (), (), True, change, made.root / "src" / name)
    assert not is_temporary("entry.py") and not is_temporary("2026.txt")


@pytest.fixture
async def watching(registry, folder, tmp_path):
    """Two watched workers, and a way to wait for the text one answers with."""
    one = folder({"entry.py": HELLO, "utils.py": "word = 'one'"}, "one")
    two = folder({"entry.py": HELLO, "utils.py": "word = 'two'"}, "two")
    for made in (one, two):
        (made.root / ".venv" / "lib").mkdir(parents=True)
        registry.configs[made.root] = made.config()
        await registry.add(made.config())
    toml = tmp_path / "sandbox.toml"
    toml.touch()
    called = asyncio.Event()

    async def changed() -> None:
        called.set()

    watcher = Watcher(registry, sandbox_toml=toml, on_sandbox_toml=changed, ignore=[tmp_path / "state"])
    await watcher.start()

    async def until(name: str, word: str) -> None:
        async with asyncio.timeout(20):
            while await read_text(await registry.fetch(name, new_request("http://x.localhost/"))) != word:
                await asyncio.sleep(0.005)

    watcher.one, watcher.two, watcher.until, watcher.toml, watcher.called = one, two, until, toml, called
    yield watcher
    await watcher.close()


async def test_a_save_reloads_that_worker_only(watching, registry):
    watching.one.save({"utils.py": "word = 'changed'"})
    await watching.until("one", "changed")
    assert registry.status("two").generation == 1


async def test_an_editors_atomic_rename(watching):
    source = watching.one.root / "src"
    (source / "utils.py.tmp").write_text("word = 'renamed'")
    (source / "utils.py.tmp").replace(source / "utils.py")
    await watching.until("one", "renamed")


async def test_two_saves_within_a_moment_end_on_the_second(watching):
    for word in ("first", "other", "final"):
        watching.one.save({"utils.py": f"word = {word!r}"})
    await watching.until("one", "final")


async def test_a_new_folder_is_watched_too(watching, registry):
    watching.one.save({"pkg/__init__.py": "", "utils.py": "from pkg import word", "pkg/extra.py": ""})
    watching.one.save({"pkg/__init__.py": "word = 'package'"})
    await watching.until("one", "package")
    watching.one.save({"pkg/__init__.py": "word = 'again'"})
    await watching.until("one", "again")


async def test_broken_code_is_mended_by_a_file_that_was_missing(watching, registry):
    watching.one.save({"utils.py": "from missing_part import word"})
    async with asyncio.timeout(20):
        while not registry.status("one").stale:
            await asyncio.sleep(0.005)
    watching.one.save({"missing_part.py": "word = 'found'"})
    await watching.until("one", "found")


async def test_configuration_files(watching, registry):
    (watching.two.root / ".dev.vars").write_text("A=1")
    async with asyncio.timeout(20):
        while registry.status("two").generation == 1:
            await asyncio.sleep(0.005)
    watching.toml.write_text("[sandbox]")
    async with asyncio.timeout(20):
        await watching.called.wait()


def test_folders_leave_out_environments_and_state(watching, tmp_path):
    shown = {str(path.relative_to(tmp_path)) for path in watching.folders()}
    assert shown == {".", "one", "one/src", "two", "two/src"}


async def test_nothing_to_watch(registry):
    watcher = Watcher(registry)
    await watcher.start()
    await watcher.close()
    assert watcher.folders() == []
