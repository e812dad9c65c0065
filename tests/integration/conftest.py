"""A real Sandbox over worker folders that a test writes, on a free port, with a state folder of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from sandbox.app import Sandbox
from sandbox.app.hosting import STANDALONE
from sandbox.config.load import load_sandbox

Start = Callable[..., Awaitable[Sandbox]]


def write_worker(
    root: Path, name: str, code: str | dict[str, str], *, extra: str = "", date: str = "2026-11-01"
) -> Path:
    """A worker folder under `root/workers`. `code` is entry.py, or files below src/ by name."""
    folder = root / "workers" / name
    files = code if isinstance(code, dict) else {"entry.py": code}
    for path, text in files.items():
        target = folder / "src" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    (folder / "wrangler.toml").write_text(
        f'name = "{name}"\nmain = "src/entry.py"\ncompatibility_date = "{date}"\n'
        f'compatibility_flags = ["python_workers"]\n{extra}',
        encoding="utf-8",
    )
    return folder


@pytest.fixture
def worker(tmp_path):
    """`worker(name, code, extra=wrangler lines)` writes a worker folder; see `write_worker`."""
    return lambda name, code, **options: write_worker(tmp_path, name, code, **options)


@pytest.fixture
async def start(tmp_path):
    """`await start(serve=..., **overrides)` starts a sandbox over `tmp_path` (its `workers/` and sandbox.toml)."""
    async with AsyncExitStack() as stack:

        async def begin(
            *, serve: bool = True, watch: bool = False, root: Path = tmp_path, hosting=STANDALONE, **overrides
        ) -> Sandbox:
            options = {"port": 0, "state": str(tmp_path / "state"), **overrides}

            def read():
                return load_sandbox(root, overrides=options)

            sandbox = Sandbox(read(), serve=serve, watch=watch, reread=read, hosting=hosting)
            return await stack.enter_async_context(sandbox)

        yield begin
