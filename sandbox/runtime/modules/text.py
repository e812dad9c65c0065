"""`TextEncoder`, `TextDecoder`, `btoa`, `atob`."""

from __future__ import annotations

import base64
import binascii
import codecs
from typing import Any

from sandbox.runtime.values import HostObject, JsObject, Uint8Array, byte_view, js_method, js_str, option, throw
from sandbox.runtime.web.text import utf8

_LABELS = {"utf8": "utf-8", "unicode-1-1-utf-8": "utf-8", "latin1": "windows-1252", "iso-8859-1": "windows-1252",
           "ascii": "windows-1252", "us-ascii": "windows-1252", "utf-16": "utf-16le"}  # fmt: skip
_CODECS = {"utf-8": "utf-8", "windows-1252": "cp1252", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}


class TextEncoder(HostObject):
    """`TextEncoder`."""

    encoding = "utf-8"

    def __init__(self, *_: Any) -> None:
        pass

    @js_method
    def encode(self, text: Any) -> Uint8Array:
        made: Uint8Array = Uint8Array._over(b"" if text is None else utf8(js_str(text)))
        return made

    @js_method
    def encodeInto(self, text: Any, target: Any) -> JsObject:
        read = written = 0
        data = bytearray()
        for char in js_str(text):
            part = utf8(char)
            if written + len(part) > target.byteLength:
                break
            data += part
            written += len(part)
            read += 2 if ord(char) > 0xFFFF else 1
        target.subarray(0, written).assign(bytes(data))
        return JsObject({"read": read, "written": written})


class TextDecoder(HostObject):
    """`TextDecoder`: with `{stream: true}` a character may be split between calls."""

    def __init__(self, label: Any = None, options: Any = None, *_: Any) -> None:
        name = "utf-8" if label is None else js_str(label).strip().lower()
        self.encoding = _LABELS.get(name, name)
        if self.encoding not in _CODECS:
            throw("RangeError", f'"{js_str(label)}" is not a valid encoding.')
        self.fatal = bool(option(options, "fatal", False))
        self.ignoreBOM = bool(option(options, "ignoreBOM", False))
        self._reset()

    def _reset(self) -> None:
        factory = codecs.getincrementaldecoder(_CODECS[self.encoding])
        self._decoder = factory("strict" if self.fatal else "replace")
        self._started = False

    @js_method
    def decode(self, data: Any, options: Any) -> str:
        more = bool(option(options, "stream", False))
        try:
            text = self._decoder.decode(b"" if data is None else bytes(byte_view(data)), final=not more)
        except UnicodeDecodeError:
            self._reset()
            throw("TypeError", "Failed to decode input.")
        if text and not self._started:
            self._started = True
            if not self.ignoreBOM:
                text = text.removeprefix("\ufeff")
        if not more:
            self._reset()
        return text


def btoa(text: Any = None, *_: Any) -> str:
    """Base64 of a string whose characters are bytes."""
    try:
        return base64.b64encode(js_str(text).encode("latin-1")).decode()
    except UnicodeEncodeError:
        throw("InvalidCharacterError", "btoa() can only operate on characters in the Latin1 (ISO/IEC 8859-1) range.")


def atob(text: Any = None, *_: Any) -> str:
    """The bytes of a base64 text, as a string of characters."""
    compact = "".join(js_str(text).split())
    if len(compact) % 4 == 0:
        compact = compact[:-2] if compact.endswith("==") else compact.removesuffix("=")
    try:
        if len(compact) % 4 == 1 or "=" in compact:
            raise binascii.Error
        return base64.b64decode(compact + "=" * (-len(compact) % 4), validate=True).decode("latin-1")
    except binascii.Error:
        throw("InvalidCharacterError", "atob() called with invalid base64-encoded data.")
