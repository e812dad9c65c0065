"""Which recording answers a request, and where none does, which is nearest and how it differs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

from sandbox.config.models import MatchConfig
from sandbox.credentials import plain_name
from sandbox.egress.cassettes.content import meaning
from sandbox.egress.cassettes.recording import Asked, Recording
from sandbox.ids import MASK
from sandbox.runtime.redirects import parse

_SHOWN = 60
_MOST = 3
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing in which a request and a recording differ, in words; `weight` says how far apart it puts them."""

    text: str
    weight: float


class Matching:
    """The rules of `[egress.match]`. A request and a recording are the same call when method, origin, path, query
    (in any order) and body (JSON and forms by value) are; what was scrubbed stands for anything."""

    def __init__(self, config: MatchConfig) -> None:
        self._ignored_query = [plain_name(name) for name in config.ignore_query]
        self._ignored_fields = [plain_name(name) for name in config.ignore_fields]
        self._headers = [name.lower() for name in config.headers]

    def key(self, asked: Asked) -> str:
        """Equal for requests that are the same call, but for what was scrubbed from one and not from the other."""
        address = parse(asked.url)
        body = self._body(asked)
        shown = body.hex() if isinstance(body, bytes) else body
        headers = {name: _values(asked, name) for name in self._headers}
        whole = [asked.method, address.origin, address.path, sorted(self._query(address.query)), shown, headers]
        return json.dumps(whole, sort_keys=True)

    def differences(self, asked: Asked, recorded: Asked) -> list[Difference]:
        """How a request differs from a recorded one; nothing where the recording answers it."""
        here, there = parse(asked.url), parse(recorded.url)
        found: list[Difference] = []
        if asked.method != recorded.method:
            found.append(Difference(f"the method: {asked.method}, recorded {recorded.method}", 4))
        if not _same_text(here.origin, there.origin):
            found.append(Difference(f"the host: {here.origin}, recorded {there.origin}", 100))
        if not _same_text(here.path, there.path):
            likeness = SequenceMatcher(None, here.path[:300], there.path[:300], autojunk=False).ratio()
            found.append(Difference(f"the path: {_cut(here.path)}, recorded {_cut(there.path)}", 10 - 5 * likeness))
        found += self._query_differences(self._query(here.query), self._query(there.query))
        for name in self._headers:
            given, wanted = _values(asked, name), _values(recorded, name)
            if not _same(given, wanted):
                found.append(Difference(f"header `{name}`: {_cut(given)}, recorded {_cut(wanted)}", 1))
        found += _body_differences(self._body(asked), self._body(recorded))
        return found

    def nearest(self, asked: Asked, recordings: Iterable[Recording]) -> tuple[Recording, list[Difference]] | None:
        """The recording that differs least, and how; None where there are none."""
        best: tuple[float, Recording, list[Difference]] | None = None
        for recording in recordings:
            differences = self.differences(asked, recording.asked)
            distance = sum(difference.weight for difference in differences)
            if best is None or distance < best[0]:
                best = distance, recording, differences
        return None if best is None else best[1:]

    def _query(self, query: str) -> list[tuple[str, str]]:
        return [pair for pair in parse_qsl(query, keep_blank_values=True) if not _in(pair[0], self._ignored_query)]

    def _body(self, asked: Asked) -> Any:
        found = meaning(asked.body, asked.content_type)
        if isinstance(found, dict) and self._ignored_fields:
            if "form" in found:
                return {"form": [pair for pair in found["form"] if not _in(pair[0], self._ignored_fields)]}
            return {"json": _without(found["json"], self._ignored_fields)}
        return found

    @staticmethod
    def _query_differences(given: list[tuple[str, str]], recorded: list[tuple[str, str]]) -> Iterator[Difference]:
        here, there = _grouped(given), _grouped(recorded)
        for name in sorted(here.keys() | there.keys()):
            mine, theirs = here.get(name), there.get(name)
            if mine is None:
                yield Difference(f"query `{name}`: not given, recorded {_cut(_one(theirs))}", 1)
            elif theirs is None:
                yield Difference(f"query `{name}`: {_cut(_one(mine))}, not recorded", 1)
            elif not _same(mine, theirs):
                yield Difference(f"query `{name}`: {_cut(_one(mine))}, recorded {_cut(_one(theirs))}", 1)


def in_words(differences: Sequence[Difference]) -> str:
    """`query `page`: 2, recorded 1; ...`, the weightiest first."""
    ordered = sorted(differences, key=lambda difference: -difference.weight)
    more = len(ordered) - _MOST
    texts = [difference.text for difference in ordered[:_MOST]]
    return "; ".join([*texts, *([f"and {more} more"] if more > 0 else [])])


def _body_differences(given: Any, recorded: Any) -> Iterator[Difference]:
    if _same(given, recorded):
        return
    if isinstance(given, dict) and isinstance(recorded, dict):
        if "json" in given and "json" in recorded:
            for path, mine, theirs in _json_differences(given["json"], recorded["json"], ""):
                if mine is _ABSENT:
                    text = f"not given, recorded {_cut(theirs)}"
                elif theirs is _ABSENT:
                    text = f"{_cut(mine)}, not recorded"
                else:
                    text = f"{_cut(mine)}, recorded {_cut(theirs)}"
                yield Difference(f"body `{path}`: {text}" if path else f"the body: {text}", 0.5)
            return
        if "form" in given and "form" in recorded:
            for difference in Matching._query_differences(given["form"], recorded["form"]):
                yield Difference(difference.text.replace("query", "form field", 1), 0.5)
            return
    if isinstance(given, str) and isinstance(recorded, str):
        for number, (mine, theirs) in enumerate(_line_pairs(given, recorded), start=1):
            if not _same_text(mine, theirs):
                yield Difference(f"the body at line {number}: {_cut(mine)}, recorded {_cut(theirs)}", 2)
                return
    yield Difference(f"the body: {_kind(given)}, recorded {_kind(recorded)}", 3)


def _json_differences(given: Any, recorded: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    if isinstance(given, dict) and isinstance(recorded, dict):
        for name in [*given, *(name for name in recorded if name not in given)]:
            inner = f"{path}.{name}" if path else str(name)
            yield from _json_differences(given.get(name, _ABSENT), recorded.get(name, _ABSENT), inner)
    elif isinstance(given, list) and isinstance(recorded, list):
        for index in range(max(len(given), len(recorded))):
            mine = given[index] if index < len(given) else _ABSENT
            theirs = recorded[index] if index < len(recorded) else _ABSENT
            yield from _json_differences(mine, theirs, f"{path}[{index}]")
    elif given is _ABSENT or recorded is _ABSENT or not _same(given, recorded):
        yield path, given, recorded


def _same(given: Any, recorded: Any) -> bool:
    """Equal by value and type, where what was scrubbed stands for anything."""
    if isinstance(given, str) and isinstance(recorded, str):
        return _same_text(given, recorded)
    if recorded == MASK and given is not None:
        return True  # a number was scrubbed
    if isinstance(given, list | tuple) and isinstance(recorded, list | tuple):
        return len(given) == len(recorded) and all(map(_same, given, recorded))
    if isinstance(given, dict) and isinstance(recorded, dict):
        return given.keys() == recorded.keys() and all(_same(given[name], recorded[name]) for name in given)
    if isinstance(given, bool) or isinstance(recorded, bool):
        return given is recorded
    return bool(given == recorded)


def _same_text(given: str, recorded: str) -> bool:
    if given == recorded:
        return True
    return MASK in recorded and _wildcard(recorded).fullmatch(given) is not None


@lru_cache(maxsize=512)
def _wildcard(recorded: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, recorded.split(MASK))), re.DOTALL)


def _without(value: Any, ignored: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _without(inner, ignored) for name, inner in value.items() if not _in(name, ignored)}
    return [_without(item, ignored) for item in value] if isinstance(value, list) else value


def _in(name: str, patterns: list[str]) -> bool:
    return bool(patterns) and any(fnmatchcase(plain_name(name), pattern) for pattern in patterns)


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in sorted(pairs):
        found.setdefault(name, []).append(value)
    return found


def _values(asked: Asked, name: str) -> list[str]:
    return [value for given, value in asked.headers if given == name]


def _one(values: list[str] | None) -> Any:
    return values[0] if values and len(values) == 1 else values


def _line_pairs(given: str, recorded: str) -> Iterator[tuple[str, str]]:
    mine, theirs = given.split("\n"), recorded.split("\n")
    for index in range(max(len(mine), len(theirs))):
        yield (mine[index] if index < len(mine) else ""), (theirs[index] if index < len(theirs) else "")


def _kind(body: Any) -> str:
    if body is None:
        return "none"
    if isinstance(body, bytes):
        return f"{len(body)} bytes"
    if isinstance(body, str):
        return f"text of {len(body)} characters"
    return "JSON" if "json" in body else "a form"


def _cut(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    text = " ".join(text.split()) or '""'
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
