"""Which Python a compatibility date and flags choose on Cloudflare, and what its standard library has not, or has anew."""

from __future__ import annotations

from sandbox.config.models import WorkerConfig

PLATFORM = frozenset({"workers", "js", "pyodide", "pyodide_js", "asgi", "_pyodide", "pyodide_kernel"})
"""Modules that the runtime itself brings."""
_GONE_3_12 = frozenset("asynchat asyncore distutils imp smtpd".split())
_GONE_3_13 = frozenset(
    "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd sunau "
    "telnetlib uu xdrlib".split()
)
# Found by importing every module of the standard library in Pyodide 314.0.7.
_NOT_IN_PYODIDE = frozenset(
    "_curses curses dbm ensurepip grp idlelib msvcrt nt pwd readline resource syslog tkinter turtle turtledemo venv winreg winsound".split()
)
_NEW_3_14 = frozenset({"annotationlib", "compression"})


def minor_of(config: WorkerConfig) -> int:
    """12 before 2025-09-29, 13 from then, 14 from 2026-09-08; the flags of wrangler choose earlier."""
    flags = config.compatibility_flags
    if config.compatibility_date >= "2026-09-08" or {"python_workers_314", "python_workers_20260610"} & set(flags):
        return 14
    if config.compatibility_date >= "2025-09-29" or "python_workers_20250116" in flags:
        return 13
    return 12


def gone(minor: int) -> frozenset[str]:
    """Standard library modules that Python 3.`minor` no longer has."""
    return _GONE_3_12 | _GONE_3_13 if minor >= 13 else _GONE_3_12


def not_in_pyodide() -> frozenset[str]:
    """Modules of the standard library that Python on Cloudflare is built without, whatever its version."""
    return _NOT_IN_PYODIDE


def new(minor: int) -> frozenset[str]:
    """Standard library modules of Python 3.`minor` that older ones, which may run here, have not."""
    return _NEW_3_14 if minor >= 14 else frozenset()
