"""The stranger's way again, from a fresh environment (tests/sessions/foreign_monorepo.txt is a recording of it)."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MONOREPO = HERE.parent / "foreign_project"


@pytest.mark.nightly
@pytest.mark.timeout(400)
def test_from_install_to_the_first_200_in_under_two_minutes_without_an_edit(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("foreign_walk", HERE / "foreign_walk.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["foreign_walk"] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
        folder = tmp_path / "tideline"
        lines, seconds = module.walk(folder)
        assert module.unedited(folder)
    finally:
        del sys.modules["foreign_walk"]
    assert seconds < 120, "\n".join(lines)
    text = "\n".join(lines)
    assert text.count("install what is missing:") == 1 and "Traceback" not in text
    assert "checked 3 workers: no findings" in text and "location: http://localhost:8788/spots/" in text


TESTS_OF_OURS = """
import json

FORECAST = {"current": {"time": "2026-10-01T06:00", "wave_height": 1.456, "wave_period": 9.1}}


async def test_refresh_reaches_the_api(sandbox):
    sandbox.egress.route("https://marine-api.open-meteo.com/*", json=FORECAST)
    answer = await sandbox.worker("tideline-api").fetch("/spots/refresh", method="POST")
    assert sorted((await answer.json())["saved"]) == ["bundoran", "ericeira", "hossegor"]
    spots = await (await sandbox.worker("tideline-api").fetch("/spots/")).json()
    assert {spot["spot"]: spot["wave_m"] for spot in spots}["ericeira"] == 1.46


async def test_cron(sandbox):
    sandbox.egress.route("https://marine-api.open-meteo.com/*", json=FORECAST)
    await sandbox.worker("tideline-ingest").scheduled(cron="*/30 * * * *")
    assert json.loads(await sandbox.kv("READINGS").get("spot:ericeira"))["wave_m"] == 1.46
"""


@pytest.mark.parametrize("where", ["tests", "apps/ingest/tests"])
def test_its_own_tests_run_and_the_fixture_finds_its_workers(tmp_path: Path, where: str) -> None:
    folder = tmp_path / "tideline"
    shutil.copytree(MONOREPO, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    (folder / where).mkdir(exist_ok=True)
    (folder / where / "test_workers.py").write_text(TESTS_OF_OURS, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", *({where} - {"tests"})],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert done.returncode == 0 and "7 passed" in done.stdout, done.stdout + done.stderr
