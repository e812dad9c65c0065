"""Repositories laid out without us: workers in `apps/*`, `packages/x/*`, wherever a wrangler file lies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.config.discover import find_state, new_workers_folder
from sandbox.config.load import load_sandbox
from sandbox.config.survey import workers_below
from sandbox.testing.places import find_project


def test_workers_that_lie_elsewhere(project: Any) -> None:
    project.worker("apps/api")
    project.worker("packages/jobs/nightly")
    project.worker("apps/node_modules/theirs")
    project.worker("apps/api/python_modules/inner")
    project.worker("a/b/c/too-deep")
    project.worker(".venv/hidden")
    loaded = project.load()
    assert list(loaded.config.workers) == ["api", "nightly"]
    assert loaded.config.root == project.root and loaded.warnings == ()
    # A neighbour that is added later is looked for there.
    assert set(loaded.config.search) == {project.root / "apps", project.root / "packages" / "jobs"}
    assert new_workers_folder(project.root) == (project.root, project.root / "apps")
    assert find_state(project.root, environ={}) == project.root / "kv_data"


def test_workers_folder_and_own_wrangler_file_come_first(project: Any) -> None:
    project.worker("apps/api")
    project.worker("workers/main")
    assert list(project.load().config.workers) == ["main"]
    inner = project.worker("other/alone")
    project.worker("other/alone/apps/part")
    assert list(load_sandbox(inner, environ={}).config.workers) == ["alone"]


@pytest.mark.parametrize("with_toml", [False, True])
def test_what_is_no_python_worker_is_left_out_with_a_word(project: Any, with_toml: bool) -> None:
    project.worker("apps/api")
    project.write("apps/web/wrangler.jsonc", '{"name": "web", "main": "src/index.ts"}')
    project.write("apps/pages/wrangler.toml", 'name = "pages"\npages_build_output_dir = "dist"')
    project.write(
        "apps/site/wrangler.json", '{"name": "site", "compatibility_date": "2026-01-01", "assets": {"directory": "."}}'
    )
    if with_toml:
        project.write("sandbox.toml", "[sandbox]\nport = 8800")
    loaded = project.load()
    assert list(loaded.config.workers) == ["api", "site"]
    left_out = {warning.file.parent.name: warning.message for warning in loaded.warnings}
    assert "is not a Python file" in left_out["web"] and "is left out" in left_out["pages"]
    # Where a list names the folders, a worker in another language is an error, as ever.
    project.write("sandbox.toml", '[sandbox]\ninclude = ["apps/*"]')
    assert any("is not a Python file" in problem.message for problem in project.problems())


def test_a_large_tree_is_not_walked_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.config.survey.MOST_FOLDERS", 3)
    for number in range(9):
        (tmp_path / f"folder{number}").mkdir()
    assert workers_below(tmp_path) == []


def test_links_are_not_followed(project: Any, tmp_path: Path) -> None:
    project.worker("apps/api")
    (project.root / "again").symlink_to(project.root / "apps")
    assert workers_below(project.root) == [project.root / "apps" / "api"]


def test_tests_find_the_repository_around(project: Any) -> None:
    api = project.worker("apps/api")
    assert find_project(project.root / "tests") is None
    assert find_project(api / "tests") == api
    find_project.cache_clear()
    project.write("pyproject.toml")
    project.worker("apps/jobs")
    assert find_project(project.root / "tests") == project.root
    assert find_project(api / "tests") == project.root
    find_project.cache_clear()


def test_a_workers_folder_has_the_state_of_the_repository_around(project: Any) -> None:
    api = project.worker("apps/api")
    project.worker("apps/jobs")
    assert find_state(api, environ={}) == api / "kv_data"
    project.write("kv_data/README.md")
    assert find_state(api / "src", environ={}) == project.root / "kv_data"
    # Not that of somebody whose worker it is not, and not where it has been served alone.
    assert find_state(project.worker("deep/in/the/woods"), environ={}) == project.root / "deep/in/the/woods/kv_data"
    (api / "kv_data").mkdir()
    assert find_state(api, environ={}) == api / "kv_data"
