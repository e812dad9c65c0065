from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[4] / "workers" / "bitware_report_builder" / "src"


@pytest.fixture(scope="session")
def report():
    """The worker's own modules, imported as the plain package they are."""
    sys.path.insert(0, str(SOURCE))
    try:
        names = "angles build feeds items insights trend wording charts".split()
        made = type("Report", (), {name: importlib.import_module(f"report.{name}") for name in names})
        made.build._template()  # the template lies beside the package, which is found only while it is on the path
        return made
    finally:
        sys.path.remove(str(SOURCE))
