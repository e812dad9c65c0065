"""Each row has a worker that turns exactly it on; what is fine turns none on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from sandbox.config.workers import load_worker
from sandbox.portability.check import check
from sandbox.portability.findings import ON_CLOUDFLARE, ONLY_SEEN
from sandbox.portability.interpreter import minor_of

ROOT = Path(__file__).parents[3]
ROWS = ROOT / "tests" / "fixtures" / "portability"
HEAD = "from workers import Response, WorkerEntrypoint\n"


def worker(folder, code, *, name="w", dependencies="[]", date="2026-11-01"):
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "entry.py").write_text(code)
    (folder / "wrangler.toml").write_text(
        f'name = "{name}"\nmain = "src/entry.py"\ncompatibility_date = "{date}"\n'
        'compatibility_flags = ["python_workers"]\n'
    )
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{name}"\ndependencies = {dependencies}\n')
    return load_worker(folder, environ={})[0]


def test_every_row_has_a_worker():
    assert {folder.name for folder in ROWS.iterdir()} == set(ON_CLOUDFLARE)


@pytest.mark.parametrize("row", sorted(ONLY_SEEN))
def test_what_files_do_not_tell(row):
    config, warnings = load_worker(ROWS / row, environ={})
    assert (check([config]).findings, warnings) == ((), ())


@pytest.mark.parametrize("row", sorted(ON_CLOUDFLARE.keys() - ONLY_SEEN))
def test_exactly_this_row(row):
    config, warnings = load_worker(ROWS / row, environ={})
    (finding,) = check([config]).findings
    assert (finding.row, warnings) == (row, ())
    assert finding.file.is_file() and finding.line >= 1
    assert finding.file.is_relative_to(ROWS / row)
    assert finding.remedy.endswith(".")


@pytest.mark.parametrize(
    "folder", sorted(p.parent for p in (ROOT / "workers").glob("*/wrangler.*")), ids=lambda p: p.name
)
def test_our_own_workers_are_clean(folder):
    config, _ = load_worker(folder, environ={})
    assert check([config]).findings == ()


@pytest.mark.parametrize(
    "code",
    [
        "import random\nCHOICE = random.Random(7)\n",
        "import random\ndef pick():\n    return random.random()\n",
        "import random\npick = lambda: random.random()\n",
        "try:\n    import numpy\nexcept ImportError:\n    numpy = None\n",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas\n",
        "import asyncio\nasync def work(request):\n    await asyncio.create_task(asyncio.sleep(0))\n",
        "import os\nif __name__ == '__main__':\n    print(os.environ)\n",
        "import asyncio\nasync def work(request):\n    lock = asyncio.Lock()\n",
        "from sandbox.handshake import HandshakeWorker\n",
        "from js import Date\nfrom pyodide.ffi import to_js\n",
        "def time():\n    pass\ntime.sleep = print\ntime.sleep(1)\n",
    ],
)
def test_what_is_fine(tmp_path, code):
    assert check([worker(tmp_path / "w", code)]).findings == ()


@pytest.mark.parametrize(
    ("code", "row", "line"),
    [
        ("from random import choice as pick\nX = pick([1])\n", "import-randomness", 2),
        ("import uuid as u\ndef f(x=u.uuid4()):\n    pass\n", "import-randomness", 2),
        ("class A:\n    import secrets\n    token = secrets.token_hex()\n", "import-randomness", 3),
        ("from workers import env\nX = env.CACHE.get('a')\n", "import-io", 2),
        ("async def f(loop):\n    await loop.run_in_executor(None, print)\n", "threads", 2),
        ("from time import sleep\ndef f():\n    sleep(1)\n", "time-sleep", 3),
        ("from os import getenv\ndef f():\n    return getenv('A')\n", "os-environ", 3),
    ],
)
def test_names_are_followed_through_imports(tmp_path, code, row, line):
    (finding,) = check([worker(tmp_path / "w", code)]).findings
    assert (finding.row, finding.line) == (row, line)


def test_workers_that_disagree_about_a_package(tmp_path):
    one = worker(tmp_path / "one", HEAD, name="one", dependencies='["aiohttp>=3.9"]')
    two = worker(tmp_path / "two", HEAD, name="two", dependencies='["aiohttp<3"]')
    agreed = worker(tmp_path / "three", HEAD, name="three", dependencies='["aiohttp>=3.8,!=3.9.0"]')
    assert check([one, agreed]).findings == ()
    conflict = [f.message for f in check([one, two]).findings if "together" in f.message]
    assert conflict == ["aiohttp<3 and aiohttp>=3.9 (one) cannot be installed together"]


def test_a_requirement_compared_as_text_is_left_to_the_installer(tmp_path):
    one = worker(tmp_path / "one", HEAD, name="one", dependencies='["aiohttp===our-build"]')
    two = worker(tmp_path / "two", HEAD, name="two", dependencies='["aiohttp>=3"]')
    assert not [f for f in check([one, two]).findings if "together" in f.message]


def test_what_is_missing_is_one_line_to_paste():
    config, _ = load_worker(ROWS / "dependency", environ={})
    assert check([config]).install.endswith("'a-package-that-nobody-wrote>=1'")


@pytest.mark.parametrize(
    ("date", "minor"), [("2025-09-28", 12), ("2025-09-29", 13), ("2026-09-07", 13), ("2026-09-08", 14)]
)
def test_the_date_chooses_the_interpreter(tmp_path, date, minor):
    config = worker(tmp_path / "w", HEAD, date=date)
    assert minor_of(config) == minor
    assert bool(check([config]).notes) == (abs(minor - sys.version_info.minor) >= 3)


def test_an_uploaded_file_may_be_read(tmp_path):
    config = worker(tmp_path / "w", "PAGE = 'page.html'\n")
    (config.module_root / "page.html").write_text("<p>")
    assert check([config]).findings == ()
