"""Cloudflare's own KV suite, from the SDK's source distribution, against our binding: 27 of 27."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from tests.conformance.sdist import MISSING, sdist_path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def test_official_kv_suite(tmp_path: Path) -> None:
    sdist = sdist_path()
    if sdist is None:
        pytest.skip(MISSING)
    suite = sdist / "tests" / "bindings-test" / "src"
    report = tmp_path / "report.xml"
    command = [
        sys.executable,
        "-m",
        "pytest",
        "test_kv.py",
        "-q",
        "-c",
        os.devnull,
        "--rootdir",
        str(suite),
        "--confcutdir",
        str(suite),
    ]
    command += ["-p", "hosting", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", f"--junitxml={report}"]
    run = subprocess.run(
        command,
        cwd=suite,
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_ADDOPTS": "",
            "SANDBOX_TEST_KV_FOLDER": str(tmp_path / "kv"),
        },
        capture_output=True,
        text=True,
    )
    assert report.exists(), run.stdout + run.stderr
    suite_report = ElementTree.parse(report).getroot()[0]
    outcome = {name: int(suite_report.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    assert outcome == {"tests": 27, "failures": 0, "errors": 0, "skipped": 0}, run.stdout + run.stderr
    assert run.returncode == 0, run.stdout + run.stderr
