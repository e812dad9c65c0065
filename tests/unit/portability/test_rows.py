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


def worker(folder, code, *, name="w", dependencies="[]", date="2026-11-01", more=""):
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "entry.py").write_text(code)
    (folder / "wrangler.toml").write_text(
        f'name = "{name}"\nmain = "src/entry.py"\ncompatibility_date = "{date}"\n'
        f'compatibility_flags = ["python_workers"]\n{more}'
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
        # What only makes an object, names an exception or reads a constant.
        "import random, secrets\nDRAW = random.SystemRandom()\nOTHER = secrets.SystemRandom()\n",
        "import subprocess\ndef f(words):\n    raise subprocess.CalledProcessError(1, subprocess.list2cmdline(words))\n",
        "import multiprocessing\ndef f():\n    return multiprocessing.cpu_count()\n",
        "import socket\ndef f(text):\n    socket.inet_aton(text)\n    raise socket.timeout(socket.gethostname())\n",
        "import http.client\ndef f():\n    raise http.client.HTTPException('no')\n",
        "import os\nos.environ.setdefault('A', 'b')\nos.environ['C'] = 'd'\ndel os.environ['C']\n",
        "from workers import env\nMODE = env.MODE.upper()\nWORD = env.WORD.strip()\n",
        # Things of one's own under the same names.
        "class Pool:\n    async def run_in_executor(self, f):\n        return f()\n"
        "    async def go(self):\n        return await self.run_in_executor(print)\n",
        "import requests\ndef f(requests):\n    return requests.get('a')\nf({})\n",
        "import secrets\ndef f():\n    secrets = {}\n    return secrets.get('a')\nX = [secrets for secrets in ()]\n",
        "def f(queue, cache):\n    for one in range(3):\n        queue.put('a', one)\n        cache.put('b', one)\n",
        "def f(env):\n    for one in range(3):\n        env.BUCKET.put('a', one)\n",
        "import random\nclass A:\n    random = {}\n    first = random.get('a')\n",
        # What never runs on Cloudflare, or whose absence is caught.
        "import typing as t\nif t.TYPE_CHECKING:\n    import pandas\n",
        "import contextlib\nwith contextlib.suppress(ImportError):\n    import pandas\n",
        "import sys\nif sys.version_info < (3, 11):\n    import tomli as tomllib\nelse:\n    import tomllib\n",
        "import sys, os\nif sys.platform == 'win32':\n    import winreg\nif os.name != 'posix':\n    os.system('x')\n",
        "try:\n    import tomllib\nexcept ImportError:\n    import tomli as tomllib\n",
        "try:\n    import pwd\nexcept ImportError:\n    pwd = None\n",
        "import annotationlib\n",
    ],
)
def test_what_is_fine(tmp_path, code):
    bindings = '[vars]\nMODE = "a"\n[[r2_buckets]]\nbinding = "BUCKET"\nbucket_name = "b"\n'
    folder = worker(tmp_path / "w", code, dependencies='["requests"]', more=bindings).root
    (folder / ".dev.vars").write_text("WORD=a")
    assert check([load_worker(folder, environ={})[0]]).findings == ()


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
        ("import os\nX = os.environ['A']\n", "os-environ", 2),
        ("import os\ndef f(text):\n    return os.path.expandvars(text)\n", "os-environ", 3),
        ("import random\nrandom.seed(7)\n", "import-randomness", 2),
        ("import random\nX = random.Random()\n", "import-randomness", 2),
        ("import _thread\nspawn = _thread.start_new_thread\ndef f():\n    spawn(print, ())\n", "threads", 4),
        ("class A:\n    def f(self):\n        self._loop.run_in_executor(None, print)\n", "threads", 3),
        (
            "import asyncio\nasync def f():\n    loop = asyncio.get_running_loop()\n    await loop.create_server(print)\n",
            "sockets",
            4,
        ),
        (
            "from asyncio import AbstractEventLoop\nasync def f(at: AbstractEventLoop):\n    at.run_in_executor(None, f)\n",
            "threads",
            3,
        ),
        ("import asyncio\nasyncio.get_event_loop().call_later(1, print)\n", "import-io", 2),
        ("async def f(env):\n    kv = env.CACHE\n    while True:\n        await kv.put('a', 'b')\n", "put-rate", 4),
        ("import resource\n", "interpreter", 1),
        ("import sys\nif sys.version_info >= (3, 12):\n    import tomli\n", "undeclared-import", 3),
        ("try:\n    import ujson\nexcept ImportError:\n    import tomli\n", "undeclared-import", 4),
        ("try:\n    import tomli\n    X = tomli.loads('')\nexcept Exception:\n    X = {}\n", "undeclared-import", 2),
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


def test_every_finding_of_a_line_is_told(tmp_path):
    config = worker(tmp_path / "w", "import tomli, ujson\n")
    assert [finding.message.split()[0] for finding in check([config]).findings] == ["tomli", "ujson"]


def test_a_data_file_is_no_module(tmp_path):
    config = worker(tmp_path / "w", "import tomli, helpers\n")
    (config.module_root / "tomli.json").write_text("{}")
    (config.module_root / "helpers").mkdir()
    (config.module_root / "helpers" / "one.py").write_text("")
    assert [finding.row for finding in check([config]).findings] == ["undeclared-import"]


def test_a_marker_is_read_as_cloudflare_reads_it(tmp_path):
    wanted = """["httpx; sys_platform == 'emscripten'", "jinja2; sys_platform == 'linux'"]"""
    config = worker(tmp_path / "w", "import httpx\nimport jinja2\n", dependencies=wanted)
    assert [finding.message.split()[0] for finding in check([config]).findings] == ["jinja2"]


def test_a_folder_without_a_pyproject_is_noted(tmp_path):
    config = worker(tmp_path / "w", HEAD)
    (config.root / "pyproject.toml").unlink()
    assert any("w has no pyproject.toml" in note for note in check([config]).notes)


@pytest.mark.parametrize(
    "code",
    [
        "open('feeds.json')\n",
        "from pathlib import Path\nNAME = 'feeds.json'\ndef f():\n    return (Path(__file__).parent / NAME).read_text()\n",
        "import os.path\nPATH = os.path.join(os.path.dirname(__file__), 'feeds.json')\n",
        "import pkgutil\nX = pkgutil.get_data(__name__, 'feeds.json')\n",
    ],
)
def test_a_file_that_no_rule_uploads(tmp_path, code):
    config = worker(tmp_path / "w", code)
    (config.module_root / "feeds.json").write_text("[]")
    (finding,) = check([config]).findings
    assert finding.row == "file-not-uploaded"


@pytest.mark.parametrize(
    "code",
    [
        "KIND = {'feeds.json': 'application/json'}\n",
        "def open(name):\n    return name\nopen('feeds.json')\n",
        "class Store:\n    def open(self, name):\n        return name\nStore().open('feeds.json')\n",
        "def f(request):\n    return request.url.endswith('feeds.json')\n",
    ],
)
def test_a_string_like_the_name_of_a_file_is_no_file(tmp_path, code):
    config = worker(tmp_path / "w", code)
    (config.module_root / "feeds.json").write_text("[]")
    assert check([config]).findings == ()


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="this Python is the newest there is")
def test_a_file_that_the_python_here_is_too_old_for(tmp_path):
    config = worker(tmp_path / "w", "def f(\n")
    (finding,) = check([config]).findings
    assert finding.message.startswith(f"Python 3.{sys.version_info.minor}, which runs here, does not read this: ")


def test_what_cannot_be_installed_together_has_no_install_line(tmp_path):
    one = worker(tmp_path / "one", HEAD, name="one", dependencies='["nobody-wrote-it>=2"]')
    two = worker(tmp_path / "two", HEAD, name="two", dependencies='["nobody-wrote-it<2"]')
    assert check([one]).install and check([one, two]).install is None


def test_an_uploaded_file_may_be_read(tmp_path):
    config = worker(tmp_path / "w", "PAGE = 'page.html'\n")
    (config.module_root / "page.html").write_text("<p>")
    assert check([config]).findings == ()
