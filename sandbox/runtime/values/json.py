"""`JSON.parse` and `JSON.stringify`, with JavaScript's numbers, key order and error texts."""

from __future__ import annotations

import json
import math
from json.encoder import encode_basestring
from typing import Any

from sandbox.runtime.values.arrays import JsArray, call_back
from sandbox.runtime.values.errors import JsException, throw
from sandbox.runtime.values.numbers import (
    MAX_SAFE_INTEGER,
    JsBoolean,
    JsNumber,
    JsString,
    format_number,
    js_str,
    normalize_float,
    to_integer,
)
from sandbox.runtime.values.objects import JsObject, own_entries
from sandbox.runtime.values.proxy import JsProxy, jsnull


def _integer(text: str) -> int | float:
    value = int(text) if len(text) < 17 else float(text)
    return value if isinstance(value, int) and abs(value) <= MAX_SAFE_INTEGER else normalize_float(float(text))


def _float(text: str) -> int | float:
    return normalize_float(float(text))


def _constant(text: str) -> Any:
    raise ValueError(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=JsObject, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def parse(text: Any = None, reviver: Any = None, *_: Any) -> Any:
    """`JSON.parse(text, reviver)`: JavaScript values (`null` is jsnull). Raises SyntaxError as V8 words it."""
    source = js_str(text)
    stripped = source.strip(" \t\n\r")
    try:
        value = _wrap(_decoder.decode(stripped))
    except json.JSONDecodeError as error:
        offset = len(source) - len(source.lstrip(" \t\n\r"))
        raise JsException("SyntaxError", syntax_message(source, error.pos + offset, error.msg)) from None
    except ValueError as error:  # NaN and Infinity, which Python's decoder would take
        position = source.find(str(error).lstrip("-"))
        raise JsException("SyntaxError", syntax_message(source, position, "Expecting value")) from None
    except RecursionError:
        throw("RangeError", "Maximum call stack size exceeded")
    return _revive(value, reviver, "") if callable(reviver) else value


def _wrap(value: Any) -> Any:
    """Arrays and nulls of a decoded text as JavaScript values (objects are JsObjects already)."""
    if value is None:
        return jsnull
    if type(value) is list:
        return JsArray([_wrap(item) for item in value])
    if type(value) is JsObject:
        data = value._data
        for key, item in data.items():
            if item is None or type(item) in (list, JsObject):
                data[key] = _wrap(item)
    return value


def _revive(value: Any, reviver: Any, key: str) -> Any:
    if isinstance(value, JsArray):
        value._items[:] = [_revive(item, reviver, str(index)) for index, item in enumerate(value._items)]
    elif isinstance(value, JsObject):
        for name, item in list(value._data.items()):
            value._data[name] = _revive(item, reviver, name)
    return call_back(reviver, key, value)


def syntax_message(source: str, position: int, problem: str) -> str:
    """V8's words for what Python's decoder found at `position`."""
    if position >= len(source) or problem.startswith("Unterminated string"):
        if problem.startswith("Unterminated string"):
            return f"Unterminated string in JSON at position {len(source)}{_place(source, len(source))}"
        return "Unexpected end of JSON input"
    known = {
        "Expecting property name": "Expected property name or '}'",
        "Expecting ':'": "Expected ':' after property name",
        "Invalid control character": "Bad control character in string literal",
        "Invalid \\": "Bad escaped character",
        "Extra data": "Unexpected non-whitespace character after JSON",
        "Illegal trailing comma": "Expected double-quoted property name",
    }
    for beginning, words in known.items():
        if problem.startswith(beginning):
            joint = "" if "after JSON" in words else " in JSON"
            return f"{words}{joint} at position {position}{_place(source, position)}"
    if problem.startswith("Expecting ','"):
        inside = source[:position].count("{") - source[:position].count("}")
        words = "',' or '}' after property value" if inside > 0 else "',' or ']' after array element"
        return f"Expected {words} in JSON at position {position}{_place(source, position)}"
    char = source[position]
    if len(source) <= 20:
        return f"Unexpected token '{char}', \"{source}\" is not valid JSON"
    start, end = max(position - 10, 0), min(position + 10, len(source))
    before, after = "..." if start else "", "..." if end < len(source) else ""
    return f"Unexpected token '{char}', {before}\"{source[start:end]}\"{after} is not valid JSON"


def _place(source: str, position: int) -> str:
    line = source.count("\n", 0, position) + 1
    column = position - (source.rfind("\n", 0, position) + 1) + 1
    return f" (line {line} column {column})"


def stringify(value: Any = None, replacer: Any = None, indent: Any = None, *_: Any) -> str | None:
    """`JSON.stringify(value, replacer, space)`; None where there is no JSON (undefined, functions)."""
    space = " " * min(max(to_integer(indent), 0), 10) if not isinstance(indent, str) else indent[:10]
    return _write(value, "", replacer, space, "", [])


def _write(value: Any, key: str, replacer: Any, space: str, margin: str, above: list[Any]) -> str | None:
    if isinstance(value, JsProxy):
        to_json = getattr(value, "toJSON", None)
        if callable(to_json):
            value = call_back(to_json, key)
    if callable(replacer):
        value = call_back(replacer, key, value)
    if isinstance(value, str):
        return quote(value)
    if value is None:
        return None
    if value is jsnull:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            throw("TypeError", "Do not know how to serialize a BigInt")
        return str(value)
    if isinstance(value, float):
        return format_number(value) if math.isfinite(value) else "null"
    if isinstance(value, (JsNumber, JsString, JsBoolean)):
        return _write(value.valueOf(), key, None, space, margin, above)
    if callable(value):
        return None
    if any(value is outer for outer in above):
        throw("TypeError", "Converting circular structure to JSON")
    above.append(value)
    inner = margin + space
    if isinstance(value, (JsArray, list, tuple)):
        parts = [_write(x, str(i), replacer, space, inner, above) or "null" for i, x in enumerate(value)]
        text = _join("[", parts, "]", space, margin)
    else:
        entries = value.items() if isinstance(value, dict) else own_entries(value)
        if isinstance(replacer, JsArray):
            entries = [entry for entry in entries if replacer.includes(entry[0])]
        colon = ": " if space else ":"
        parts = []
        for name, item in entries:
            written = _write(item, name, replacer, space, inner, above)
            if written is not None:
                parts.append(quote(js_str(name)) + colon + written)
        text = _join("{", parts, "}", space, margin)
    above.pop()
    return text


def _join(start: str, parts: list[str], end: str, space: str, margin: str) -> str:
    if not parts:
        return start + end
    if not space:
        return start + ",".join(parts) + end
    inner = margin + space
    return f"{start}\n{inner}" + f",\n{inner}".join(parts) + f"\n{margin}{end}"


def quote(text: str) -> str:
    """A JSON string as JavaScript writes it: non-ASCII as it is, lone surrogates escaped."""
    quoted = encode_basestring(text)
    if quoted.isascii():
        return quoted
    return "".join(f"\\u{ord(char):04x}" if "\ud800" <= char <= "\udfff" else char for char in quoted)
