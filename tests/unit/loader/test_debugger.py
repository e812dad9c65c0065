"""`breakpoint()` in worker code: at a real terminal, and without one."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import time
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[3]
SCRIPT = """
    import importlib, sys
    from pathlib import Path
    from types import SimpleNamespace
    from sandbox.loader import names_as_text
    from sandbox.loader.debugger import install_debugger, when_paused
    from sandbox.loader.imports import Namespace
    from sandbox.loader.output import install_output, real_stdout
    from sandbox.runtime.context import current_worker

    def emit(kind, **fields):
        real_stdout().write(f"[{fields['worker']} {fields['level']}] {fields['text']}\\n")

    install_output()
    install_debugger()
    when_paused(lambda paused: real_stdout().write("paused\\n" if paused else "resumed\\n"))
    names_as_text.install()
    root = Path(__file__).parent
    context = SimpleNamespace(name="feeds", emit=emit)
    namespace = Namespace("feeds", 1, root=root, boundary=root, main=root / "entry.py")
    namespace.open(context)
    current_worker.set(context)
    importlib.import_module(namespace.prefix + ".entry").handler()
"""
WORKER = """
    def handler():
        secret = 41
        print("before")
        STOP
        print("after", secret)
"""


def script(tmp_path: Path, stop: str = "breakpoint()") -> list[str]:
    path = tmp_path / "script.py"
    path.write_text(dedent(SCRIPT))
    (tmp_path / "entry.py").write_text(dedent(WORKER).replace("STOP", stop))
    return [sys.executable, str(path)]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONBREAKPOINT"}
    return {**kept, "PYTHONPATH": os.pathsep.join([str(ROOT), kept.get("PYTHONPATH", "")])}


def read_until(terminal: int, word: str) -> str:
    seen = ""
    deadline = time.monotonic() + 20
    while word not in seen:
        assert time.monotonic() < deadline, seen
        seen += os.read(terminal, 4096).decode()
    return seen


@pytest.mark.parametrize("stop", ["breakpoint()", "import pdb; pdb.set_trace()"])
def test_at_a_terminal_pdb_prompts_shows_variables_and_continues(tmp_path, stop):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(script(tmp_path, stop), stdin=theirs, stdout=theirs, stderr=theirs, env=environment())
    try:
        start = read_until(ours, "(Pdb) ")
        assert "[feeds log] before" in start
        assert "paused" in start
        if sys.version_info >= (3, 13):  # it opens on its own line
            os.write(ours, b"n\n")
            start = read_until(ours, "(Pdb) ")
        assert '-> print("after", secret)' in start
        os.write(ours, b"p secret + 1\n")
        # What the debugger prints is plain: it is not the worker's output.
        answer = read_until(ours, "(Pdb) ")
        assert "42" in answer
        assert "[feeds" not in answer
        os.write(ours, b"c\n")
        assert "resumed" in read_until(ours, "[feeds log] after 41")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


@pytest.mark.parametrize("stdin", [subprocess.DEVNULL, subprocess.PIPE])
def test_without_a_terminal_it_is_skipped_with_a_hint(tmp_path, stdin):
    done = subprocess.run(
        script(tmp_path), stdin=stdin, capture_output=True, text=True, timeout=20, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr
    assert "entry.py:5: breakpoint() skipped: standard input is not a terminal" in done.stdout
    assert done.stdout.startswith("[feeds log] before\n[feeds warning] ")
    assert done.stdout.endswith("[feeds log] after 41\n")


def test_pythonbreakpoint_is_honoured(tmp_path):
    done = subprocess.run(
        script(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        env={**environment(), "PYTHONBREAKPOINT": "0"},
        check=False,
    )
    assert done.stdout == "[feeds log] before\n[feeds log] after 41\n", done.stderr
