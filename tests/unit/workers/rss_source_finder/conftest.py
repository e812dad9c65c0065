from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

SOURCE = Path(__file__).parents[4] / "workers" / "bitware_rss_source_finder" / "src"


@pytest.fixture(scope="session")
def finder():
    """The worker's own modules, imported as the plain package they are."""
    sys.path.insert(0, str(SOURCE))
    try:
        names = "addresses catalogue discovery feeds finder gathering lists loose opml ranking refusals related schemas topic web words"
        return SimpleNamespace(**{name: importlib.import_module(f"finder.{name}") for name in names.split()})
    finally:
        sys.path.remove(str(SOURCE))
