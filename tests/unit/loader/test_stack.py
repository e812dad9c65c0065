"""What is read off a stack: whose code it is, where, and what it calls."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.loader.imports import worker_of
from sandbox.loader.stack import Point, read_stack


@pytest.mark.parametrize(
    ("module", "worker"),
    [
        ("sandbox_workers.feeds_g3.utils", "feeds"),
        ("sandbox_workers.feeds_g3", "feeds"),
        ("sandbox_workers.feeds_g3_2.entry", "feeds"),
        ("sandbox_workers.my_g2_worker_g11.a.b_g1", "my_g2_worker"),
        ("sandbox_workers", None),
        ("utils", None),
        (None, None),
    ],
)
def test_whose_module_it_is(module: object, worker: str | None) -> None:
    assert worker_of(module) == worker


@pytest.mark.parametrize(
    ("line", "calling"),
    [
        ("note()", "note"),
        ("x = len([note()])", "note"),
        ("helper.deep.note(1,\n        2)", "helper.deep.note"),
        ("x = 1 if note() else 2", "note"),
        ("for _ in [1]: note()", "note"),
        ("'ü' + note()", "note"),
    ],
)
def test_what_a_line_calls(tmp_path: Path, line: str, calling: str) -> None:
    found: list[str | None] = []

    def note(*arguments: object) -> str:
        frame = sys._getframe(1)
        found.append(Point("w", frame.f_code, frame.f_lasti, frame.f_lineno).calling)
        return ""

    note.deep = note  # type: ignore[attr-defined]
    note.note = note  # type: ignore[attr-defined]
    path = tmp_path / "code.py"
    path.write_text(f"def run():\n    {line}\n", encoding="utf-8")
    scope = {"note": note, "helper": note}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), scope)
    scope["run"]()
    assert found == [calling]


def test_a_line_that_calls_nothing_and_a_file_that_is_gone(tmp_path: Path) -> None:
    scope: dict = {}
    exec(compile("def run():\n    yield 1\n", str(tmp_path / "gone.py"), "exec"), scope)
    running = scope["run"]()
    next(running)
    frame = running.gi_frame
    assert Point("w", frame.f_code, frame.f_lasti, frame.f_lineno).calling is None


async def test_what_the_loop_runs_is_found_and_nothing_outside_of_it() -> None:
    stack = read_stack(sys._getframe())
    assert stack.handle is not None
    assert stack.worker is None and stack.point() is None
    assert read_stack(None).handle is None
