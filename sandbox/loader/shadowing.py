"""Which names a worker's own files can take: decided as Pyodide's `sys.path` and `sys.modules` would."""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder

# What Pyodide's start and the SDK have imported before a worker's main module runs. A file of the same name is never
# reached on Cloudflare: `import logging` finds the loaded module. (Measured: the modules of the standard library that
# asyncio, importlib.metadata, http.client, inspect, tarfile and the SDK's own import lines pull in.)
LOADED_FIRST = frozenset(
    """abc argparse ast asyncio base64 bisect bz2 calendar codecs collections concurrent contextlib contextvars copy
    copyreg csv dataclasses datetime dis email encodings enum fnmatch functools genericpath hashlib heapq http
    importlib inspect io ipaddress json keyword linecache locale logging lzma mimetypes ntpath opcode operator os
    pathlib posixpath quopri random re reprlib selectors shutil signal site socket ssl stat string struct subprocess
    sysconfig tarfile tempfile textwrap threading token tokenize traceback types typing urllib warnings weakref
    zipfile zipimport""".split()
)
# Modules in C that Pyodide links into the interpreter: `BuiltinImporter` stands before every folder.
LINKED = frozenset("array binascii cmath fcntl grp math mmap pyexpat select unicodedata zlib".split())
PLATFORM = frozenset(
    {"workers", "js", "pyodide", "pyodide_js", "_pyodide_entrypoint_helper", "_cloudflare_compat_flags"}
)
NEVER_OWN = LOADED_FIRST | LINKED | PLATFORM | frozenset(sys.builtin_module_names) | {"__main__", "python_modules"}


def found_elsewhere(name: str) -> bool:
    """Whether a top-level name is a real module or package outside the worker. A folder without `__init__.py` gives
    way to one, wherever it stands on the path (PEP 420)."""
    if name in sys.modules or name in sys.stdlib_module_names:
        return True
    spec = PathFinder.find_spec(name)
    return spec is not None and spec.loader is not None and spec.origin is not None
