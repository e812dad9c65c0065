"""What a check finds, and the rows it may belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Row -> what Cloudflare (workerd, Pyodide) says or does where the same code runs there. {name} is the message's first word.
ON_CLOUDFLARE = {
    "interpreter": "SyntaxError or ModuleNotFoundError: the compatibility date chooses the Python version",
    "undeclared-import": "ModuleNotFoundError: No module named '{name}'",
    "no-wheel": "pywrangler finds no wheel that Pyodide can load",
    "dependency": "each worker has its own packages there, which pywrangler installs; here all share one environment",
    "import-randomness": "OSError: [Errno 29] Randomness is not allowed while a Worker is starting",
    "import-io": "Disallowed operation called within global scope",
    "threads": "RuntimeError: can't start new thread",
    "sockets": "OSError: raw sockets are not available",
    "http-client": "it goes by fetch there: it works, and one that does not await holds up the whole isolate",
    "unawaited-task": "the task is cancelled when the response has been sent",
    "global-io": "Cannot perform I/O on behalf of a different request",
    "file-not-uploaded": "FileNotFoundError: [Errno 44] No such file or directory",
    "time-sleep": "time.sleep blocks every request of the isolate, or returns at once",
    "put-rate": "KV PUT failed: 429 Too Many Requests",
    "missed-get": "KV goes on answering that there is nothing, for a minute",
    "subrequests": "Error: Too many subrequests by single Worker invocation.",
    "connections": "six connections are open at most, the others wait",
    "kv-operations": "Error: Too many API requests by single Worker invocation.",
    "cpu-time": "Error 1102: Worker exceeded CPU time limit",
    "global-state": "each isolate has globals of its own, and loses them when it ends",
    "os-environ": "os.environ holds nothing of your shell",
}
ONLY_SEEN = frozenset({"missed-get", "kv-operations", "subrequests", "connections", "cpu-time", "http-client"})
"""Rows that no file tells: they are found while a worker runs."""
# Row -> what to do, for what is seen while a worker runs; what is read in files says it by itself.
REMEDIES = {
    "undeclared-import": "Add it to [project] dependencies in pyproject.toml.",
    "import-randomness": "Call it in a handler.",
    "import-io": "Call it in a handler.",
    "threads": "Do it on the event loop.",
    "file-not-uploaded": 'Add a rule to the wrangler file: type "Text" (or "Data") with a glob that fits.',
    "os-environ": "Read a var or secret from self.env.",
    "global-io": "Make one in each request.",
    "sockets": "Use fetch from workers, or httpx.AsyncClient.",
    "http-client": "Use fetch from workers, or httpx.AsyncClient, which see routes, recordings and the other workers.",
    "cpu-time": "Do less in one invocation.",
    "subrequests": "Split the work; on a paid plan raise [limits] subrequests in the wrangler file.",
    "connections": "Begin so many at a time: a semaphore of 6 does.",
    "unawaited-task": "Await it, or hand it to self.ctx.waitUntil.",
    "time-sleep": "Use await asyncio.sleep.",
    "put-rate": "Put it less often: a key takes one write a second.",
    "missed-get": "Pass on the value that was put, or use a key that nobody asked for before.",
    "kv-operations": "Read up to 100 keys with one get([...]), or split the work.",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One place of one worker. `row` is a key of ON_CLOUDFLARE, `remedy` one sentence of what to do."""

    worker: str
    row: str
    file: Path
    line: int
    message: str
    remedy: str

    @property
    def on_cloudflare(self) -> str:
        return ON_CLOUDFLARE[self.row].replace("{name}", self.message.partition(" ")[0])

    def as_json(self) -> dict[str, Any]:
        return {
            "worker": self.worker,
            "row": self.row,
            "file": str(self.file),
            "line": self.line,
            "message": self.message,
            "remedy": self.remedy,
            "on_cloudflare": self.on_cloudflare,
        }


def line_of(finding: Mapping[str, Any], *, strict: bool = False) -> str:
    """`FILE:LINE: warning: what [row]. Remedy` of a finding as JSON has it; `strict` adds what Cloudflare says."""
    kind = "error" if strict else "warning"
    head = f"{finding['file']}:{finding['line']}: {kind}: {finding['message']} [{finding['row']}]. {finding['remedy']}"
    return f"{head}\n  on Cloudflare: {finding['on_cloudflare']}" if strict else head


def shown(finding: Finding, near: Path, *, strict: bool = False) -> str:
    """A finding as `line_of` has it, the file as seen from `near`."""
    file = finding.file.relative_to(near) if finding.file.is_relative_to(near) else finding.file
    return line_of({**finding.as_json(), "file": str(file)}, strict=strict)


def once(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each worker, row, place and message once, in the order of files and lines."""
    found = {(f.worker, f.row, f.file, f.line, f.message): f for f in reversed(list(findings))}
    return tuple(sorted(found.values(), key=lambda f: (f.worker, str(f.file), f.line, f.row, f.message)))
