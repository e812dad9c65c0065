from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from sandbox.config.dependencies import missing_dependencies
from sandbox.config.models import WorkerConfig

INSTALLED = {"feedparser": "6.0.12", "jinja2": "3.1.0", "pre": "2.0.0rc1"}


def worker(name: str, *dependencies: str) -> WorkerConfig:
    return WorkerConfig(name, Path(), Path(), Path(), "2026-01-01", dependencies=dependencies)


def check(*workers: WorkerConfig):
    found = missing_dependencies(workers, version_of=lambda name: INSTALLED.get(name.lower()))
    words = shlex.split(found.install or "")
    return found, words[words.index("install") + 1 :] if words else []


@pytest.mark.parametrize(
    "text", ["feedparser", "FeedParser>=6", "jinja2>=3,<4", "x; python_version < '3'", "pre>=2.0.0rc1"]
)
def test_what_is_there(text: str) -> None:
    found, _ = check(worker("a", text))
    assert not found and found.install is None


def test_one_line_for_all_workers() -> None:
    found, packages = check(
        worker("a", "feedparser", "httpx[http2]>=0.27"), worker("b", "jinja2>=3.1.6"), worker("c", "Httpx<1")
    )
    assert [(entry.worker, entry.requirement, entry.installed) for entry in found.missing] == [
        ("a", "httpx[http2]>=0.27", None),
        ("b", "jinja2>=3.1.6", "3.1.0"),
        ("c", "Httpx<1", None),
    ]
    assert packages == ["httpx[http2]<1,>=0.27", "jinja2>=3.1.6"]


def test_two_workers_that_disagree_show_both_wishes() -> None:
    found, packages = check(worker("a", "jinja2<3.1"), worker("b", "jinja2>=3.1"))
    assert [entry.worker for entry in found.missing] == ["a"]
    assert packages == ["jinja2<3.1,>=3.1"]


def test_a_text_that_is_no_requirement() -> None:
    found, packages = check(worker("a", "not a package"))
    assert found.missing[0].reason == "is no requirement that an installer reads"
    assert packages == [] and found.install is None and found


def test_the_environment_of_these_tests() -> None:
    assert not missing_dependencies([worker("a", "click", "hypothesis>=6")])
    assert missing_dependencies([worker("a", "there-is-no-such-distribution")])


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("from pyodide.ffi import run_sync, to_js\n", True),
        ("from workers import WorkerEntrypoint, wsgi\n", True),
        ("import pyodide.ffi\npyodide.ffi.run_sync(None)\n", True),
        ("# no wsgi, no run_sync\nwsgi = 1\n", False),
    ],
)
def test_what_waiting_in_synchronous_code_needs(tmp_path: Path, code: str, needed: bool) -> None:
    entry = tmp_path / "entry.py"
    entry.write_text("import helper\n")
    (tmp_path / "helper.py").write_text(code)
    config = WorkerConfig("a", tmp_path, tmp_path, entry, "2026-01-01")
    found, packages = check(config)
    assert [entry.requirement for entry in found.missing] == ["greenlet>=3.1"] * needed
    assert packages == ["greenlet>=3.1"] * needed
    assert not missing_dependencies([config], version_of=lambda name: "3.2")
