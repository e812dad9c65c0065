"""Saves in quick succession while requests of every kind and executions are under way, and what became of them."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from tests.acceptance.storm import project as made

KINDS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "streamed", "upload", "hop", "rpc")
BODY = bytes(range(256)) * 256
PAUSE_S = 0.02


@dataclass
class Report:
    """What a storm did. `problems` are what must not be."""

    saves: int = 0
    broken: int = 0
    seconds: float = 0.0
    requests: Counter[str] = field(default_factory=Counter)
    stale: int = 0
    versions: set[int] = field(default_factory=set)
    executions: int = 0
    packets: int = 0
    packets_across_saves: int = 0
    memory_before: float = 0.0
    memory_peak: float = 0.0
    memory_after: float = 0.0
    problems: list[str] = field(default_factory=list)

    def text(self) -> str:
        kinds = ", ".join(f"{name} {count}" for name, count in self.requests.items())
        return "\n".join(
            [
                f"{self.saves} saves in {self.seconds:.1f} s, {self.broken} of them with a syntax error",
                f"{self.requests.total()} requests: {kinds}",
                f"{self.stale} of them answered by the last good code while the newest did not load;"
                f" {len(self.versions)} versions of the entry file were seen",
                f"{self.executions} executions, {self.packets} packets, each on one generation;"
                f" during {self.packets_across_saves} of them their worker was replaced",
                f"memory {self.memory_before:.1f} MiB before, {self.memory_peak:.1f} at most, {self.memory_after:.1f} after",
                f"{len(self.problems)} problems",
                *(f"  {problem}" for problem in self.problems[:20]),
            ]
        )


class Storm:
    def __init__(self, up: Any, workers: Path, patience: float) -> None:
        self.up, self.workers, self.patience = up, workers, patience
        self.report = Report()
        self._over = asyncio.Event()
        self._saved: dict[str, list[float]] = {}
        self._turn = 0

    async def run(self, saves: int, seconds: float, executions: int) -> Report:
        report = self.report
        connector = aiohttp.TCPConnector(limit=0)
        limit = aiohttp.ClientTimeout(total=self.patience)
        address = f"http://127.0.0.1:{self.up.port}"
        async with aiohttp.ClientSession(address, connector=connector, timeout=limit) as self.session:
            # what a first storm leaves in caches and in the allocator's pools is no growth
            await self._saves(max(10, saves // 10), seconds / 10, of_all=saves)
            await self._mended()
            await self.census()
            self.report = report = Report(memory_before=self._memory())
            clients = [asyncio.ensure_future(self._client(kind)) for kind in KINDS]
            runs = [asyncio.ensure_future(self._execution(n * seconds / executions)) for n in range(executions)]
            watch = asyncio.ensure_future(self._watch_memory())
            began = time.monotonic()
            await self._saves(saves, seconds, of_all=saves)
            report.seconds = time.monotonic() - began
            await asyncio.wait(runs, timeout=self.patience)
            await self._mended()
            self._over.set()
            await asyncio.gather(*runs, *clients)
            watch.cancel()
            await self._nothing_left()
            report.memory_after = self._memory()
        if report.memory_after - report.memory_before > 20:
            report.problems.append(f"memory grew by {report.memory_after - report.memory_before:.1f} MiB")
        return report

    # -- saves ---------------------------------------------------------------------------------------------------

    async def _saves(self, count: int, seconds: float, *, of_all: int) -> None:
        names = [*made.SOURCES, "front", "front"]
        began = time.monotonic()
        for number in range(1, count + 1):
            self._turn += 1
            name = names[self._turn % len(names)]
            broken = number % 5 == 0
            which = "entry.py" if broken or number % 3 else "helper.py"
            text = made.entry(name, self._turn) if which == "entry.py" else made.HELPER.format(version=self._turn)
            self._write(self.workers / name / "src" / which, text + (made.BROKEN if broken else ""), number)
            self._saved.setdefault(name, []).append(time.monotonic())
            self.report.saves += 1
            self.report.broken += broken
            await asyncio.sleep(max(0.0, began + number * seconds / count - time.monotonic()))

    def _write(self, path: Path, text: str, number: int) -> None:
        """As editors do: in place, by a file that takes the old one's place, after moving the old one away."""
        match number % 3:
            case 0:
                path.write_text(text)
            case 1:
                other = path.with_name(path.name + "___jb_tmp___")
                other.write_text(text)
                other.replace(path)
            case 2:
                backup = path.with_name(path.name + "~")
                path.replace(backup)
                path.write_text(text)
                backup.unlink()

    async def _mended(self) -> None:
        """Save good code everywhere and wait until it answers."""
        self._turn += 1
        for name in made.SOURCES:
            (self.workers / name / "src" / "helper.py").write_text(made.HELPER.format(version=self._turn))
            (self.workers / name / "src" / "entry.py").write_text(made.entry(name, self._turn))
        deadline = time.monotonic() + self.patience
        for name in ("front", "back"):
            told: dict[str, Any] = {}
            while (told.get("version"), told.get("word")) != (self._turn, self._turn):
                if time.monotonic() > deadline:
                    self.report.problems.append(f"{name}: the last save ({self._turn}) was not taken up: {told}")
                    return
                await asyncio.sleep(0.01)
                async with self.session.get(f"/workers/{name}/") as answer:
                    told = await answer.json(content_type=None) if answer.status == 200 else {}

    # -- requests ------------------------------------------------------------------------------------------------

    async def _client(self, kind: str) -> None:
        while not self._over.is_set():
            try:
                await self._ask(kind)
            except (aiohttp.ClientError, OSError, ValueError) as error:
                self.report.problems.append(f"{kind}: {type(error).__name__}: {error}")
            self.report.requests[kind] += 1
            await asyncio.sleep(random.random() * PAUSE_S)

    async def _ask(self, kind: str) -> None:
        method = {"streamed": "GET", "upload": "POST", "hop": "GET", "rpc": "GET"}.get(kind, kind)
        data: Any = _slowly() if kind == "upload" else BODY if method in ("POST", "PUT", "PATCH") else None
        async with self.session.request(method, f"/workers/front/{kind}", data=data) as answer:
            text = await answer.text()
            self.report.stale += "x-sandbox-stale" in answer.headers
            if answer.status != 200:
                self.report.problems.append(f"{kind}: {answer.status} {text[:200]}")
                return
            if method == "HEAD":
                self.report.versions.add(int(answer.headers["x-version"]))
                return
            parts = [json.loads(line) for line in text.splitlines()]
        for part in [*parts, *(part["other"] for part in parts if "other" in part)]:
            if not part["one"]:
                self.report.problems.append(f"{kind}: an answer of more than one generation: {part}")
            if part["worker"] == "front":
                self.report.versions.add(part["version"])
        if len({part["generation"] for part in parts}) != 1 or len(parts) != (4 if kind == "streamed" else 1):
            self.report.problems.append(f"{kind}: {len(parts)} parts of several generations: {parts}")
        if data is not None and parts[0]["bytes"] != len(BODY):
            self.report.problems.append(f"{kind}: a body of {parts[0]['bytes']} bytes arrived")

    # -- executions ----------------------------------------------------------------------------------------------

    async def _execution(self, after: float) -> None:
        await asyncio.sleep(after)
        async with self.session.post("/api/executions", json={"pipeline": "steps"}) as answer:
            execution = (await answer.json())["execution_id"]
        state: dict[str, Any] = {"state": ""}
        while state["state"] not in ("completed", "failed", "cancelled") and not self._over.is_set():
            await asyncio.sleep(0.05)
            async with self.session.get(f"/api/executions/{execution}") as answer:
                found = await answer.json()
                state = found.get("execution", found)
        self.report.executions += 1
        tries = [stage["attempt"] for stage in state["stages"]] if "attempt" in state["stages"][0] else []
        if state["state"] != "completed" or any(count != 1 for count in tries):
            self.report.problems.append(f"execution {execution}: {state['state']} {json.dumps(state)[:600]}")

    # -- what is left --------------------------------------------------------------------------------------------

    async def census(self) -> dict[str, Any]:
        async with self.session.get("/workers/census/") as answer:
            found: dict[str, Any] = await answer.json(content_type=None)
            return found

    async def _nothing_left(self) -> None:
        """Nothing but the newest generation of each worker is there, once what was under way has ended."""
        deadline = time.monotonic() + self.patience
        while True:
            found = await self.census()
            many = {name: numbers for name, numbers in found["alive"].items() if len(numbers) > 1}
            if not many and len(found["roots"]) == len(made.SOURCES) + 1:
                break
            if time.monotonic() > deadline:
                self.report.problems.append(f"generations left behind: {many}, in sys.modules: {len(found['roots'])}")
                break
            await asyncio.sleep(0.1)
        for packet, seen in found["ledger"].items():
            self.report.packets += 1
            self.report.packets_across_saves += any(
                seen[0][3] < at < seen[-1][3] for at in self._saved.get(seen[0][4], ())
            )
            if {step for step, *_ in seen} != {"handshake", "process", "acknowledge"}:
                self.report.problems.append(f"packet {packet} got {seen}")
            if len({(version, token) for _, version, token, *_ in seen}) != 1:
                self.report.problems.append(f"packet {packet} went to more than one generation: {seen}")

    def _memory(self) -> float:
        lines = Path(f"/proc/{self.up.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))

    async def _watch_memory(self) -> None:
        while True:
            self.report.memory_peak = max(self.report.memory_peak, self._memory())
            await asyncio.sleep(0.1)


async def _slowly() -> AsyncIterator[bytes]:
    for at in range(0, len(BODY), len(BODY) // 8):
        await asyncio.sleep(random.random() * 0.02)
        yield BODY[at : at + len(BODY) // 8]


def storm(up: Any, project: Any, *, saves: int, seconds: float, executions: int, patience: float = 30.0) -> Report:
    """Let a storm loose on a sandbox that is up on the project `made.write` wrote; give it `patience` seconds to come to
    rest afterwards."""
    return asyncio.run(Storm(up, project.root / "workers", patience).run(saves, seconds, executions))
