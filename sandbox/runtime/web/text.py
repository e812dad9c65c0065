"""UTF-8 as the web platform reads and writes it."""

from __future__ import annotations


def utf8(text: str) -> bytes:
    """UTF-8 of a JavaScript string; lone surrogates become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()


def decode_utf8(data: bytes) -> str:
    """Text of a body: a byte order mark is dropped, malformed bytes become U+FFFD."""
    text = str(data, "utf-8", "replace")
    return text[1:] if text.startswith("\ufeff") else text
