"""Putting the emulated modules into `sys.modules`."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType
from typing import Any

from sandbox.runtime.modules import code, entrypoint_helper, ffi, http, js

PYODIDE_VERSION = "0.28.2"


class WebLoop(asyncio.AbstractEventLoop):
    """`pyodide.webloop.WebLoop`: a name to subclass or patch; the loop that runs is asyncio's own."""


def install() -> None:
    """Make `js`, `pyodide` and the runtime's own modules importable. Doing it twice changes nothing.

    Call it before anything imports `workers`. An installed `pyodide` package is hidden by the emulated one.
    """
    if getattr(sys.modules.get("js"), "_sandbox", False):
        return
    for name in [name for name in sys.modules if name == "pyodide" or name.startswith("pyodide.")]:
        del sys.modules[name]
    scope = _module("js", js.CONTENTS)
    scope.__dict__.update(_sandbox=True, globalThis=scope, self=scope)
    pyodide = _module("pyodide", {"__version__": PYODIDE_VERSION, "__path__": []})
    for name, contents in {
        "ffi": ffi.module_contents(),
        "http": http.CONTENTS,
        "code": code.CONTENTS,
        "webloop": {"WebLoop": WebLoop},
    }.items():
        setattr(pyodide, name, _module(f"pyodide.{name}", contents))
    _module("_pyodide_entrypoint_helper", entrypoint_helper.CONTENTS)
    _module("_cloudflare_compat_flags", {"__getattr__": entrypoint_helper.compat_flag})


def _module(name: str, contents: dict[str, Any]) -> ModuleType:
    made = ModuleType(name, f"Emulated by the sandbox: see sandbox.runtime.modules ({name}).")
    made.__dict__.update(contents)
    sys.modules[name] = made
    return made
