"""What a body is (JSON, a form, text, bytes) and how it is written so that people can read it and get it back."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

_LAYOUTS: dict[str, dict[str, Any]] = {
    "compact": {"separators": (",", ":"), "ensure_ascii": False},
    "spaced": {"ensure_ascii": False},
    "compact-ascii": {"separators": (",", ":")},
    "spaced-ascii": {},
}
_BOUNDARY = re.compile(r'boundary="?([^";,\s]+)', re.IGNORECASE)


def read_json(body: bytes, content_type: str) -> Any:
    """The value of a JSON body. Raises ValueError for what is none (and for a bare word or number without the type)."""
    plain = content_type.partition(";")[0].strip().lower()
    if plain != "application/json" and not plain.endswith("+json") and body.lstrip()[:1] not in (b"{", b"["):
        raise ValueError("not JSON")
    try:
        return json.loads(body)
    except RecursionError:
        raise ValueError("nested too deep") from None


def is_form(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/x-www-form-urlencoded"


def text_of(body: bytes) -> str | None:
    """The body as text; None for bytes that are none."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def meaning(body: bytes, content_type: str) -> Any:
    """The body as it is compared: a JSON value, a form's sorted pairs, text with plain line ends and a fixed multipart
    boundary, or bytes. None for no body."""
    if not body:
        return None
    try:
        return {"json": read_json(body, content_type)}
    except ValueError:
        pass
    text = text_of(body)
    if text is None:
        return body
    if is_form(content_type):
        return {"form": sorted(parse_qsl(text, keep_blank_values=True))}
    boundary = _BOUNDARY.search(content_type)
    if boundary is not None:
        text = text.replace(boundary.group(1), "boundary")
    return text.replace("\r\n", "\n")


def readable(body: bytes, content_type: str) -> tuple[str | bytes, str | None]:
    """The body as it stands in a file, and the layout by which `restored` gets the very bytes back.

    JSON is indented, CRLF becomes a plain line end; both only where the bytes can be had again exactly.
    """
    text = text_of(body)
    if text is None:
        return body, None
    try:
        value = read_json(body, content_type)
        for layout, style in _LAYOUTS.items():
            if json.dumps(value, **style) == text:
                pretty = indented(value)
                return (text, None) if pretty == text else (pretty, layout)
    except (ValueError, RecursionError):
        pass  # no JSON, or too deep to write
    if "\r\n" in text and "\n" not in text.replace("\r\n", "") and "\r" not in text.replace("\r\n", ""):
        return text.replace("\r\n", "\n"), "crlf"
    return text, None


def indented(value: Any) -> str:
    """JSON for people. Raises ValueError for NaN and infinities, which are none."""
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    # Half a surrogate pair is no character, and only JSON's escapes can say it.
    return text if text.isascii() or _whole(text) else json.dumps(value, indent=2)


def restored(text: str | bytes, layout: str | None) -> bytes:
    """What `readable` was given. A layout that is not known, or no longer fits an edited text, changes nothing."""
    if isinstance(text, bytes):
        return text
    if layout == "crlf":
        return text.replace("\n", "\r\n").encode()
    if layout in _LAYOUTS:
        try:
            return json.dumps(json.loads(text), **_LAYOUTS[layout]).encode()
        except ValueError:
            pass  # edited by hand into something else
    return text.encode()


def _whole(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
