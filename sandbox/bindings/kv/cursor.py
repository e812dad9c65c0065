"""List cursors: the base64 of the last key of the page; the next page starts after it."""

from __future__ import annotations

import base64
import re

_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]")


def encode(last_key: bytes) -> str:
    return base64.b64encode(last_key).decode()


def decode(cursor: str) -> bytes:
    """Any text is a cursor, as Node reads base64: what is not of its alphabet is skipped."""
    text = cursor.encode(errors="replace").replace(b"-", b"+").replace(b"_", b"/")
    text = _NOT_BASE64.sub(b"", text.partition(b"=")[0])
    if len(text) % 4 == 1:
        text = text[:-1]
    return base64.b64decode(text + b"=" * (-len(text) % 4))
