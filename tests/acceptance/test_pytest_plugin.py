"""The plugin in suites of its own: what is imported at collection, what is left running, what is wrong, what it costs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1] / "fixtures" / "bench_project"


def run_pytest(folder: Path, *arguments: str, code: int = 0) -> str:
    """What `pytest` prints in a folder; it must end with `code`."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-o",
        "asyncio_default_fixture_loop_scope=function",
    ]
    done = subprocess.run([*command, *arguments], cwd=folder, env=environ, capture_output=True, text=True, timeout=55)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def project(tmp_path):
    """`project(path, code)` writes a test file into a copy of the project; it gives the project's folder."""
    root = tmp_path / "project"
    shutil.copytree(PROJECT, root)
    (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")

    def write(files: dict[str, str]) -> Path:
        for path, code in files.items():
            target = root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(textwrap.dedent(code), encoding="utf-8")
        return root

    return write


def test_names_imported_at_the_top_are_what_serves(project):
    root = project(
        {
            "workers/alpha/tests/conftest.py": """
                import pytest
                import tools

                @pytest.fixture
                def loud(monkeypatch):
                    monkeypatch.setattr("entry.tools.shout", lambda text: "LOUD")
                """,
            "workers/alpha/tests/test_alpha.py": """
                from unittest import mock

                import pytest
                import tools
                from entry import Default
                from tools import Odd, shout

                class Quiet(Default):
                    pass

                def test_pure():
                    assert shout("a") == "A"

                @pytest.mark.parametrize("again", [1, 2])
                async def test_state_is_put_back(sandbox, again):
                    worker = sandbox.worker("alpha")
                    for expected in ([1, 2, 1, 1], [2, 3, 2, 2]):
                        assert await (await worker.fetch("/state")).json() == expected
                    assert tools.count == 2
                    tools.left_behind = True
                    assert not hasattr(tools, "left_over")
                    del tools.left_behind

                @pytest.mark.parametrize("error", [Odd])
                async def test_classes_are_the_same(sandbox, error):
                    with pytest.raises(error):
                        await sandbox.worker().fetch("/boom")
                    assert issubclass(Quiet, sandbox.worker().module("entry").Default)

                @mock.patch.object(tools, "shout", return_value="patched")
                async def test_an_object_patched_from_outside(shout, sandbox):
                    assert await (await sandbox.worker().fetch("/hello")).text() == "hello patched"

                @mock.patch("tools.shout", return_value="patched")
                async def test_a_name_patched_from_outside(shout, sandbox):
                    assert await (await sandbox.worker().fetch("/hello")).text() == "hello patched"

                async def test_a_fixture_that_patches(sandbox, loud):
                    assert await (await sandbox.worker().fetch("/hello")).text() == "hello LOUD"
                """,
            "workers/beta/tests/test_beta.py": """
                from entry import Default

                async def test_its_own_entry(sandbox):
                    assert not hasattr(Default, "do_hello")
                    assert await (await sandbox.worker().fetch("/")).text() == "beta was here"
                    import entry
                    assert entry.Default is Default
                """,
            "tests/test_project.py": """
                from tools import shout  # only one worker has it

                async def test_it(sandbox):
                    assert sandbox.worker("alpha").module("tools").shout is shout
                """,
        }
    )
    for mode in ("prepend", "importlib"):
        assert "9 passed" in run_pytest(root, "-W", "error", f"--import-mode={mode}")


def test_what_is_wrong_is_said(project):
    root = project(
        {
            "tests/test_ambiguous.py": "from entry import Default\n",
            "tests/test_wrong.py": """
                import pytest

                @pytest.mark.sandbox(workers=["gamma"])
                async def test_unknown_worker(sandbox):
                    pass

                @pytest.mark.sandbox(worker="alpha")
                async def test_unknown_mark(sandbox):
                    pass

                @pytest.mark.sandbox(config="tests/test_wrong.py")
                async def test_no_config(sandbox):
                    pass

                async def test_raises(sandbox):
                    await sandbox.worker("alpha").fetch("/boom")

                async def test_which(sandbox):
                    sandbox.worker()

                async def test_a_route_that_fails(sandbox):
                    def answer(request):
                        assert request.method == "GET"
                    sandbox.egress.route("https://api.test/*", answer)
                    with pytest.raises(OSError):
                        await sandbox.worker("alpha").fetch("/out")
                """,
        }
    )
    shown = run_pytest(root, "--continue-on-collection-errors", code=1)
    assert "several workers have a module of that name: alpha, beta (put the test into the worker's folder" in shown
    assert "there is no worker called 'gamma' (workers: alpha, beta)" in shown
    assert "@pytest.mark.sandbox does not take worker (it takes workers, vars, config and egress)" in shown
    assert "test_wrong.py: " in shown
    assert "which worker? There are alpha, beta" in shown
    assert 'raise tools.Odd("out of order")' in shown
    assert "sandbox/loader" not in shown
    assert "assert 'POST' == 'GET'" in shown
    assert "3 failed, 4 errors" in shown


def test_leaked_tasks_are_named_and_nothing_else_is_left(project):
    root = project(
        {
            "tests/test_leaks.py": """
                import asyncio, gc, os, tempfile, threading
                from pathlib import Path

                import pytest

                def left():
                    gc.collect()
                    folders = list(Path(tempfile.gettempdir()).glob("sandbox-test-*"))
                    return len(os.listdir("/dev/fd")), threading.active_count(), len(folders)

                before = {}

                async def test_first(sandbox):
                    await sandbox.worker("alpha").fetch("/hello")

                @pytest.mark.parametrize("number", range(8))
                async def test_again(sandbox, number):
                    await sandbox.worker("alpha").kv("NOTES").put("a", "b")
                    await sandbox.worker("alpha").fetch("/hello")

                @pytest.mark.parametrize("number", range(3))
                def test_nothing_is_left(number):
                    assert left() == before.setdefault("left", left())
                    assert threading.active_count() == 1

                async def test_a_worker_that_leaks(sandbox):
                    await sandbox.worker("alpha").fetch("/leak")

                async def test_after_it(sandbox):
                    others = asyncio.all_tasks() - {asyncio.current_task()}
                    assert [task.get_name() for task in others] == ["cron triggers"]
                    await sandbox.worker("alpha").fetch("/hello")

                @pytest.mark.xfail(strict=True)
                async def test_that_fails(sandbox):
                    await sandbox.worker("alpha").fetch("/hello")
                    assert False

                def test_and_nothing_is_left_after_those():
                    test_nothing_is_left(4)
                """,
        }
    )
    environ = {"TMPDIR": str(root.parent / "tmp")}
    (root.parent / "tmp").mkdir()
    os.environ.update(environ)
    try:
        shown = run_pytest(root, "-W", "error::ResourceWarning", "-W", "error::pytest.PytestUnraisableExceptionWarning")
    finally:
        del os.environ["TMPDIR"]
    assert re.search(
        r"workers/alpha/src/entry.py:\d+: LeakedTaskWarning: alpha left task 'forgotten' \(sleep\) running", shown
    )
    assert re.search(r"created at workers/alpha/src/entry.py:\d+ in Default.do_leak", shown)
    assert shown.count("LeakedTaskWarning") == 1
    assert "15 passed, 1 xfailed, 1 warning" in shown
    assert list((root.parent / "tmp").glob("sandbox-test-*")) == []


def test_a_suite_without_the_fixture_pays_next_to_nothing(tmp_path):
    (tmp_path / "test_plain.py").write_text(
        textwrap.dedent(
            """
            import sys

            def test_plain():
                ours = {name for name in sys.modules if name.partition(".")[0] == "sandbox"}
                testing = {f"sandbox.testing.{name}" for name in ("names", "places", "plugin")}
                assert ours == {"sandbox", "sandbox.testing", "sandbox.config", "sandbox.config.survey"} | testing
                assert not {"aiohttp", "sqlite3", "workers", "js"} & set(sys.modules)
            """
        ),
        encoding="utf-8",
    )
    run_pytest(tmp_path, "-p", "no:aiohttp", "-p", "no:hypothesispytest")
