"""A command in a terminal of its own (a pseudo terminal), as a person at a keyboard sees it."""

from __future__ import annotations

import codecs
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

PATIENCE_S = 30.0
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[=>]")


class Terminal:
    """`screen` is all that was shown so far, without colours and cursor movements."""

    def __init__(self, *arguments: str, cwd: Path, env: Mapping[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._at = 0
        self.raw = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", *arguments],
            cwd=cwd,
            env={**env, "TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "140", "INPUTRC": "/dev/null"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,  # so that Ctrl-C typed here is a signal there
        )
        os.close(theirs)

    @property
    def screen(self) -> str:
        return _CONTROL.sub("", self.raw).replace("\r\n", "\n").replace("\r", "")

    def expect(self, pattern: str) -> re.Match[str]:
        """The first match in what was shown since the last one expected; waits until it is there."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = self._found(pattern)
            if found is not None:
                return found
            if not self._read(deadline):
                raise AssertionError(
                    f"{pattern!r} was not shown:\n{self.screen[self._at :]}\n--- before:\n{self.screen}"
                )

    def say(self, line: str, *, then: str | None = r"\(Pdb\) $") -> str:
        """Type a line; what is shown from there until `then` (by default the next prompt)."""
        start = self._at
        os.write(self._ours, line.encode() + b"\n")
        if then is None:
            return ""
        self.expect(then)
        return self.screen[start : self._at]

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def interrupt(self, until: str, *, number: int | None = None) -> None:
        """Press Ctrl-C (or send a signal) until `until` is shown: at the instant a prompt appears readline does not see
        it, and two are one to it then, as they are for a person."""
        deadline = time.monotonic() + PATIENCE_S
        while self._found(until) is None:
            assert time.monotonic() < deadline, self.screen
            if number is None:
                self.press("\x03")
            else:
                self.process.send_signal(number)
            soon = time.monotonic() + 1
            while self._found(until, take=False) is None and self._read(soon):
                pass

    def _found(self, pattern: str, *, take: bool = True) -> re.Match[str] | None:
        found = re.compile(pattern, re.MULTILINE).search(self.screen, self._at)
        if found is not None and take:
            self._at = found.end()
        return found

    def end(self) -> int:
        """Wait until the process has ended by itself; its exit code."""
        deadline = time.monotonic() + PATIENCE_S
        while self._read(deadline):
            pass
        return self.process.wait(PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE_S)
        os.close(self._ours)

    def _read(self, deadline: float) -> bool:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self._ours], [], [], left)[0]:
            return False
        try:
            piece = os.read(self._ours, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += self._decoder.decode(piece)
        return bool(piece)


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
