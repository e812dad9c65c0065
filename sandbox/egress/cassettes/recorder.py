"""Writes cassettes. What is asked again is recorded anew, everything else stays as it is.

The recordings of one request made since the start take the place of the older ones. An answer that differs from the
older one in volatile headers alone leaves that as it was, and the last of several equal answers is kept once, so that
recording again what has not changed changes no file. Recordings stand in the order of their URLs, not of time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from sandbox.egress.cassettes.files import CassetteBroken, file_name, read, text_of_one, write
from sandbox.egress.cassettes.matching import Matching
from sandbox.egress.cassettes.recording import Recording
from sandbox.egress.cassettes.scrub import Scrub
from sandbox.egress.observing import Exchange
from sandbox.runtime.redirects import parse

Written = Callable[[str, str | None], None]
"""Told of each file written, and of each that could not be, with the reason."""


class Recorder:
    """`folder` holds one folder a worker, with one file a host. Scrubbing and writing are done in a thread; a file is
    replaced whole. What comes in while one batch is being written makes the next: no timer, and no write per call."""

    def __init__(self, folder: Path, shown: str, scrub: Scrub, matching: Matching, written: Written) -> None:
        self._folder = folder
        self._shown = shown
        self._scrub = scrub
        self._matching = matching
        self._written = written
        self._cassettes: dict[Path, _Cassette] = {}
        self._waiting: list[Exchange] = []
        self._work: asyncio.Task[None] | None = None

    def add(self, exchange: Exchange) -> None:
        """Record a call that has ended, soon. One without an answer, cut short, or too long to keep is left out."""
        if exchange.status and exchange.complete and None not in (exchange.request_body, exchange.response_body):
            self._waiting.append(exchange)
            if self._work is None or self._work.done():
                self._work = asyncio.get_running_loop().create_task(self._write_waiting())

    async def close(self) -> None:
        """Return when everything added is written."""
        while self._work is not None and not self._work.done():
            await self._work

    async def _write_waiting(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            for shown, problem in await asyncio.to_thread(self._write, batch):
                self._written(shown, problem)

    def _write(self, batch: list[Exchange]) -> list[tuple[str, str | None]]:
        touched: dict[Path, None] = {}
        told: list[tuple[str, str | None]] = []
        for exchange in batch:
            path = self._folder / exchange.worker / file_name(parse(exchange.url).origin)
            asked = self._scrub.asked(
                exchange.method, exchange.url, exchange.request_headers, exchange.request_body or b""
            )
            answered = self._scrub.answered(exchange.status, exchange.response_headers, exchange.response_body or b"")
            try:
                cassette = self._cassettes.get(path) or self._open(path)
            except CassetteBroken as error:  # somebody's own file: nothing of it is to be lost
                told.append((self._name(path), error.message))
                continue
            cassette.fresh.setdefault(self._matching.key(asked), []).append(_Item(Recording(asked, answered)))
            touched[path] = None
        for path in touched:
            try:
                if write(path, self._cassettes[path].texts()):
                    told.append((self._name(path), None))
            except OSError as error:
                told.append((self._name(path), error.strerror or str(error)))
        return told

    def _open(self, path: Path) -> _Cassette:
        cassette = _Cassette()
        for recording in read(path, self._name(path)) if path.is_file() else ():
            cassette.kept.setdefault(self._matching.key(recording.asked), []).append(_Item(recording))
        self._cassettes[path] = cassette
        return cassette

    def _name(self, path: Path) -> str:
        return f"{self._shown}/{path.relative_to(self._folder).as_posix()}"


@dataclass(slots=True)
class _Item:
    """A recording and, once it was asked for, its text."""

    recording: Recording
    _text: str | None = None

    def text(self) -> str:
        if self._text is None:
            self._text = text_of_one(self.recording)
        return self._text


@dataclass(slots=True)
class _Cassette:
    """One file: the recordings it had, and those made since, by key."""

    kept: dict[str, list[_Item]] = field(default_factory=dict)
    fresh: dict[str, list[_Item]] = field(default_factory=dict)

    def texts(self) -> list[str]:
        groups = {key: _merged(self.kept.get(key, []), made) for key, made in self.fresh.items()}
        ordered = sorted((self.kept | groups).values(), key=lambda group: _place(group[0].recording))
        return [item.text() for group in ordered for item in group]


def _merged(kept: list[_Item], fresh: list[_Item]) -> list[_Item]:
    """The new recordings, the older one in place of each that says the same; equal ones at the end once."""
    found = [
        kept[index] if index < len(kept) and _same(kept[index], item) else item for index, item in enumerate(fresh)
    ]
    while len(found) > 1 and _same(found[-2], found[-1]):
        found.pop()
    return found


def _same(one: _Item, other: _Item) -> bool:
    return one.recording.answered.says_the_same(other.recording.answered)


def _place(recording: Recording) -> tuple[str, str, str, bytes]:
    asked = recording.asked
    return (parse(asked.url).path, asked.url, asked.method, asked.body)
