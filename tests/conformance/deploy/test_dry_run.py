"""Exported workers are whole in what pywrangler would upload. Skipped, with the reason, where npm or its packages lack."""

from __future__ import annotations

import pytest

from tests.conformance.deploy import dry_run, tools
from tests.conformance.oracle import exports

WHY = tools.missing()


@pytest.mark.nightly
@pytest.mark.skipif(WHY is not None, reason=WHY or "")
@pytest.mark.timeout(600)
def test_every_worker_by_pywrangler_s_own_dry_run(tmp_path):
    uploads = [each for each in dry_run.run([], tmp_path) if isinstance(each, dry_run.Upload)]
    assert [each.worker for each in uploads] == exports.workers()
    for each in uploads:
        assert each.whole, each.lines()
        assert each.outcome.asked >= 14
        assert any(package.startswith("workers_runtime_sdk ") for package in each.packages)


@pytest.fixture
def folders(tmp_path):
    """An exported module root and an upload of it, alike."""
    for root in (tmp_path / "exported", tmp_path / "out"):
        (root / "parts").mkdir(parents=True)
        (root / "entry.py").write_text("import json\n\nfrom parts import one\nfrom jinja2.ext import do\n")
        (root / "parts" / "__init__.py").write_text("from . import one\nfrom .one import what\n")
        (root / "parts" / "one.py").write_text("def what():\n    import parts.one\n    import js\n")
        (root / "parts" / "words.json").write_text("[]")
    vendored = tmp_path / "out" / dry_run.VENDORED / "jinja2"
    vendored.mkdir(parents=True)
    (vendored / "ext.py").write_text("")
    (vendored / "tests.py").write_text("")
    (tmp_path / "out" / "README.md").write_text("by wrangler")
    return tmp_path / "exported", tmp_path / "out"


def wrong(folders):
    exported, out = folders
    found = dry_run.Upload("worker", out)
    return [*dry_run.wrong_files(exported, out, found), *dry_run.wrong_imports(out)]


def test_a_whole_upload(folders):
    assert wrong(folders) == []


@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("parts/words.json", None, ["parts/words.json is not uploaded"]),
        ("parts/words.json", "[1]", ["parts/words.json is uploaded with other content"]),
        ("more.py", "", ["more.py is uploaded and not of the exported folder"]),
        ("python_modules/jinja2/tests/test_it.py", "", ["python_modules/jinja2/tests/test_it.py is a test"]),
        ("python_modules/.env.local", "", ["python_modules/.env.local is a secret"]),
        ("python_modules/jinja2/ext.py", None, ["entry.py:4 imports jinja2.ext, which is not uploaded"]),
        (
            "parts/one.py",
            None,
            [
                "parts/one.py is not uploaded",
                "parts/__init__.py:1 imports parts.one, which is not uploaded",
                "parts/__init__.py:2 imports parts.one, which is not uploaded",
            ],
        ),
    ],
)
def test_what_is_wrong_with_an_upload(folders, file, content, says):
    path = folders[1] / file
    if content is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    assert wrong(folders) == says
