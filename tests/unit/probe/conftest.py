"""The stage on which a worker is driven without a sandbox around it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.bindings.kv.store import KvStores
from sandbox.clock import FakeClock


def _stage_module() -> Any:
    name = "handshake_stage"
    if name not in sys.modules:
        path = Path(__file__).parents[1] / "handshake" / "stage.py"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture
def load_entry() -> Any:
    return _stage_module().load_entry


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Any]:
    clock = FakeClock()
    stores = KvStores(tmp_path / "kv", clock)
    made = _stage_module().Stage(stores, clock)
    try:
        yield made
        await made.settle()
    finally:
        await stores.close()
