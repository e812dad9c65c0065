"""Worker folders on disk, and what loads them."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from sandbox.clock import FakeClock
from sandbox.config.models import WorkerConfig
from sandbox.loader.generation import Generation, load_generation
from sandbox.loader.registry import WorkerRegistry
from sandbox.runtime.context import WorkerContext
from sandbox.runtime.values import JsObject


class Folder:
    """One worker's folder. `save` writes files (given as keyword arguments or a mapping) under `src`."""

    def __init__(self, root: Path, name: str) -> None:
        self.root = root / name
        self.name = name
        (self.root / "src").mkdir(parents=True)
        (self.root / "wrangler.toml").touch()

    def save(self, files: dict[str, str]) -> None:
        for name, text in files.items():
            path = self.root / "src" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text))

    def config(self, **changes: Any) -> WorkerConfig:
        values: dict[str, Any] = {
            "name": self.name,
            "root": self.root,
            "config_path": self.root / "wrangler.toml",
            "main": self.root / "src" / "entry.py",
            "compatibility_date": "2026-01-01",
            "watched": (self.root / "wrangler.toml", self.root / ".dev.vars"),
            **changes,
        }
        return WorkerConfig(**values)


class Events(list[tuple[str, dict[str, Any]]]):
    """What was emitted, in order."""

    def emit(self, kind: str, /, **fields: Any) -> None:
        self.append((kind, fields))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for each, fields in self if each == kind]


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def folder(tmp_path: Path) -> Callable[..., Folder]:
    def folder(files: dict[str, str], name: str = "hello") -> Folder:
        made = Folder(tmp_path, name)
        made.save(files)
        return made

    return folder


@pytest.fixture
def load(folder, events) -> Iterator[Callable[..., Generation]]:
    """Load a generation from the source of its main module."""
    loaded: list[Generation] = []

    def load(entry: str, *, files: dict[str, str] | None = None, env: dict[str, Any] | None = None, **config: Any):
        name = f"w{len(loaded)}"
        made = folder({"entry.py": entry, **(files or {})}, name).config(**config)
        context = WorkerContext(name, JsObject(env or {}), emit=events.emit, clock=FakeClock())
        loaded.append(load_generation(made, 1, context))
        return loaded[-1]

    yield load
    for generation in loaded:
        generation.retire()
    # The modules of a test are cycles: not left to the next one.
    gc.collect()


@pytest.fixture
async def registry(events):
    """A registry whose workers keep the configuration they were added with."""
    configs: dict[Path, WorkerConfig] = {}
    made = WorkerRegistry(
        lambda config: WorkerContext(config.name, JsObject(dict(config.vars)), emit=events.emit, clock=FakeClock()),
        configs.__getitem__,
        events.emit,
    )
    made.configs = configs
    yield made
    await made.close(0)
