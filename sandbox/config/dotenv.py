"""`.dev.vars` and `.env` files: the grammar of Node's dotenv 16 and the expansion of dotenv-expand 12, which wrangler uses.

A line is `NAME=value`, `NAME: value` or either after `export`. Values may be quoted with ', " or ` (then over several
lines); only in double quotes `\\n` and `\\r` are line breaks. `#` starts a comment unless quoted. Other lines are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPACE = " \t\f\v"
_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z0-9_.-]+)")
_REFERENCE = re.compile(r"(?<!\\)\$(?:\{([^{}]+)\}|([A-Za-z_][A-Za-z0-9_]*))")
_OPERATOR = re.compile(r":\+|\+|:-|-")
_LONGEST = 1 << 16  # characters; a value that grows past this while expanding refers to itself


def parse(text: str) -> dict[str, str]:
    """Names and values in file order; a name given twice keeps its last value."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    values: dict[str, str] = {}
    at = 0
    while at < len(text):
        at = _skip(text, at, _SPACE + "\n")
        match = _NAME.match(text, at)
        found = match and _value(text, match.end())
        if match and found:
            values[match[1]], at = found
        else:
            at = _line_end(text, at) + 1
    return values


def expand(values: Mapping[str, str], outside: Mapping[str, str]) -> dict[str, str]:
    """The values with `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME:+other}` filled in; `\\$` is a plain `$`.

    `outside` (the process's environment, where it is included) wins over a value of the files, as in wrangler.
    An unknown name is empty.
    """
    done: dict[str, str] = {}
    for name, value in values.items():
        given = outside.get(name)
        full = given if given else _expand(value, {**done, **outside}, done)
        done[name] = full.replace("\\$", "$")
    return done


def _expand(value: str, known: Mapping[str, str], done: Mapping[str, str]) -> str:
    seen = set()
    while (match := _REFERENCE.search(value)) and len(value) < _LONGEST:
        if value in seen:
            break  # names that refer to each other; Node's version would not end
        seen.add(value)
        expression = match[1] or match[2]
        operator = _OPERATOR.search(expression)
        name = expression[: operator.start()] if operator else expression
        other = expression[operator.end() :] if operator else ""
        if operator and "+" in operator[0]:
            filled = other if known.get(name) else ""
        else:
            filled = known.get(name) or other
            if filled in seen:
                filled = other
        value = value[: match.start()] + filled + value[match.end() :]
        if value == done.get(name):
            break
    return value


def _value(text: str, at: int) -> tuple[str, int] | None:
    """The value behind a name and where the next line starts; None when this is no assignment."""
    start = _skip(text, at, _SPACE)
    if start < len(text) and text[start] == "=":
        at = _skip(text, start + 1, _SPACE)
    elif text.startswith(":", at) and at + 1 < len(text) and text[at + 1] in _SPACE:
        at = _skip(text, at + 1, _SPACE)
    else:
        return None
    if at < len(text) and text[at] in "'\"`":
        quoted = _quoted(text, at)
        if quoted is not None:
            return quoted
    end = _line_end(text, at)
    comment = text.find("#", at, end)
    value = text[at : comment if comment >= 0 else end].strip()
    return _unquote(value), end + 1


def _quoted(text: str, at: int) -> tuple[str, int] | None:
    """A quoted value, if its line ends (or a comment begins) behind the closing quote.

    A quote after a backslash closes only when no later one can (`'C:\\'` ends where it seems to).
    """
    closing: list[int] = []
    close = text.find(text[at], at + 1)
    while close >= 0:
        closing.append(close)
        if text[close - 1] != "\\" or close - 1 == at:
            break
        close = text.find(text[at], close + 1)
    for close in reversed(closing):
        rest = _skip(text, close + 1, _SPACE)
        if rest == len(text) or text[rest] in "\n#":
            return _unquote(text[at : close + 1]), _line_end(text, rest) + 1
    return None


def _unquote(value: str) -> str:
    double = value.startswith('"')
    if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"`":
        value = value[1:-1]
    return value.replace("\\n", "\n").replace("\\r", "\r") if double else value


def _skip(text: str, at: int, chars: str) -> int:
    while at < len(text) and text[at] in chars:
        at += 1
    return at


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
