"""What a worker does while it runs: told once for each row and place, as events of kind `portability`."""

from __future__ import annotations

import asyncio
import linecache
import os
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from sandbox.clock import Clock
from sandbox.config.models import WorkerConfig
from sandbox.portability.files import uploads
from sandbox.portability.findings import REMEDIES, Finding
from sandbox.portability.interpreter import PLATFORM, minor_of
from sandbox.portability.kv import KvChecks, KvHistory
from sandbox.portability.source import is_optional
from sandbox.runtime.place import called_from
from sandbox.runtime.protocols import Emit

FREE_SUBREQUESTS = 50
"""Of one invocation on the free plan, where the wrangler file sets no limit:
https://developers.cloudflare.com/workers/platform/limits/#subrequests"""
_Known = tuple[str, str, str, str]


class Running:
    """All that was found in the workers of one sandbox. With `strict` what fails on Cloudflare fails here, too.

    `emit` is called on the thread this was made in. Events: `portability` (worker, row, file, line, message, remedy,
    on_cloudflare, strict); `file` is relative to `root` where it lies in it.
    """

    def __init__(self, emit: Emit, clock: Clock, root: Path, *, strict: bool = False) -> None:
        self.strict = strict
        self.kv = KvHistory(clock)
        self._emit = emit
        self._root = root
        self._thread = threading.get_ident()
        self._loop = asyncio.get_running_loop()
        # By row, file and the line's own text: a place that moves with an edit above it is the same one.
        self._found: dict[_Known, Finding] = {}
        self.unread: list[Callable[[], object]] = []
        """What reads installed packages, and so is left for later: to be called in a thread."""
        self.when_unread: Callable[[], None] = lambda: None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Everything told so far, in the order of telling."""
        return tuple(self._found.values())

    def of(self, config: WorkerConfig) -> WorkerChecks:
        """What one generation of a worker is watched by."""
        return WorkerChecks(self, config)

    def tell(self, findings: Iterable[Finding]) -> None:
        """Say those that were not said before."""
        for finding in findings:
            text = linecache.getline(str(finding.file), finding.line).strip()
            key = (finding.worker, finding.row, str(finding.file), text or finding.message)
            if key not in self._found:
                self._found[key] = finding
                if threading.get_ident() == self._thread:
                    self._say(finding)
                else:
                    self._loop.call_soon_threadsafe(self._say, finding)

    def later(self, read: Callable[[], object]) -> None:
        """Have it called once there is time. Callable in any thread."""
        self.unread.append(read)
        self._loop.call_soon_threadsafe(self.when_unread)

    def _say(self, finding: Finding) -> None:
        told = finding.as_json()
        file = told["file"]
        if file.startswith(str(self._root) + os.sep):
            told["file"] = os.path.relpath(file, self._root)
        self._emit("portability", **told, strict=self.strict)


class WorkerChecks:
    """Implements `Checks` for one generation of a worker."""

    def __init__(self, running: Running, config: WorkerConfig) -> None:
        self._running = running
        self._config = config
        self._uploaded = uploads(config.rules)
        self._seen: set[tuple[str, str | None]] = set()
        # By top-level name and place, whether the import is to fail.
        self._imports: dict[tuple[str, str], bool] = {}
        self.subrequests = FREE_SUBREQUESTS if config.subrequests is None else config.subrequests
        self.kv = KvChecks(running.kv, self)

    def opened(self, path: str, place: str) -> bool:
        root = os.path.realpath(self._config.module_root) + os.sep
        if path.endswith((".pyc", ".pyi")) or (path.startswith(root) and self._uploaded(path.removeprefix(root))):
            return False
        return self.found("file-not-uploaded", f"{Path(path).name} is uploaded by no module rule", place)

    def imported(self, module: str, place: str) -> bool:
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top in PLATFORM:
            return False
        if (top, place) not in self._imports:
            self._imports[top, place] = False
            if self._running.strict:
                self._imports[top, place] = self._undeclared(top, place)
            else:
                self._running.later(lambda: self._undeclared(top, place))
        return self._imports[top, place]

    def _undeclared(self, top: str, place: str) -> bool:
        from sandbox.portability import packages  # with `packaging` and all distributions: not for every start

        file, _, line = place.rpartition(":")
        minor = minor_of(self._config)
        brought = packages.closure(packages.parsed(self._config.dependencies), minor)
        if packages.declared(top, brought, minor) or is_optional(Path(file), int(line)):
            return False
        return self.found("undeclared-import", packages.UNDECLARED.format(top), place)

    def found(self, row: str, message: str, place: str | None = None) -> bool:
        if place is None:
            place = called_from(sys._getframe(1))
        if (row, place) not in self._seen:
            self._seen.add((row, place))
            file, _, line = (place or f"{self._config.main}:1").rpartition(":")
            finding = Finding(self._config.name, row, Path(file), int(line), message, REMEDIES[row])
            self._running.tell([finding])
        return self._running.strict
