"""The way of a stranger: from a fresh environment to the first 200 of a monorepo that knows nothing of us, with times.

`python tests/acceptance/foreign_walk.py` prints the terminal session; it needs the package index and the ports that the
monorepo names (8787 to 8790).
"""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
MONOREPO = REPOSITORY / "tests" / "foreign_project"
PATIENCE_S = 300.0
SUBSCRIPTION = '{"email": "ana@example.org", "spot": "ericeira"}'


@dataclass
class Walk:
    """A terminal in `folder`: what was typed, what came, and how many seconds after the first command."""

    folder: Path
    lines: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    def type(self, command: str) -> str:
        """Run a command to its end, and return its output."""
        self.lines.append(f"[{self.elapsed():5.1f} s] $ {self.shown(command)}")
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE_S,
        )
        out = done.stdout.rstrip("\n")
        # pip's words about its own configuration and version are this machine's, not the product's.
        kept = [line for line in out.splitlines() if not line.startswith(("WARNING: Location", "[notice]"))]
        self.lines += [self.shown(line) for line in kept]
        assert done.returncode == 0, "\n".join(self.lines)
        return out

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def shown(self, text: str) -> str:
        return text.replace(str(self.folder), "/home/you/tideline").replace(str(REPOSITORY), "/path/to/workers-sandbox")


def walk(folder: Path) -> tuple[list[str], float]:
    """The session's lines, and the seconds until the first 200."""
    shutil.copytree(MONOREPO, folder, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    terminal = Walk(folder)
    terminal.type("python3 -m venv .venv")
    terminal.type(f".venv/bin/pip install -q {REPOSITORY}")
    terminal.lines.append(f"[{terminal.elapsed():5.1f} s] $ .venv/bin/sandbox up        # and leave it running")
    console = folder.parent / "console.txt"
    with console.open("w") as out:
        up = subprocess.Popen([".venv/bin/sandbox", "up"], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    try:
        install = wait_for(console, r"install what is missing: (.+)", up)
        at_first = console.read_text()
        terminal.lines += [terminal.shown(line) for line in at_first.splitlines()]
        terminal.lines.append("# in another terminal: the line it printed")
        terminal.type(install.replace("-m pip install", "-m pip install -q"))
        answer = terminal.type("curl -si http://localhost:8788/")
        first = terminal.elapsed()
        assert answer.startswith("HTTP/1.1 200 OK"), answer
        terminal.lines.append(f"# the first 200, {first:.1f} s after the first command")
        terminal.type("curl -si http://localhost:8788/spots | grep -i -e HTTP -e location")
        terminal.type(
            "curl -si -X OPTIONS http://localhost:8788/subscriptions -H 'Origin: http://localhost:5173' "
            "-H 'Access-Control-Request-Method: POST' -H 'Access-Control-Request-Headers: content-type,x-client' "
            "| grep -i -e HTTP -e access-control"
        )
        terminal.type(
            f"curl -s -c jar http://localhost:8788/subscriptions -H 'Content-Type: application/json' -d '{SUBSCRIPTION}'"
        )
        terminal.type("curl -s -b jar http://localhost:8788/me")
        terminal.type("curl -s http://localhost:8790/")
        terminal.type("cd apps/mailer && ../../.venv/bin/sandbox kv key list --binding OUTBOX")
        terminal.type(".venv/bin/sandbox workers list")
        terminal.type(".venv/bin/sandbox check")
        later = console.read_text().removeprefix(at_first)
        terminal.lines += ["# what `sandbox up` said meanwhile", *(terminal.shown(line) for line in later.splitlines())]
    finally:
        up.send_signal(signal.SIGINT)
        up.wait(30)
    return terminal.lines, first


def unedited(folder: Path) -> bool:
    """Whether no file of the monorepo was changed on the way."""
    files = [path for path in MONOREPO.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return all((folder / path.relative_to(MONOREPO)).read_bytes() == path.read_bytes() for path in files)


def wait_for(console: Path, pattern: str, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = re.search(pattern, console.read_text())
        if found is not None and console.read_text().endswith("\n"):
            return found.group(1)
        assert process.poll() is None, console.read_text()
        time.sleep(0.05)
    raise AssertionError(f"{pattern!r} was not said:\n{console.read_text()}")


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "tideline"
        lines, _ = walk(folder)
        assert unedited(folder)
    print("# Recorded by: python tests/acceptance/foreign_walk.py (a fresh environment, an unedited monorepo;")
    print("# in brackets the seconds since the first command)")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
