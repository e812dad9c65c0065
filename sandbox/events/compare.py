"""The difference between two answers to one request: status, headers, body; JSON by its paths."""

from __future__ import annotations

import difflib
import hashlib
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.events.scrub import scrub_headers

IGNORED = frozenset(
    """date age connection keep-alive transfer-encoding content-length x-content-type-options x-sandbox-request
    x-sandbox-stale traceparent tracestate server-timing""".split()
)
"""Headers that differ from one answer to the next, or that the host adds to each."""
_OF_THE_HOST = ("content-security-policy", "sandbox")
"""What the host adds under /workers/<name>/."""
MOST = 100
"""Differences of one body that are told, at most."""
_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is None where it was not kept; `sha256` and `size` are those of the body on the wire."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes | None
    sha256: str | None = None
    size: int = 0


def compare(before: Answer, after: Answer) -> dict[str, Any]:
    """`{status?, headers?, body?}`, each only where it differs.

    `status` is `{before, after}`, `headers` a list of `{name, before, after}`, `body` has a `kind`: `json` with
    `changes` of `{path, before?, after?}`, `text` with `diff` (lines), `binary` with sizes and hashes. What is absent
    on one side is left out there.
    """
    found: dict[str, Any] = {}
    if before.status != after.status:
        found["status"] = {"before": before.status, "after": after.status}
    headers = list(_headers(before.headers, after.headers))
    if headers:
        found["headers"] = headers
    body = _body(before, after)
    if body is not None:
        found["body"] = body
    return found


def plain_body(body: bytes, headers: Sequence[tuple[str, str]]) -> bytes:
    """A body without its content coding, where it has one that can be undone."""
    encoding = next((value.strip().lower() for name, value in headers if name == "content-encoding"), "")
    if encoding not in ("gzip", "deflate"):
        return body
    try:
        return zlib.decompress(body, 31 if encoding == "gzip" else 15)
    except zlib.error:
        return body  # it was put down before it was compressed


def changes(before: Any, after: Any, path: str = "$") -> Iterator[dict[str, Any]]:
    """Where two JSON values differ: `{path, before?, after?}`, the paths as in `$.items[2].title`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            name = f"{path}.{key}" if key.isidentifier() else f"{path}[{json.dumps(key, ensure_ascii=False)}]"
            yield from _pair(before.get(key, _ABSENT), after.get(key, _ABSENT), name)
    elif isinstance(before, list) and isinstance(after, list):
        for at in range(max(len(before), len(after))):
            one = before[at] if at < len(before) else _ABSENT
            two = after[at] if at < len(after) else _ABSENT
            yield from _pair(one, two, f"{path}[{at}]")
    elif before != after or isinstance(before, bool) != isinstance(after, bool):
        yield {"path": path, "before": before, "after": after}


def _pair(one: Any, two: Any, path: str) -> Iterator[dict[str, Any]]:
    if one is _ABSENT:
        yield {"path": path, "after": two}
    elif two is _ABSENT:
        yield {"path": path, "before": one}
    else:
        yield from changes(one, two, path)


def _headers(before: Sequence[tuple[str, str]], after: Sequence[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    one, two = _by_name(before), _by_name(after)
    for name in sorted(one.keys() | two.keys()):
        if one.get(name) != two.get(name):
            change = {"name": name, "before": one.get(name), "after": two.get(name)}
            yield {key: value for key, value in change.items() if value is not None}


def _by_name(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scrub_headers(pairs):
        if name not in IGNORED and (name, value) != _OF_THE_HOST:
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _body(before: Answer, after: Answer) -> dict[str, Any] | None:
    if before.body is None or after.body is None:
        if before.sha256 == after.sha256 and before.sha256 is not None:
            return None
        return {"kind": "binary", "before": _fact(before), "after": _fact(after)}
    one, two = plain_body(before.body, before.headers), plain_body(after.body, after.headers)
    if one == two:
        return None
    was, now = _text(one), _text(two)
    if was is None or now is None:
        return {"kind": "binary", "before": _fact(before), "after": _fact(after)}
    values = _json(was), _json(now)
    if _ABSENT not in values:
        found = list(changes(*values))
        return {"kind": "json", "changes": found[:MOST], "count": len(found)} if found else None
    diff = difflib.unified_diff(was.splitlines(), now.splitlines(), "before", "after", lineterm="", n=2)
    lines = list(diff)
    return {"kind": "text", "diff": lines[:MOST], "count": len(lines)}


def _fact(answer: Answer) -> dict[str, Any]:
    if answer.body is None:
        return {"size": answer.size, "sha256": answer.sha256}
    return {"size": len(answer.body), "sha256": hashlib.sha256(answer.body).hexdigest()}


def _text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return _ABSENT
