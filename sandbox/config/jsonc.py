"""JSON with comments and trailing commas (`wrangler.jsonc`), turned into plain JSON of the same length.

Comments and surplus commas become spaces and line breaks stay, so line and column of an error are those of the file.
"""

from __future__ import annotations

import json
from typing import Any


class JsoncError(ValueError):
    """`message` at `line` and `column`, both counted from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(f"{message} (line {line}, column {column})")
        self.message = message
        self.line = line
        self.column = column


def strip(text: str) -> str:
    """The text with comments and trailing commas blanked out. Plain JSON comes back unchanged.

    Raises JsoncError for a block comment that is never closed; every other mistake is left to the JSON parser.
    """
    out = list(text)
    comma: int | None = None  # where a comma stands that nothing but space and comments has followed so far
    follows_value = False  # only a comma after a value is a trailing one: `[,]` stays an error
    at = 0
    while at < len(text):
        char = text[at]
        if char == '"':
            at = _string_end(text, at)
            comma, follows_value = None, True
            continue
        if text.startswith("//", at):
            end = at
            while end < len(text) and text[end] not in "\r\n":
                end += 1
            _blank(out, at, end)
            at = end
            continue
        if text.startswith("/*", at):
            close = text.find("*/", at + 2)
            if close < 0:
                raise JsoncError("This comment is never closed", *_position(text, at))
            _blank(out, at, close + 2)
            at = close + 2
            continue
        if char == ",":
            comma = at if follows_value else None
            follows_value = False
        elif char in "]}":
            if comma is not None:
                out[comma] = " "
            comma, follows_value = None, True
        elif char in "[{:":
            comma, follows_value = None, False
        elif char not in " \t\r\n":
            comma, follows_value = None, True
        at += 1
    return "".join(out)


def loads(text: str) -> Any:
    """Parse JSON with comments. Raises JsoncError with line and column; `NaN` and `Infinity` are not JSON."""
    text = text.removeprefix("\ufeff")
    plain = strip(text)
    try:
        return json.loads(plain, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise JsoncError(error.msg, error.lineno, error.colno) from error
    except _NotJsonError as error:
        raise JsoncError(f"{error.word} is not JSON", *_position(plain, plain.find(error.word))) from error
    except RecursionError as error:
        raise JsoncError("Nested too deeply", 1, 1) from error


class _NotJsonError(ValueError):
    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


def _no_constant(word: str) -> Any:
    raise _NotJsonError(word)


def _string_end(text: str, start: int) -> int:
    """The place behind the closing quote; the end of the line or text for a string that is not closed."""
    at = start + 1
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif text[at] == '"':
            return at + 1
        elif text[at] in "\r\n":
            return at
        else:
            at += 1
    return len(text)


def _blank(out: list[str], start: int, end: int) -> None:
    for at in range(start, end):
        if out[at] not in "\r\n":
            out[at] = " "


def _position(text: str, at: int) -> tuple[int, int]:
    line = text.count("\n", 0, at) + 1
    return line, at - text.rfind("\n", 0, at)
