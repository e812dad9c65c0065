from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SOURCE = Path(__file__).parents[4] / "workers" / "bitware_topic_researcher" / "src"


@pytest.fixture(scope="session")
def researcher():
    """The worker's own modules, imported as the plain package they are."""
    sys.path.insert(0, str(SOURCE))
    try:
        names = "candidates digests kinds matching opml phrases questions schemas stock subtopics topic words".split()
        return SimpleNamespace(**{name: importlib.import_module(f"researcher.{name}") for name in names})
    finally:
        sys.path.remove(str(SOURCE))
