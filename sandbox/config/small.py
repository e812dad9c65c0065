"""Bindings of few words: rate limits, the version's metadata, and the expressions of cron triggers."""

from __future__ import annotations

from sandbox.config.bindings import NAME, NAME_HINT, binding_name
from sandbox.config.cron import BadCron, Cron
from sandbox.config.models import RateLimitBinding
from sandbox.config.tables import Table, shown

PERIODS = (10, 60)
"""Seconds [docs: runtime-apis/bindings/rate-limit]."""


def read_ratelimits(table: Table) -> tuple[RateLimitBinding, ...]:
    """`ratelimits`, and `unsafe.bindings` of type `ratelimit`, as they were written before."""
    unsafe = table.table("unsafe")
    old = [entry for entry in unsafe.tables("bindings") if entry.raw("type") == "ratelimit"] if unsafe else []
    found = [_ratelimit(entry) for entry in [*table.tables("ratelimits"), *old]]
    return tuple(binding for binding in found if binding is not None)


def _ratelimit(entry: Table) -> RateLimitBinding | None:
    name = entry.text("name", required=True)
    if name is not None and not NAME.fullmatch(name):
        entry.error("name", f"{shown(name)} cannot be a binding's name", f"use {NAME_HINT}")
        name = None
    identity = entry.text("namespace_id", required=True)
    simple = entry.table("simple")
    if simple is None:
        if "simple" not in entry.data:
            entry.error("simple", "is missing", "as in simple = { limit = 100, period = 60 }")
        return None
    limit, period = simple.integer("limit", least=1), simple.integer("period", least=1)
    for key in ("limit", "period"):
        if key not in simple.data:
            simple.error(key, "is missing", "as in simple = { limit = 100, period = 60 }")
    if period is not None and period not in PERIODS:
        simple.error("period", f"must be 10 or 60 (seconds), not {period}")
        return None
    if name is None or identity is None or limit is None or period is None:
        return None
    return RateLimitBinding(name, identity, limit, period)


def read_version_metadata(table: Table) -> str | None:
    """The name of the binding, None where there is none."""
    single = table.table("version_metadata")
    return binding_name(single) if single is not None else None


def read_crons(table: Table) -> tuple[str, ...]:
    """`triggers.crons`, each once."""
    triggers = table.table("triggers")
    given = (triggers.strings("crons") if triggers is not None else None) or ()
    for number, text in enumerate(given):
        try:
            never = next(Cron(text).after(0.0), None) is None
        except BadCron as wrong:
            table.error(f"triggers.crons[{number}]", str(wrong), "minute hour day-of-month month day-of-week")
            continue
        if never:
            table.error(f"triggers.crons[{number}]", f"{shown(text)} names a day that never comes")
    return tuple(dict.fromkeys(given))
