"""The files `_redirects` and `_headers`, as Cloudflare documents them. Lines that make no sense are left out, as there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.bindings.assets.limits import (
    MAX_DYNAMIC_REDIRECTS,
    MAX_HEADER_LINE,
    MAX_HEADER_RULES,
    MAX_REDIRECT_LINE,
    MAX_STATIC_REDIRECTS,
    REDIRECT_STATUSES,
)

_PLACEHOLDER = re.compile(r":([A-Za-z]\w*)", re.ASCII)
_TO_INDEX = re.compile(r"/index(\.html)?\Z")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send `source` on to `to` with `status`; 200 serves what is at `to` in its place."""

    source: str
    to: str
    status: int


class Redirects:
    """Rules without `*` and placeholders are looked at first, then the others in their order."""

    def __init__(self, text: str) -> None:
        self._static: dict[str, Redirect] = {}
        self._dynamic: list[tuple[re.Pattern[str], Redirect]] = []
        for line in text.splitlines():
            rule = _redirect(line)
            if rule is None:
                continue
            if "*" not in rule.source and not _PLACEHOLDER.search(rule.source):
                if len(self._static) < MAX_STATIC_REDIRECTS:
                    self._static.setdefault(rule.source, rule)
            elif len(self._dynamic) < MAX_DYNAMIC_REDIRECTS and (pattern := _pattern(rule.source)) is not None:
                self._dynamic.append((pattern, rule))

    def match(self, path: str) -> Redirect | None:
        """The rule for a path as it is in the URL, its target filled in."""
        static = self._static.get(path)
        if static is not None:
            return static
        for pattern, rule in self._dynamic:
            found = pattern.match(path)
            if found is not None:
                to = _fill(rule.to, found)
                # a path that begins with two slashes would name another host
                return Redirect(rule.source, to if "://" in to else re.sub(r"/+", "/", to), rule.status)
        return None


@dataclass(slots=True)
class HeaderRule:
    pattern: re.Pattern[str]
    whole_url: bool
    add: list[tuple[str, str]] = field(default_factory=list)
    remove: list[str] = field(default_factory=list)


def read_headers(text: str) -> list[HeaderRule]:
    """The rules of a `_headers` file: a line with a path or URL, then `Name: value` and `! Name` lines."""
    rules: list[HeaderRule] = []
    open_rule: HeaderRule | None = None
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#") or len(line) > MAX_HEADER_LINE:
            continue
        if line.startswith(("/", "https://")):
            pattern = _pattern(line)
            open_rule = None
            if pattern is not None and len(rules) < MAX_HEADER_RULES:
                open_rule = HeaderRule(pattern, line.startswith("https://"))
                rules.append(open_rule)
        elif open_rule is not None and line.startswith("!"):
            open_rule.remove.append(line[1:].strip().lower())
        elif open_rule is not None and ":" in line:
            name, _, value = line.partition(":")
            if _HEADER_NAME.match(name.strip()) and value.strip():
                open_rule.add.append((name.strip().lower(), value.strip()))
    return [rule for rule in rules if rule.add or rule.remove]


def apply_headers(
    rules: Sequence[HeaderRule], host: str, path: str, headers: list[tuple[str, str]]
) -> list[tuple[str, str]]:
    """The answer's headers by the rules that match: a rule's value takes the place of ours, those of several rules are
    joined."""
    given: set[str] = set()
    for rule in rules:
        found = rule.pattern.match(f"https://{host}{path}" if rule.whole_url else path)
        if found is None:
            continue
        headers = [pair for pair in headers if pair[0] not in rule.remove]
        for name, value in rule.add:
            filled = _fill(value, found)
            old = [text for known, text in headers if known == name] if name in given else []
            if name == "set-cookie":
                headers.append((name, filled))
                continue
            headers = [pair for pair in headers if pair[0] != name]
            headers.append((name, ", ".join([*old, filled])))
            given.add(name)
    return headers


def _redirect(line: str) -> Redirect | None:
    line = line.strip()
    if not line or line.startswith("#") or len(line) > MAX_REDIRECT_LINE:
        return None
    words = line.split(" #")[0].split()
    if len(words) not in (2, 3) or not words[0].startswith("/") or words[0].startswith("//"):
        return None
    if not (words[1].startswith("/") or re.match(r"https?://", words[1])):
        return None
    status = int(words[2]) if len(words) == 3 and words[2].isdecimal() else 302 if len(words) == 2 else 0
    if status not in REDIRECT_STATUSES or (status == 200 and not words[1].startswith("/")):
        return None
    if words[0].endswith(("/", "/*")) and _TO_INDEX.search(words[1]) and words[1].startswith("/"):
        return None  # would go round for ever: that page redirects to the folder
    return Redirect(words[0], words[1], status)


def _pattern(rule: str) -> re.Pattern[str] | None:
    """`*` matches anything (`:splat`), `:name` one segment, in a host name one label. None where a name comes twice."""
    host_end = rule.find("/", len("https://")) if rule.startswith("https://") else 0
    out, at = [], 0
    for found in re.finditer(r"\*|(?<!https):([A-Za-z]\w*)", rule, re.ASCII):
        out.append(re.escape(rule[at : found.start()]))
        in_host = found.start() < host_end
        name = found[1]
        out.append("(?P<splat>.*)" if name is None else f"(?P<{name}>[^/.]+)" if in_host else f"(?P<{name}>[^/]+)")
        at = found.end()
    try:
        return re.compile("".join([*out, re.escape(rule[at:]), r"\Z"]), re.ASCII)
    except re.error:
        return None


def _fill(text: str, found: re.Match[str]) -> str:
    values = found.groupdict()
    return _PLACEHOLDER.sub(lambda name: values.get(name[1]) or ("" if name[1] in values else name[0]), text)
