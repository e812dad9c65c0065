"""`sandbox up` as a process: started, watched until it answers, measured, stopped."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

POLL_S = 0.005
PATIENCE_S = 30.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def get(port: int, path: str = "/", *, host: str | None = None, timeout: float = PATIENCE_S) -> tuple[int, bytes]:
    """One GET over a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def command() -> list[str]:
    """The installed `sandbox` beside this interpreter, as a user starts it."""
    script = Path(sys.executable).with_name("sandbox")
    return [str(script)] if script.exists() else [sys.executable, "-m", "sandbox"]


class Up:
    """`sandbox up` in `folder`, polled every 5 ms on `port` until it answers 200; `first_200` is in milliseconds."""

    def __init__(
        self, folder: Path, port: int, *, path: str = "/", host: str | None = None, options: Sequence[str] = ()
    ) -> None:
        clean = {key: value for key, value in os.environ.items() if not key.startswith("SANDBOX")}
        # As an installed package runs: with the byte code that the launch before left.
        clean.pop("PYTHONDONTWRITEBYTECODE", None)
        self.port = port
        began = time.perf_counter()
        self.process = subprocess.Popen(
            [*command(), "up", *options],
            cwd=folder,
            env=clean,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            self._wait(began, path, host)
        except BaseException:
            self.stop()
            raise
        self.first_200 = (time.perf_counter() - began) * 1000

    def _wait(self, began: float, path: str, host: str | None) -> None:
        while time.perf_counter() - began < PATIENCE_S:
            try:
                status, body = get(self.port, path, host=host)
            except (OSError, http.client.HTTPException):
                if self.process.poll() is not None:
                    assert self.process.stdout is not None
                    raise SystemExit("sandbox up ended:\n" + self.process.stdout.read().decode()) from None
                time.sleep(POLL_S)
                continue
            if status == 200:
                return
            raise SystemExit(f"sandbox up answered {status}: {body[:300].decode(errors='replace')}")
        raise SystemExit(f"sandbox up did not answer within {PATIENCE_S:.0f} s")

    def memory(self) -> tuple[float, float, int]:
        """RSS and PSS of the process and its children, MiB, and how many processes there are."""
        pids = tree(self.process.pid)
        rss = sum(kibibytes(pid, "status", "VmRSS") for pid in pids)
        pss = sum(kibibytes(pid, "smaps_rollup", "Pss") for pid in pids)
        return rss / 1024, pss / 1024, len(pids)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def tree(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue  # it ended meanwhile
            children.setdefault(int(fields[1]), []).append(int(folder.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def kibibytes(pid: int, file: str, key: str) -> int:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{key}:")), 0)
