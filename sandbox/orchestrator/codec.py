"""Protocol JSON in and out, with the limits of protocol messages: 10 MiB, nested at most 200 deep."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from sandbox.errors import UserError

MAX_BODY = 10 * 1024 * 1024
MAX_NESTING = 200


class BadJson(UserError):
    """The text is not JSON that the protocol takes."""

    code = "bad_json"


def dumps(value: Any) -> bytes:
    """Compact UTF-8 JSON, the form sizes are measured in. A lone surrogate is escaped, as JSON.stringify does."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def loads(data: bytes | str, what: str = "the body") -> Any:
    """Parse JSON; raises `BadJson` for anything else, for NaN, for numbers past a double and for nesting over 200."""
    try:
        value = json.loads(data, parse_constant=_refuse_constant, parse_float=_finite)
    except RecursionError:
        raise _too_deep(what) from None
    except UnicodeDecodeError:
        raise BadJson(f"{what} is not UTF-8", hint="send UTF-8 JSON") from None
    except json.JSONDecodeError as error:
        raise BadJson(f"{what} is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except ValueError as error:  # an integer of more digits than Python converts, or NaN
        raise BadJson(f"{what} is not JSON: {error}") from None
    if _deeper_than(value, MAX_NESTING):
        raise _too_deep(what)
    return value


def is_json(data: bytes) -> bool:
    try:
        loads(data)
    except BadJson:
        return False
    return True


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            item
            for node in level
            if isinstance(node, dict | list)
            for item in (node.values() if isinstance(node, dict) else node)
            if isinstance(item, dict | list)
        ]
        if not level:
            return False
    return True


def _too_deep(what: str) -> BadJson:
    return BadJson(f"{what} is nested more than {MAX_NESTING} deep", code="too_deep")


def number(value: Any) -> float | None:
    """A JSON number as a float; None for anything else and for an integer past a double."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def is_text(value: str) -> bool:
    """Whether a string can be stored: half a surrogate pair, which JSON can spell, has no UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):  # it could be read, and never be written again
        raise ValueError(f"the number {text[:40]} is out of range")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
