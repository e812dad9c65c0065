"""Cloudflare's own web-framework suites, from the SDK's source distribution, unmodified: FastAPI, Flask and Django.

Their test files start a dev server for a worker project and ask it to run the pytest modules that lie in it. Replaced is
the package `testlib`, which does both and is not in the distribution (see testlib/ beside this file): `sandbox up` serves.
"""

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

NO_HYPERDRIVE = "skipped by the suite itself, as it is at Cloudflare's without `-m hyperdrive`: needs the binding, MySQL and PostgreSQL"
SUITES: dict[str, tuple[int, dict[str, str]]] = {
    "fastapi": (78, {}),
    "flask": (1, {}),
    "django": (73, {}),
    "django_databases": (8, {"test_mysql": NO_HYPERDRIVE, "test_postgresql": NO_HYPERDRIVE}),
}
"""By framework: how many tests there are, and which do not pass (by how their names begin), each with the reason."""


@pytest.mark.parametrize("framework", SUITES)
def test_official_suite(framework: str, tmp_path: Path) -> None:
    sdist = sdist_path()
    if sdist is None:
        pytest.skip(MISSING)
    report = tmp_path / "report.xml"
    command = [sys.executable, "-m", "pytest", f"test_{framework}.py", "-q", "-c", os.devnull, "--rootdir", "."]
    command += ["--disable-plugin-autoload", "-p", "no:cacheprovider", "-o", "markers=hyperdrive"]
    run = subprocess.run(
        [*command, f"--basetemp={tmp_path / 'scratch'}", f"--junitxml={report}"],
        cwd=sdist / "tests",
        env={k: v for k, v in os.environ.items() if not k.startswith("SANDBOX")}
        | {"PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)]), "PYTHONDONTWRITEBYTECODE": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=55,
    )
    assert report.exists(), f"ended with {run.returncode}\n{run.stdout}{run.stderr}"
    tests, exceptions = SUITES[framework]
    passed, others = [], {}
    for case in ElementTree.parse(report).iter("testcase"):
        problem = next((child for child in case if child.tag in ("failure", "error", "skipped")), None)
        if problem is None:
            passed.append(case.attrib["name"])
        else:
            others[case.attrib["name"]] = f"{problem.tag}: {problem.text or problem.attrib.get('message')}"
    print(f"web-frameworks-test, test_{framework}.py: {len(passed)} of {tests} pass")
    unexplained = {name: told for name, told in others.items() if not name.startswith(tuple(exceptions))}
    assert unexplained == {}, run.stdout + run.stderr
    unexpected = [name for name in passed if exceptions and name.startswith(tuple(exceptions))]
    assert unexpected == [], "they pass: take them out of the exceptions"
    assert len(passed) + len(others) == tests, run.stdout + run.stderr
