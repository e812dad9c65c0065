"""`sandbox types`: the stub says what the worker's `env` has, and mypy reads it."""

from __future__ import annotations

import subprocess
import sys

WRANGLER = """
[vars]
GREETING = "hello"
LIMIT = 3
[[kv_namespaces]]
binding = "CACHE"
id = "cache"
"""
CODE = """
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from worker_configuration import Env

async def work(env: "Env") -> str:
    await env.CACHE.put("a", env.GREETING, expirationTtl=60)
    return env.SECRET + env.GREETING
"""


def mypy(folder):
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir=.cache", "entry.py"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50)


def test_mypy_reads_the_stub(project):
    folder = project.worker("typed", CODE, wrangler=WRANGLER)
    (folder / ".dev.vars").write_text("SECRET=canary-value\n")
    done = project.sandbox("types")
    assert done.code == 0, done.err
    stub = (folder / "src" / "worker_configuration.pyi").read_text()
    assert "canary-value" not in stub and "    LIMIT: float\n" in stub
    right = mypy(folder / "src")
    assert right.returncode == 0, right.stdout
    (folder / "src" / "entry.py").write_text(CODE.replace("env.SECRET", "env.SECRETS"))
    wrong = mypy(folder / "src")
    assert wrong.returncode == 1 and '"Env" has no attribute "SECRETS"' in wrong.stdout
    assert project.sandbox("types", "nobody").code == 1
