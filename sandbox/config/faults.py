"""`[[faults]]` of sandbox.toml, and the same fields where a fault is added while the sandbox is up.

Kinds and what each takes: `latency` (`ms`, and up to `jitter_ms` more), `status` (`status`, `body`, `headers`), `drop`
(the connection is lost), `slow_body` (`bytes_per_second`), `truncate` (the connection is lost after `after_bytes` of the
answer's body), `kv_429` (the KV operation is refused as Cloudflare does: more than one write a second to a key).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast, get_args

from sandbox.config.fault_bindings import unknown_binding
from sandbox.config.models import FaultConfig, FaultKind, WorkerConfig
from sandbox.config.names import WorkerNames
from sandbox.config.problems import Problems
from sandbox.config.tables import Table, shown
from sandbox.errors import UserError

KINDS: tuple[str, ...] = get_args(FaultKind)
STEPS = ("handshake", "process", "acknowledge", "progress")
KV_POINTS = ("kv.get", "kv.put", "kv.delete", "kv.list")
POINTS = ("request", "service", "outbound", "kv", *KV_POINTS, *STEPS)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
LONGEST_MS = 3_600_000
_OF_KIND = {
    "latency": ("ms", "jitter_ms"),
    "status": ("status", "body", "headers"),
    "slow_body": ("bytes_per_second",),
    "truncate": ("after_bytes",),
}
"""What a kind alone takes; the first of each must be there."""


class BadFault(UserError):
    """A fault that cannot be; the message names each field that is wrong."""

    code = "bad_fault"


def read_faults(
    document: Table, workers: WorkerNames, hosted: Mapping[str, WorkerConfig] | None = None
) -> tuple[FaultConfig, ...]:
    """Every `[[faults]]` that is right; the others become problems. `hosted` as for `fault_of`."""
    found = [_read(table, workers, hosted) for table in document.tables("faults")]
    return tuple(fault for fault in found if fault is not None)


def fault_of(
    fields: Mapping[str, Any], workers: Iterable[str], hosted: Mapping[str, WorkerConfig] | None = None
) -> FaultConfig:
    """A fault by its fields. Raises BadFault, naming all that is wrong; an unknown field is wrong here.

    `hosted` are the workers whose bindings a fault may name; None where not all of them are known."""
    problems = Problems()
    fault = _read(Table(fields, Path(), "", problems), WorkerNames(workers), hosted)
    if fault is None or problems.found:
        told = [f"{found.key}: {found.message}" for found in problems.found]
        hints = [found.hint for found in problems.found if found.hint]
        raise BadFault(
            "; ".join(told).replace("is not a known key and is ignored", "is not known"), hint="; ".join(hints) or None
        )
    return fault


def _read(table: Table, workers: WorkerNames, hosted: Mapping[str, WorkerConfig] | None) -> FaultConfig | None:
    before = len(table.problems.errors)
    kind = _kind(table)
    values: dict[str, Any] = {
        "at": table.choice("at", POINTS),
        "worker": _worker(table, workers),
        "route": table.text("route"),
        "binding": table.text("binding"),
        "key": table.text("key"),
        "probability": table.number("probability", least=0, most=1),
        "seed": table.integer("seed", least=0, most=2**53),
        "times": table.integer("times", least=1),
        "ms": table.integer("ms", least=0, most=LONGEST_MS),
        "jitter_ms": table.integer("jitter_ms", least=0, most=LONGEST_MS),
        "status": table.integer("status", least=200, most=599),
        "body": _body(table),
        "headers": _headers(table),
        "bytes_per_second": table.integer("bytes_per_second", least=1),
        "after_bytes": table.integer("after_bytes", least=0),
    }
    table.warn_unknown()
    if kind is None:
        return None
    values = {name: value for name, value in values.items() if value is not None}
    for other, names in _OF_KIND.items():
        for name in names if other != kind else ():
            if name in values:
                table.error(name, f"is not for kind {kind}", f"it belongs to kind {other}")
    needed = _OF_KIND.get(kind, ("",))[0]
    if needed and needed not in table:
        table.error(needed, "is missing", f"kind {kind} needs it")
    points = _points(table, kind, values)
    if len(table.problems.errors) > before:
        return None
    fault = FaultConfig(cast(FaultKind, kind), points, **values)
    wrong = unknown_binding(fault, hosted) if hosted is not None else None
    if wrong is not None:
        table.error("binding", *wrong)
        return None
    return fault


def _kind(table: Table) -> str | None:
    """Dashes do as well: `slow-body` is what a command line would say."""
    given = table.raw("kind")
    if isinstance(given, str) and given.replace("-", "_") in KINDS:
        return given.replace("-", "_")
    if given is None:
        table.error("kind", "is missing", f"one of {', '.join(KINDS)}")
        return None
    return table.choice("kind", KINDS)


def _worker(table: Table, workers: WorkerNames) -> str | None:
    name = table.text("worker")
    if name is None or "*" in name:
        return name
    canonical = workers.canonical(name)
    if canonical is None:
        table.error("worker", f"there is no worker {shown(name)}", workers.hint(name))
    return canonical


def _body(table: Table) -> str | None:
    """A text, which may be empty."""
    value = table.raw("body")
    if value is not None and not isinstance(value, str):
        table.error("body", f"must be text, not {shown(value)}")
        return None
    return value


def _headers(table: Table) -> dict[str, str] | None:
    given = table.table("headers")
    if given is None:
        return None
    found = {}
    for name in given.data:
        value = given.raw(name)
        text = str(value) if isinstance(value, int) and not isinstance(value, bool) else given.text(name)
        if HEADER_NAME.fullmatch(name) is None:
            given.error(name, "cannot be a header's name")
        elif text is not None and any(mark in text for mark in "\r\n\0"):
            given.error(name, "a header cannot hold a line break")
        elif text is not None:
            found[name] = text
    return found


def _points(table: Table, kind: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """Where it stands: as `at` says, else as the other fields imply."""
    at, route = values.get("at"), values.get("route")
    if at is None:
        if kind == "kv_429" or "key" in values:
            at = "kv"
        elif "binding" in values:
            at = "binding"
        else:
            at = "outbound" if route is not None and "://" in route else "request"
    points = {
        "kv": KV_POINTS,
        "binding": ("service", *(KV_POINTS if kind in ("latency", "drop", "status") else ())),
    }.get(at, (at,))
    on_kv = any(point in KV_POINTS for point in points)
    if on_kv and kind in ("slow_body", "truncate"):
        table.error("kind", f"{kind} is not for KV, which has no body that arrives in pieces")
    if kind == "kv_429" and not on_kv:
        table.error("at", f"kv_429 is for KV, not for {at}")
    if "key" in values and not on_kv:
        table.error("key", f"is for KV, not for {at}")
    if "binding" in values and not (on_kv or "service" in points):
        table.error(
            "binding", f"is the caller's own name for something; {at} knows none", 'give at = "service" or "kv"'
        )
    if route is not None:
        if points[0] not in ("request", "service", "outbound"):
            table.error("route", f"{at} has no route")
        elif at == "outbound" and not route.startswith(("http://", "https://", "*")):
            table.error("route", f"{shown(route)} is no address", 'write it whole, as in "https://feeds.test/*"')
        elif at != "outbound" and not route.startswith(("/", "*")):
            table.error(
                "route", f"{shown(route)} is no path", "a path begins with /, an address of an outbound call with http"
            )
    return points
