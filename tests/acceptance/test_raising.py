"""Whatever worker code raises, wherever: the process lives, the answer is the worker's failure and not ours."""

from __future__ import annotations

import ast
import http.client
from pathlib import Path

import pytest

RAISER = Path(__file__).parents[1] / "fixtures" / "workers" / "raiser"
PLACES = ["fetch", "task", "awaited", "callback", "wait", "del", "stream", "later_stream"]
FAILS = {"fetch", "awaited"}
CUT = {"stream", "later_stream"}
IN_SHORT = ["exit", "interrupt", "own", "generator_exit", "recursion", "exiting_text", "huge"]


def all_kinds() -> list[str]:
    tree = ast.parse((RAISER / "src" / "entry.py").read_text(encoding="utf-8"))
    table = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "KINDS")
    return [key.value for key in table.keys]


@pytest.fixture(scope="module")
def up(module_project, module_up):
    module_project.copy(RAISER)
    return module_up(module_project)


def check(up, place: str, kind: str) -> None:
    try:
        answer = up.ask(f"/{place}/{kind}", worker="raiser")
    except (http.client.IncompleteRead, ConnectionError):
        # A task that raises GeneratorExit closes whoever awaits it, the host included: that is how Python means it.
        assert place in CUT or kind == "generator_exit", (place, kind)
    else:
        if place in FAILS:
            assert answer.status == 500, (place, kind)
            assert answer.json["error"]["code"] == "worker_exception", (place, kind, answer.text[:500])
            assert len(answer.body) < 50_000, (place, kind)
        else:
            assert place not in CUT and answer.text == "ok", (place, kind, answer.text[:500])
    assert up.ask(worker="raiser").text == "ok", (place, kind)
    assert up.process.poll() is None


@pytest.mark.parametrize("place", PLACES)
def test_the_process_lives(up, place: str) -> None:
    for kind in IN_SHORT:
        check(up, place, kind)


@pytest.mark.nightly
@pytest.mark.parametrize("place", PLACES)
def test_everything_everywhere(up, place: str) -> None:
    for kind in all_kinds():
        check(up, place, kind)


@pytest.mark.parametrize(("place", "kind"), [("stream", "own"), ("later_stream", "exit"), ("wait", "interrupt")])
def test_what_no_answer_tells_the_console_does(up, place: str, kind: str) -> None:
    seen = len(up.lines)
    check(up, place, kind)
    up.wait(r"^(in waitUntil: )?raiser: (Own|SystemExit|KeyboardInterrupt): .*\(src/entry.py:\d+ in", after=seen)


@pytest.mark.parametrize(
    "kind", ["raise KeyboardInterrupt('x')", "raise GeneratorExit", "import os, asyncio\nraise asyncio.CancelledError"]
)
def test_a_module_that_raises_such_a_thing_when_it_is_imported(up, eventually, kind: str) -> None:
    entry = up.project.root / "workers" / "raiser" / "src" / "entry.py"
    before, seen = entry.read_text(encoding="utf-8"), len(up.lines)
    entry.write_text(kind, encoding="utf-8")
    up.wait(r"raiser does not load; the last good code serves on", after=seen)
    entry.write_text(before, encoding="utf-8")
    eventually(lambda: "x-sandbox-stale" not in up.ask(worker="raiser").headers)
