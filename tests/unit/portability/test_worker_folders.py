"""The conventions of every folder under workers/: complete for `pywrangler deploy`, nothing that Cloudflare refuses."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sandbox.config.workers import load_worker
from sandbox.portability.check import check
from sandbox.portability.files import not_uploaded

ROOT = Path(__file__).parents[3]
FOLDERS = sorted(path.parent for path in (ROOT / "workers").glob("*/wrangler.*"))
REFUSED = {"threading", "_thread", "multiprocessing", "subprocess", "concurrent.futures", "socket", "ctypes", "fcntl"}
EVERY = pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)


def imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module or ""


@EVERY
def test_it_deploys(folder):
    config, warnings = load_worker(folder, environ={})
    assert warnings == ()
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == config.host_label and isinstance(project["dependencies"], list)
    assert "python_workers" in config.compatibility_flags and config.compatibility_date
    assert not_uploaded(config) == {}, "a data file needs a rule"
    assert not list(folder.glob(".dev.vars*")) and not list(folder.glob(".env*"))
    assert check([config]).findings == ()


@EVERY
def test_it_imports_nothing_that_starts_threads_or_opens_sockets(folder):
    for path in sorted((folder / "src").rglob("*.py")):
        used = set(imports(path)) & REFUSED
        assert not used, f"{path}: {used}"


def test_the_handshake_package_needs_the_standard_library_and_the_platform_alone():
    allowed = {"workers", "js", "sandbox"} | set(sys.stdlib_module_names)
    for path in sorted((ROOT / "sandbox" / "handshake").glob("*.py")):
        for name in imports(path):
            assert name.partition(".")[0] in allowed, f"{path} imports {name}"
            assert name not in REFUSED, f"{path} imports {name}"
            assert not name.startswith("sandbox") or name.startswith("sandbox.handshake"), f"{path} imports {name}"
    code = "import sys, sandbox.handshake.messages; print(sorted(m for m in sys.modules if m.startswith('sandbox')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    assert ast.literal_eval(done.stdout) == [
        "sandbox",
        "sandbox.handshake",
        "sandbox.handshake.messages",
        "sandbox.handshake.schema",
    ]
