"""`RegExp`, over Python's `re` for the patterns both languages write alike."""

from __future__ import annotations

import re
from typing import Any

from sandbox.runtime.values import HostObject, JsArray, JsException, js_method, js_str, jsnull


class RegExp(HostObject):
    """`RegExp`: `test`, `exec`, `source`, `flags`, `lastIndex`."""

    def __init__(self, pattern: Any = "", flags: Any = "", *_: Any) -> None:
        self.source: str = pattern.source if isinstance(pattern, RegExp) else js_str(pattern) or "(?:)"
        self.flags = "".join(sorted("" if flags is None else js_str(flags)))
        self.lastIndex = 0
        kinds = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}
        mode = re.ASCII if "u" not in self.flags else re.NOFLAG
        for flag in self.flags:
            if flag not in "dgimsuvy":
                raise JsException("SyntaxError", f"Invalid flags supplied to RegExp constructor '{js_str(flags)}'")
            mode |= kinds.get(flag, re.NOFLAG)
        try:
            self._compiled = re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", self.source), mode)
        except re.error as error:
            text = f"Invalid regular expression: /{self.source}/: {error.msg}"
            raise JsException("SyntaxError", text) from None

    @property
    def _sticky(self) -> bool:
        return "g" in self.flags or "y" in self.flags

    @js_method
    def exec(self, text: Any) -> Any:
        subject = js_str(text)
        start = self.lastIndex if self._sticky else 0
        found = (self._compiled.match if "y" in self.flags else self._compiled.search)(subject, start)
        if found is None:
            self.lastIndex = 0
            return jsnull
        if self._sticky:
            self.lastIndex = found.end()
        return JsArray([found[0], *found.groups()])

    @js_method
    def test(self, text: Any) -> bool:
        return self.exec(text) is not jsnull

    def toString(self) -> str:
        return f"/{self.source}/{self.flags}"
