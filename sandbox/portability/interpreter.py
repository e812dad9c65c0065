"""Which Python a compatibility date and flags choose on Cloudflare, and which modules are gone from it."""

from __future__ import annotations

from sandbox.config.models import WorkerConfig

_GONE_3_12 = frozenset("asynchat asyncore distutils imp smtpd".split())
_GONE_3_13 = frozenset(
    "aifc audioop cgi cgitb chunk crypt imghdr lib2to3 mailcap msilib nis nntplib ossaudiodev pipes sndhdr spwd sunau "
    "telnetlib uu xdrlib".split()
)


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
