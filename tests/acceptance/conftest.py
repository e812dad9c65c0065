"""The real command as a subprocess, over worker folders that a test writes, with a state folder and a port of its own.

Nothing here sleeps for luck: `Up.wait` returns when the console has said something, `eventually` when a fact holds.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 30.0
HELLO = """
from workers import Response, WorkerEntrypoint

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response({text})
"""


def environment(**more: str) -> dict[str, str]:
    """The environment of a person who set nothing of ours."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith("SANDBOX") and k != "PYTHONBREAKPOINT"}
    return {**clean, "COLUMNS": "200", **more}


@dataclass
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Project:
    """A folder with `workers/` and a sandbox.toml."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state = root / "state"
        root.mkdir(parents=True, exist_ok=True)
        self.toml("")

    def toml(self, more: str) -> None:
        """Write sandbox.toml: our state folder, any port, and `more`."""
        (self.root / "sandbox.toml").write_text(f'[sandbox]\nport = 0\nstate = "state"\n{more}', encoding="utf-8")

    def worker(
        self, name: str, code: str | None = None, *, wrangler: str = "", folder: str | None = None, text: str = ""
    ) -> Path:
        """Write a worker, by default one that answers `text` (its name)."""
        where = self.root / "workers" / (folder or name)
        (where / "src").mkdir(parents=True, exist_ok=True)
        source = HELLO.format(text=repr(text or name)) if code is None else code
        (where / "src" / "entry.py").write_text(source, encoding="utf-8")
        (where / "wrangler.toml").write_text(
            f'name = "{name}"\nmain = "src/entry.py"\ncompatibility_date = "2026-11-01"\n'
            f'compatibility_flags = ["python_workers"]\n{wrangler}',
            encoding="utf-8",
        )
        return where

    def copy(self, source: Path, name: str | None = None) -> Path:
        target = self.root / "workers" / (name or source.name)
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        return target

    def sandbox(self, *arguments: str, stdin: str | bytes = b"", cwd: Path | None = None, **env: str) -> Done:
        """Run `python -m sandbox ARGUMENTS` to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=cwd or self.root,
            env=environment(**env),
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            timeout=50,
        )
        self.raw = done.stdout
        return Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


class Asker:
    """An HTTP client of the sandbox on `port`."""

    def __init__(self, port: int = 0) -> None:
        self.port = port

    def ask(
        self,
        path: str = "/",
        *,
        worker: str | None = None,
        method: str = "GET",
        body: bytes | str | None = None,
        json_body: Any = None,
        headers: Mapping[str, str] | None = None,
        host: str | None = None,
        port: int | None = None,
    ) -> Answer:
        """Ask the sandbox, or `worker` by its host label."""
        label = f"{worker.replace('_', '-')}." if worker else ""
        sent = {"Host": host or f"{label}localhost:{port or self.port}", **(headers or {})}
        if json_body is not None:
            body = json.dumps(json_body)
            sent["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def begin(self, path: str, *, worker: str) -> Callable[[], Answer | Exception]:
        """Ask in a thread; call what is returned for the answer (or the exception)."""
        held: list[Answer | Exception] = []

        def work() -> None:
            try:
                held.append(self.ask(path, worker=worker))
            except Exception as error:
                held.append(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()

        def result() -> Answer | Exception:
            thread.join(PATIENCE_S)
            return held[0]

        return result


class Up(Asker):
    """`sandbox up`, running."""

    def __init__(
        self,
        project: Project,
        *arguments: str,
        cwd: Path | None = None,
        command: tuple[str, ...] = ("-m", "sandbox"),
        **env: str,
    ) -> None:
        super().__init__()
        self.project = project
        self.lines: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            [sys.executable, *command, "up", *arguments],
            cwd=cwd or project.root,
            env=environment(**env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._news.notify_all()
        with self._news:
            self.lines.append("(the end)")
            self._news.notify_all()

    @property
    def console(self) -> str:
        return "\n".join(self.lines)

    def wait(self, pattern: str, *, after: int = 0) -> re.Match[str]:
        """The first match in what the console said, from line `after` on; waits until it is there."""
        deadline = time.monotonic() + PATIENCE_S
        with self._news:
            while True:
                found = re.search(pattern, "\n".join(self.lines[after:]), re.MULTILINE)
                if found is not None:
                    return found
                left = deadline - time.monotonic()
                ended = self.lines[-1:] == ["(the end)"]
                if ended or left <= 0 or not self._news.wait(left):
                    why = "the process has ended" if ended else "not in time"
                    raise AssertionError(f"{pattern!r} was not said ({why}):\n" + "\n".join(self.lines))

    def ready(self) -> Up:
        self.port = int(self.wait(r"is up at http://localhost:(\d+)").group(1))
        self.wait(r"page http")
        return self

    def send_signal(self, number: int) -> None:
        self.process.send_signal(number)

    def end(self) -> int:
        """Wait until the process has ended by itself; its exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        return code

    def stop(self, number: int = signal.SIGINT) -> int:
        self.send_signal(number)
        return self.end()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()


def eventually(fact: Callable[[], Any]) -> Any:
    """The first true value of `fact()`, asked again and again."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError("it did not come to hold")
        time.sleep(0.02)


@pytest.fixture(name="eventually")
def _eventually() -> Callable[[Callable[[], Any]], Any]:
    return eventually


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def begin() -> Callable[..., Callable[[], Answer | Exception]]:
    """`begin(port, path, worker=...)` asks in a thread; what it returns waits for the answer."""
    return lambda port, path, **options: Asker(port).begin(path, **options)


@pytest.fixture
def asker() -> type[Asker]:
    return Asker


def _helper(name: str) -> Any:
    """A module of helpers beside this file."""
    spec = importlib.util.spec_from_file_location(f"acceptance_{name}", Path(__file__).parent / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Any]:
    """A headless Chromium (see browser.py); skips, saying so, where none is installed."""
    module = _helper("browser")
    if module.CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    async with module.launched(tmp_path / "profile") as launched:
        yield launched


@pytest.fixture
def make_terminal() -> Iterator[Callable[..., Any]]:
    """`make_terminal("up", ..., cwd=...)` runs a command in a terminal (see terminal.py); it is ended with the test."""
    module = _helper("terminal")
    opened: list[Any] = []

    def make(*arguments: str, cwd: Path, **env: str) -> Any:
        terminal = module.Terminal(*arguments, cwd=cwd, env=environment(**env))
        opened.append(terminal)
        return terminal

    yield make
    for terminal in opened:
        terminal.close()


@pytest.fixture(scope="session")
def make_project() -> type[Project]:
    return Project


@pytest.fixture(scope="module")
def module_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("shared") / "project")


def _starter() -> Iterator[Callable[..., Up]]:
    started: list[Up] = []

    def start(project: Project, *arguments: str, ready: bool = True, **options: Any) -> Up:
        running = Up(project, *arguments, **options)
        started.append(running)
        return running.ready() if ready else running

    yield start
    for running in started:
        running.close()


@pytest.fixture
def up() -> Iterator[Callable[..., Up]]:
    """`up(project, *options)` starts `sandbox up` and returns when it is up; it is ended with the test."""
    yield from _starter()


@pytest.fixture(scope="module")
def module_up() -> Iterator[Callable[..., Up]]:
    yield from _starter()


@pytest.fixture
def guide() -> str:
    """The migration guide's text; skips, saying so, where it is absent."""
    path = ROOT.parent / "shared" / "seed" / "worker-migration-guide.md"
    if not path.is_file():
        pytest.skip("the migration guide (../shared/seed) is not here")
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository."""
    return ROOT
