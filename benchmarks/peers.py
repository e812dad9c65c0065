"""The peers (wrangler, Miniflare), measured by scripts of a folder of their own; what they print becomes figures."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from figures import Spread

TUNED = {"X_LOCAL_OBSERVABILITY": "false", "X_LOCAL_EXPLORER": "false", "WRANGLER_LOG_LEVEL": "none"}
_NUMBER = r"([\d.]+)"
_SPREAD = re.compile(rf"^(.*?)min {_NUMBER} / median {_NUMBER} / max {_NUMBER} \(n=(\d+)\)(.*)$")


@dataclass(frozen=True)
class Line:
    """One printed line: what stands before the numbers, the numbers, what stands after them."""

    label: str
    spread: Spread
    rest: str


@dataclass(frozen=True)
class Peers:
    """The scripts in `folder`; None where there is none."""

    folder: Path | None

    def __bool__(self) -> bool:
        return self.folder is not None

    def run(self, script: str, *arguments: object, env: Mapping[str, str] | None = None) -> list[Line]:
        """The lines with figures that `script` prints."""
        return list(filter(None, map(parse, self.print_of(script, *arguments, env=env).splitlines())))

    def print_of(self, script: str, *arguments: object, env: Mapping[str, str] | None = None) -> str:
        """What `script` prints. One that fails is said; what it printed until then counts."""
        if self.folder is None:
            return ""
        done = subprocess.run(
            [sys.executable, str(self.folder / script), *map(str, arguments)],
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=900,
        )
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
            print(f"  {script} {' '.join(map(str, arguments))} failed: {''.join(last)}", file=sys.stderr)
        return done.stdout

    def bench_worker(self) -> Path | None:
        """The Python worker that answers the same paths as the peers' JavaScript one."""
        path = self.folder / "bench_worker.py" if self.folder is not None else None
        return path if path is not None and path.is_file() else None


def find(given: str | None) -> Peers:
    """The folder given, or that of SANDBOX_BENCH_PEERS; a wrong one is an error, none is fine."""
    named = given or os.environ.get("SANDBOX_BENCH_PEERS")
    if not named:
        return Peers(None)
    folder = Path(named).resolve()
    if not (folder / "startup.py").is_file():
        raise SystemExit(f"{named} holds no peers' scripts (startup.py and others)")
    return Peers(folder)


def parse(line: str) -> Line | None:
    found = _SPREAD.match(line)
    if found is None:
        return None
    low, median, high = (float(found.group(at)) for at in (2, 3, 4))
    return Line(found.group(1).strip(), Spread(low, median, high, int(found.group(5))), found.group(6).strip())
