"""Compatibility dates and flags of Python Workers."""

from __future__ import annotations

from collections.abc import Iterable

# From which compatibility date on a flag is on by itself. Flags without a date are on only where they are named.
_SINCE = {
    "python_workers_force_new_vendor_path": "2025-08-11",
    "python_no_global_handlers": "2025-08-14",
    "python_workflows": "2025-09-20",
    "python_workers_20250116": "2025-09-29",
    "python_dedicated_snapshot": "2025-10-16",
    "python_check_rng_state": "2025-12-16",
    "python_request_headers_preserve_commas": "2026-02-17",
    "python_workflows_implicit_dependencies": "2026-02-25",
}


def compatibility_flags(date: str, flags: Iterable[str] = ()) -> frozenset[str]:
    """The flags in force for a worker's `compatibility_date` (YYYY-MM-DD) and `compatibility_flags`.

    A flag that its date turned on is turned off by `no_NAME` or `disable_NAME`; names that are not known stay in.
    """
    named = set(flags)
    in_force = named | {name for name, since in _SINCE.items() if date >= since}
    return frozenset(name for name in in_force if not {f"no_{name}", f"disable_{name}"} & named)
