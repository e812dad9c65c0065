"""Percent-encoding sets of the URL standard, and the urlencoded form format."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from sandbox.runtime.values import js_str, throw

_C0 = {chr(code) for code in range(0x20)} | {"\x7f"}
FRAGMENT = frozenset(_C0 | set(' "<>`'))
QUERY = frozenset(_C0 | set(' "#<>'))
SPECIAL_QUERY = QUERY | {"'"}
PATH = QUERY | frozenset("?^`{}")
USERINFO = PATH | frozenset("/:;=@[\\]|")
C0_CONTROL = frozenset(_C0)


def _table(members: frozenset[str]) -> tuple[re.Pattern[str], dict[str, str]]:
    escapes = {char: f"%{ord(char):02X}" for char in members}
    return re.compile("[" + re.escape("".join(sorted(members))) + "]|[^\x00-\x7f]+"), escapes


_tables = {id(members): _table(members) for members in (FRAGMENT, QUERY, SPECIAL_QUERY, PATH, USERINFO, C0_CONTROL)}


def encode(text: str, members: frozenset[str]) -> str:
    """Percent-encode the characters of one of this module's sets, and everything beyond ASCII, as UTF-8."""
    pattern, escapes = _tables[id(members)]

    def escape(found: re.Match[str]) -> str:
        chars = found[0]
        known = escapes.get(chars)
        if known is not None:
            return known
        return "".join(f"%{byte:02X}" for byte in chars.encode("utf-8", "replace"))

    return pattern.sub(escape, text)


_FORM_SAFE = frozenset(b"*-._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
_FORM = [chr(byte) if byte in _FORM_SAFE else "+" if byte == 0x20 else f"%{byte:02X}" for byte in range(256)]


def form_encode(pairs: Iterable[tuple[str, str]]) -> str:
    """`application/x-www-form-urlencoded` text of pairs."""
    return "&".join(f"{_form_part(name)}={_form_part(value)}" for name, value in pairs)


def _form_part(text: str) -> str:
    data = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    return "".join([_FORM[byte] for byte in data])


def form_decode(text: str) -> list[tuple[str, str]]:
    """Pairs of an `application/x-www-form-urlencoded` text."""
    pairs = []
    for part in text.split("&"):
        if part:
            name, _, value = part.partition("=")
            pairs.append((_form_unpart(name), _form_unpart(value)))
    return pairs


def _form_unpart(text: str) -> str:
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "replace")


def encode_uri_component(text: Any = None, *_: Any) -> str:
    """JavaScript's `encodeURIComponent`."""
    return _uri(text, "-_.!~*'()")


def encode_uri(text: Any = None, *_: Any) -> str:
    """JavaScript's `encodeURI`."""
    return _uri(text, "-_.!~*'();/?:@&=+$,#")


def _uri(text: Any, safe: str) -> str:
    try:
        return quote(js_str(text), safe=safe)
    except UnicodeEncodeError:
        throw("URIError", "URI malformed")


def decode_uri_component(text: Any = None, *_: Any) -> str:
    """JavaScript's `decodeURIComponent`."""
    given = js_str(text)
    try:
        if re.search(r"%(?![0-9a-fA-F]{2})", given):
            raise ValueError(given)
        return unquote_to_bytes(given).decode()
    except ValueError:
        throw("URIError", "URI malformed")
