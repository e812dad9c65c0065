"""Exceptions as a person reads them."""

from __future__ import annotations

import importlib
from pathlib import Path
from textwrap import dedent

import pytest

from sandbox.config.models import WorkerConfig
from sandbox.errors import WorkerFailed
from sandbox.loader import names_as_text
from sandbox.loader.failures import describe_failure, headline, hint_for, one_line
from sandbox.loader.imports import Namespace


@pytest.fixture
def worker(tmp_path: Path) -> WorkerConfig:
    (tmp_path / "src").mkdir()
    return WorkerConfig(
        name="feeds",
        root=tmp_path,
        config_path=tmp_path / "wrangler.toml",
        main=tmp_path / "src" / "entry.py",
        compatibility_date="2026-01-01",
        dependencies=("pillow>=11", "python-dateutil"),
    )


@pytest.fixture
def load(worker: WorkerConfig):
    opened: list[Namespace] = []

    def load(**files: str):
        for name, text in files.items():
            (worker.module_root / f"{name}.py").write_text(dedent(text))
        names_as_text.install()
        namespace = Namespace(worker.name, 1, root=worker.module_root, boundary=worker.root, main=worker.main)
        namespace.open(None)
        opened.append(namespace)
        return importlib.import_module(f"{namespace.prefix}.entry")

    yield load
    for namespace in opened:
        namespace.close()


def failure_of(action) -> BaseException:
    with pytest.raises(BaseException) as caught:
        action()
    return caught.value


def test_own_frames_are_shown_and_the_machinery_is_one_line(load, worker):
    error = failure_of(lambda: load(entry="import utils\nutils.go()", utils="def go():\n    raise ValueError('boom')"))
    text = describe_failure(error, worker)
    lines = text.split("\n")
    assert lines[0] == "feeds: ValueError: boom (src/utils.py:2 in go)"
    assert f'  File "{worker.module_root / "utils.py"}", line 2, in go' in lines
    assert "    raise ValueError('boom')" in lines
    assert lines[-1] == "ValueError: boom"
    assert "importlib" not in text
    assert "finder.py" not in text
    assert "of the sandbox, the SDK and Python" not in text  # what called the worker is left out


def test_the_machinery_between_the_workers_lines_is_one_line(load, worker):
    error = failure_of(lambda: load(entry="import utils", utils="raise ValueError('boom')"))
    lines = describe_failure(error, worker).split("\n")
    assert sum("of the sandbox, the SDK and Python" in line for line in lines) == 1
    assert lines[2].endswith('entry.py", line 1, in <module>')


def test_a_cause_is_shown_first(load, worker):
    error = failure_of(
        lambda: load(
            entry="""
            try:
                {}["absent"]
            except KeyError as e:
                raise RuntimeError("no such key") from e
            """
        )
    )
    text = describe_failure(error, worker)
    assert text.index("KeyError: 'absent'") < text.index("direct cause") < text.rindex("RuntimeError: no such key")


def test_class_names_are_plain(load, worker):
    error = failure_of(lambda: load(entry="class Mine(Exception): pass\nraise Mine(Mine)"))
    text = describe_failure(error, worker)
    assert "sandbox_workers" not in text
    assert text.endswith("entry.Mine: <class 'entry.Mine'>")


def test_a_deep_recursion_is_counted_not_repeated(load, worker):
    error = failure_of(lambda: load(entry="def f(): f()\nf()"))
    text = describe_failure(error, worker)
    assert "Previous line repeated" in text
    assert len(text) < 5000


def test_a_syntax_error_names_file_line_and_text(load, worker):
    error = failure_of(lambda: load(entry="import utils", utils="x = 1\ndef broken(:\n"))
    text = describe_failure(error, worker)
    assert "(src/utils.py:2)" in text.split("\n")[0]
    assert "def broken(:" in text


def test_an_exception_group_shows_its_parts(load, worker):
    error = failure_of(lambda: load(entry="raise ExceptionGroup('many', [ValueError('a'), KeyError('b')])"))
    text = describe_failure(error, worker)
    assert "ValueError: a" in text
    assert "KeyError: 'b'" in text


def test_the_wrapping_of_the_sandbox_is_taken_off(load, worker):
    inner = failure_of(lambda: load(entry="raise ValueError('boom')"))
    outer = WorkerFailed("feeds", "x")
    outer.__cause__ = inner
    assert headline(outer, worker) == "feeds: ValueError: boom (src/entry.py:1 in <module>)"


@pytest.mark.parametrize(
    ("statement", "hint"),
    [
        ("import bs4_absent.x", 'pip install bs4_absent, and add "bs4_absent" to'),
        ("import PIL", "pip install 'pillow>=11'"),
        ("from dateutil.parser import parse", "pip install python-dateutil"),
        ("from sklearn import svm", 'pip install scikit-learn, and add "scikit-learn" to'),
    ],
)
def test_a_missing_package_is_answered_with_the_install_line(load, worker, statement, hint):
    text = describe_failure(failure_of(lambda: load(entry=statement)), worker)
    assert f"hint: {hint}" in text
    assert text.split("\n")[0].endswith("(src/entry.py:1 in <module>)")


def test_no_install_line_for_what_no_index_has(load, worker):
    (worker.module_root / "pkg").mkdir()
    (worker.module_root / "pkg" / "__init__.py").touch()
    assert hint_for(failure_of(lambda: load(entry="import pkg.absent")), worker) is None
    assert hint_for(failure_of(lambda: load(entry="import json.absent")), worker) is None
    assert hint_for(ValueError("x"), worker) is None


def test_one_line():
    assert one_line(ValueError("a\n  b")) == "ValueError: a b"
    assert one_line(KeyError()) == "KeyError"
