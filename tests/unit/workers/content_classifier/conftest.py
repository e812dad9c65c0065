from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[4] / "workers" / "bitware_content_classifier" / "src"


@pytest.fixture(scope="session")
def classifier():
    """The worker's own modules, imported as the plain package they are."""
    sys.path.insert(0, str(SOURCE))
    try:
        names = "words relevance sentiment topics phrases entities summary analysis".split()
        return type("Classifier", (), {name: importlib.import_module(f"classifier.{name}") for name in names})
    finally:
        sys.path.remove(str(SOURCE))
