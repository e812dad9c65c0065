"""Run one project of `workerd-test` in a process of its own and read what its pytest reported."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conformance.sdist import MISSING, sdist_path

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass
class Outcome:
    """`failed` maps the names of failed tests to their messages; `output` is what the process printed."""

    code: int
    passed: list[str]
    failed: dict[str, str]
    skipped: list[str]
    output: str


def run_project(project: str, scratch: Path) -> Outcome:
    """Host `project` and run its tests. Skips where the source distribution cannot be had."""
    sdist = sdist_path()
    if sdist is None:
        pytest.skip(MISSING)
    report = scratch / "report.xml"
    (scratch / "project").mkdir()
    run = subprocess.run(
        [sys.executable, HERE / "hosting.py", project, sdist / "tests" / "workerd-test", scratch / "project"],
        env=os.environ
        | {
            "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_ADDOPTS": "",
            "SUITE_REPORT": str(report),
        },
        capture_output=True,
        text=True,
        timeout=55,
    )
    outcome = Outcome(run.returncode, [], {}, [], run.stdout + run.stderr)
    for case in ElementTree.parse(report).iter("testcase") if report.exists() else ():
        problem = next((child for child in case if child.tag in ("failure", "error")), None)
        if problem is not None:
            outcome.failed[case.attrib["name"]] = problem.attrib.get("message", "")
        elif case.find("skipped") is not None:
            outcome.skipped.append(case.attrib["name"])
        else:
            outcome.passed.append(case.attrib["name"])
    return outcome
