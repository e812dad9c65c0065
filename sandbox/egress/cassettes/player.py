"""Answers requests from cassettes: several recordings of one request in their order, then the last of them again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from pathlib import Path

from sandbox.egress.cassettes.files import ENDINGS, read
from sandbox.egress.cassettes.matching import Matching, in_words
from sandbox.egress.cassettes.recording import Answered, Asked, Recording
from sandbox.errors import SandboxError
from sandbox.runtime.redirects import parse

_REMEMBERED = 20_000
_Stamp = tuple[int, int]


class Missed(SandboxError):
    """No recording answers a request; the message names the nearest one and the difference."""

    code = "not_recorded"
    status = 502


class Player:
    """A worker's recordings are the files in its folder, and those beside it that are everybody's.

    `folder` holds one folder a worker; `shown` is how it is called in messages. Files are read when first needed, and
    again when they change, whereupon their worker begins every sequence anew.
    """

    def __init__(self, folder: Path, shown: str, matching: Matching) -> None:
        self._folder = folder
        self._shown = shown
        self._matching = matching
        self._shelves: dict[str, _Shelf] = {}
        self._files: dict[Path, tuple[_Stamp, list[Recording]]] = {}
        self._reading = asyncio.Lock()
        self._positions: OrderedDict[tuple[str, str, str], int] = OrderedDict()

    async def answer(self, worker: str, asked: Asked, *, scope: str = "") -> Answered:
        """The answer to a scrubbed request. Sequences are counted by `scope` (an execution, or the sandbox's life).
        Raises Missed, CassetteBroken."""
        shelf = await self._shelf(worker)
        key = self._matching.key(asked)
        group = shelf.groups.get(key) or self._like(shelf, asked)
        if group is None:
            raise self._missed(worker, asked, shelf)
        place = (scope, worker, self._matching.key(group[0].asked))
        position = self._positions.pop(place, 0)
        self._positions[place] = position + 1
        if len(self._positions) > _REMEMBERED:
            self._positions.popitem(last=False)
        return group[min(position, len(group) - 1)].answered

    def _like(self, shelf: _Shelf, asked: Asked) -> list[Recording] | None:
        """A group that answers although it is not written the same: something was scrubbed on one side only."""
        for group in shelf.groups.values():
            if not self._matching.differences(asked, group[0].asked):
                return group
        return None

    def _missed(self, worker: str, asked: Asked, shelf: _Shelf) -> Missed:
        what = f"{asked.method} {asked.url} is not recorded"
        found = self._matching.nearest(asked, (group[0] for group in shelf.groups.values()))
        if found is None:
            nearest = f"nothing is, in {self._shown}/{worker}"
        elif parse(found[0].asked.url).origin != parse(asked.url).origin:
            hosts = sorted({parse(group[0].asked.url).origin for group in shelf.groups.values()})
            nearest = f"nothing of this host is, only of {', '.join(hosts[:5])}{', ...' if len(hosts) > 5 else ''}"
        else:
            recording, differences = found
            nearest = (
                f"nearest: {recording.asked.method} {recording.asked.url} ({recording.file}) differs in "
                f"{in_words(differences)}"
            )
        return Missed(f"{what}; {nearest}", hint="start the sandbox with `--egress record` and make the call once")

    async def _shelf(self, worker: str) -> _Shelf:
        async with self._reading:
            stamps = _stamps(self._folder / worker) | _stamps(self._folder)
            shelf = self._shelves.get(worker)
            if shelf is not None and shelf.stamps == stamps:
                return shelf
            recordings: list[Recording] = []
            for path, stamp in stamps.items():
                known = self._files.get(path)
                if known is None or known[0] != stamp:
                    shown = f"{self._shown}/{path.relative_to(self._folder).as_posix()}"
                    known = stamp, await asyncio.to_thread(read, path, shown)
                    self._files[path] = known
                recordings += known[1]
            groups: dict[str, list[Recording]] = {}
            for recording in recordings:
                groups.setdefault(self._matching.key(recording.asked), []).append(recording)
            shelf = self._shelves[worker] = _Shelf(stamps, groups)
            for place in [place for place in self._positions if place[1] == worker]:
                del self._positions[place]
            return shelf


class _Shelf:
    """A worker's recordings by key, and the files they come from as they were then."""

    __slots__ = ("groups", "stamps")

    def __init__(self, stamps: dict[Path, _Stamp], groups: dict[str, list[Recording]]) -> None:
        self.stamps = stamps
        self.groups = groups


def _stamps(folder: Path) -> dict[Path, _Stamp]:
    """Time and size of each cassette in a folder, in the order of their names."""
    found: dict[Path, _Stamp] = {}
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if path.suffix in ENDINGS and not path.name.startswith(".") and path.is_file():
                stat = path.stat()
                found[path] = (stat.st_mtime_ns, stat.st_size)
    return found
